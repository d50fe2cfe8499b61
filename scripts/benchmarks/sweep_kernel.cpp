// The limit to chase: the deep net's full-batch step by hand, 16 networks a vector.
//
// One core trains 16 networks side by side; every value is a vector over networks.
// Built and called by `benchmark.py sweep`.

#include <type_traits>

typedef float V __attribute__((vector_size(64)));
typedef int VI __attribute__((vector_size(64)));
const int R = 16, N = 4, W = 5;

static inline V exp_v(V x) {
  // e^x = 2^n e^r with |r| <= ln(2)/2; e^r by its series, to float precision.
  V low = V{} - 87.0f, high = V{} + 88.0f;
  x = x < low ? low : x;
  x = x > high ? high : x;
  V n = x * 1.44269504f;
  n = (n + 12582912.0f) - 12582912.0f;  // Rounds to whole numbers.
  V r = x - n * 0.693359375f + n * 2.12194440e-4f;
  V p = V{} + 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  VI bits = (__builtin_convertvector(n, VI) + 127) << 23;
  return p * (V)bits;
}

static inline V sigmoid_v(V z) { return 1.0f / (1.0f + exp_v(-z)); }

template <bool kSigmoid>
static inline V activate(V z) {
  return kSigmoid ? sigmoid_v(z) : (z > 0.0f ? z : V{});
}

template <bool kSigmoid>
static inline V slope(V a) {  // From the activation itself.
  return kSigmoid ? a * (1.0f - a) : (a > 0.0f ? V{} + 1.0f : V{});
}

// Weights: depth layers of [I * O kernel, O bias] vectors, I, O <= W.
template <bool kSigmoid>
static void train(V* weights, int depth, float rate, int steps) {
  static const float inputs[N][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  static const float labels[N] = {0, 1, 1, 0};
  V a[32][N][W];
  for (int n = 0; n < N; ++n)
    for (int i = 0; i < 2; ++i) a[0][n][i] = V{} + inputs[n][i];
  for (int step = 0; step < steps; ++step) {
    V* w = weights;
    auto forward = [&](int layer, auto in, auto out, auto last) {
      constexpr int I = in, O = out;
      for (int n = 0; n < N; ++n)
        for (int o = 0; o < O; ++o) {
          V z = w[I * O + o];
          for (int i = 0; i < I; ++i) z += a[layer][n][i] * w[i * O + o];
          a[layer + 1][n][o] = last ? sigmoid_v(z) : activate<kSigmoid>(z);
        }
      w += (I + 1) * O;
    };
    using std::integral_constant;
    integral_constant<int, 2> two;
    integral_constant<int, W> wide;
    integral_constant<int, 1> one;
    std::false_type no;
    std::true_type yes;
    forward(0, two, wide, no);
    for (int layer = 1; layer < depth - 1; ++layer) forward(layer, wide, wide, no);
    forward(depth - 1, wide, one, yes);

    V d[N][W];
    for (int n = 0; n < N; ++n) d[n][0] = (a[depth][n][0] - labels[n]) * (1.0f / N);
    auto backward = [&](int layer, auto in, auto out) {
      constexpr int I = in, O = out;
      w -= (I + 1) * O;
      V before[N][I];
      for (int n = 0; n < N; ++n)
        for (int i = 0; i < I; ++i) {
          V sum = V{};
          for (int o = 0; o < O; ++o) sum += d[n][o] * w[i * O + o];
          before[n][i] = sum * slope<kSigmoid>(a[layer][n][i]);
        }
      for (int o = 0; o < O; ++o) {
        V sum = V{};
        for (int n = 0; n < N; ++n) sum += d[n][o];
        w[I * O + o] -= rate * sum;
        for (int i = 0; i < I; ++i) {
          V product = V{};
          for (int n = 0; n < N; ++n) product += a[layer][n][i] * d[n][o];
          w[i * O + o] -= rate * product;
        }
      }
      for (int n = 0; n < N; ++n)
        for (int i = 0; i < I; ++i) d[n][i] = before[n][i];
    };
    backward(depth - 1, wide, one);
    for (int layer = depth - 2; layer > 0; --layer) backward(layer, wide, wide);
    backward(0, two, wide);
  }
}

extern "C" void train_sigmoid(float* w, int depth, float rate, int steps) {
  train<true>((V*)w, depth, rate, steps);
}

extern "C" void train_relu(float* w, int depth, float rate, int steps) {
  train<false>((V*)w, depth, rate, steps);
}
