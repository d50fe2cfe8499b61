"""The lecture's chapters in words, English and Korean; numbers stand in braces."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Words:
    """A chapter, in both languages: title, text, and what the lecture shows there."""

    title: str
    text: str
    title_ko: str
    text_ko: str
    shown: str
    shown_ko: str


CHAPTERS = {
    "handmade": Words(
        "1. A network by hand",
        "XOR is 1 where exactly one input is 1. No single straight line parts the "
        "ones from the zeros; two units and one more behind them can. With weights "
        "that are set by hand (picture 01), and no training at all, the four answers "
        "are {answers}: {right} of 4 are right.",
        "1. 손으로 만든 신경망",
        "XOR는 두 입력 가운데 정확히 하나만 1일 때 1입니다. 직선 하나로는 1과 0을 "
        "나눌 수 없지만, 뉴런 두 개와 그 뒤의 한 개면 됩니다. 손으로 정한 "
        "가중치(그림 01)로, 학습을 전혀 하지 않아도 네 개의 답은 {answers}입니다. "
        "4개 중 {right}개가 맞습니다.",
        "Picture 01: weights set by hand, W1 = [[5, -7], [5, -7]], b1 = [-8, 3], W2 = "
        "[[-11], [-11]], b2 = 6, with a sigmoid behind each of the two layers.",
        "그림 01: 손으로 정한 가중치 W1 = [[5, -7], [5, -7]], b1 = [-8, 3], W2 = "
        "[[-11], [-11]], b2 = 6. 두 층 뒤에 각각 시그모이드가 있습니다.",
    ),
    "shallow": Words(
        "2. A shallow network learns by itself",
        "Three layers of sigmoids (picture 02) begin with random weights. After "
        "{steps} steps of gradient descent the cost is {cost}, and {right} of 4 "
        "answers are right. So sigmoid can learn.",
        "2. 얕은 신경망은 스스로 배웁니다",
        "시그모이드 세 층(그림 02)이 무작위 가중치에서 시작합니다. 경사 하강법으로 "
        "{steps}번 학습하면 비용은 {cost}이고, 4개 중 {right}개의 답이 맞습니다. "
        "시그모이드도 배울 수 있습니다.",
        "Picture 02: three weight matrices, 2 × 5, 5 × 4 and 4 × 1, that start at "
        "random between -1 and 1, and a sigmoid behind each.",
        "그림 02: -1과 1 사이에서 무작위로 시작하는 2 × 5, 5 × 4, 4 × 1 가중치 행렬 "
        "셋, 그리고 각각의 뒤에 시그모이드가 있습니다.",
    ),
    "sigmoid": Words(
        "3. A deep network of sigmoids does not",
        "Eleven layers (picture 03), all else alike. After {steps} steps the cost is "
        "{cost}: what a coin gets. All four answers are next to 0.5, and which of "
        "them count as right is rounding (pictures 05 and 06). More layers made it "
        "worse.",
        "3. 시그모이드를 깊게 쌓으면 배우지 못합니다",
        "나머지는 모두 같고 층만 열한 개입니다(그림 03). {steps}번 학습한 뒤의 "
        "비용은 {cost}, 동전을 던지는 것과 같습니다. 네 답이 모두 0.5 근처에 있어서, "
        "어느 답이 맞은 것으로 처리되는지는 반올림에 달려 있습니다(그림 05와 06). "
        "층을 늘렸더니 오히려 나빠졌습니다.",
        "Pictures 03 and 04: layer1 to layer10 and last, as code and as TensorBoard's "
        "graph. Picture 05: after 198,000 steps the cost is 0.69314718, the answers "
        "0.49999988, 0.50000006, 0.49999982 and 0.5, the accuracy 0.5. Picture 06: "
        "the cost falls to 0.693 at once and stays there; the accuracy is 0.5, and "
        "much later flickers to 0.75 and back.",
        "그림 03과 04: layer1부터 layer10, 그리고 last를 코드와 텐서보드의 그래프로 "
        "보여 줍니다. 그림 05: 198,000번 학습한 뒤 비용은 0.69314718, 답은 "
        "0.49999988, 0.50000006, 0.49999982, 0.5, 정확도는 0.5입니다. 그림 06: 비용은 "
        "곧바로 0.693으로 떨어져 그대로 머물고, 정확도는 0.5이다가 한참 뒤에야 0.75로 "
        "튀었다가 돌아옵니다.",
    ),
    "vanishing": Words(
        "4. Why: the gradient vanishes",
        "The chain rule (pictures 07 and 08) multiplies one factor for each layer "
        "that the gradient passes on its way to the input: the slope of the sigmoid, "
        "times a weight. The slope is never more than 1/4. Before training the first "
        "layer receives {ratio} of what the last does. It hardly moves, so nothing "
        "behind it gets to see the inputs.",
        "4. 이유: 기울기가 사라집니다",
        "연쇄 법칙(그림 07과 08)에 따르면, 기울기가 입력 쪽으로 한 층을 지날 때마다 "
        "시그모이드의 경사에 가중치를 곱한 수가 하나씩 곱해집니다. 시그모이드의 "
        "경사는 1/4을 넘지 않습니다. 학습 전에 첫 층이 받는 기울기는 "
        "마지막 층의 {ratio}배입니다. 첫 층이 거의 움직이지 않으니, 뒤의 층들은 "
        "입력을 제대로 보지 못합니다.",
        "Picture 07: a long chain of layers. Picture 08: the chain rule along it, "
        "factors such as 0.01 × 0.01 × 0.03, whose product is next to nothing.",
        "그림 07: 길게 이어진 층들. 그림 08: 그 층들을 따라가는 연쇄 법칙. 0.01 × 0.01 "
        "× 0.03처럼 작은 수를 곱해 가면 남는 것이 거의 없습니다.",
    ),
    "relu": Words(
        "5. The cure of the lecture: ReLU",
        "ReLU, max(0, x), has slope 1 wherever it is on (picture 09). The same "
        "network with ReLU has a cost of {cost} after {steps} steps (picture 10): "
        "{right} of 4 are right. Its first layer began with {ratio} of the last "
        "layer's gradient.",
        "5. 강의의 처방: ReLU",
        "ReLU, 즉 max(0, x)는 켜져 있는 곳에서 기울기가 1입니다(그림 09). 같은 "
        "신경망에 ReLU를 쓰면 {steps}번 뒤의 비용은 {cost}이고(그림 10), 4개 중 "
        "{right}개가 맞습니다. 첫 층은 처음에 마지막 층 기울기의 {ratio}배를 "
        "받았습니다.",
        "Picture 09: sigmoid flattens out on both sides, ReLU on one only. Picture "
        "10: layer6 opened in TensorBoard's graph, MatMul, add and Relu; the accuracy "
        "is 1.0 at once, and the cost falls from 0.65 to under 0.05 in 4,000 steps "
        "and to about 0.01 in 10,000.",
        "그림 09: 시그모이드는 양쪽에서 평평해지고, ReLU는 한쪽에서만 그렇습니다. "
        "그림 10: 텐서보드의 그래프에서 펼친 layer6, 곧 MatMul, add, Relu. 정확도는 "
        "곧바로 1.0이 되고, 비용은 0.65에서 4,000번 만에 0.05 아래로, 10,000번 "
        "무렵에는 0.01쯤으로 떨어집니다.",
    ),
    "gallery": Words(
        "6. Other activations",
        "The lecture ends with a gallery (picture 11). What counts for the gradient "
        "is the slope, drawn beside each function here: sigmoid's is 1/4 at the most.",
        "6. 다른 활성화 함수들",
        "강의는 여러 활성화 함수의 그림으로 끝납니다(그림 11). 기울기에 중요한 것은 "
        "각 함수의 경사이므로 함께 그렸습니다. 시그모이드의 경사는 아무리 커도 "
        "1/4입니다.",
        "Picture 11: sigmoid, tanh, ReLU, Leaky ReLU with 0.1, Maxout and ELU, as "
        "formulas and curves.",
        "그림 11: 시그모이드, tanh, ReLU, 0.1을 쓴 Leaky ReLU, Maxout, ELU를 식과 "
        "곡선으로 보여 줍니다.",
    ),
    "start": Words(
        "7. But is it the activation?",
        "The lecture names a second reason: weights that start badly. So here is the "
        "deep network of sigmoids again, from a start that gives every unit a "
        "pre-activation of mean 0 and variance 1 over the four rows. After {steps} "
        "steps its cost is {cost}, and {right} of 4 are right.",
        "7. 그런데 정말 활성화 함수 때문일까요?",
        "강의는 가중치의 초깃값이 나빴다는 이유도 듭니다. 그래서 시그모이드를 깊게 "
        "쌓은 신경망을 다시 학습시키되, 이번에는 네 입력에 대한 각 뉴런의 활성화 전 "
        "값이 평균 0, 분산 1이 되도록 초깃값을 정합니다. {steps}번 뒤의 비용은 "
        "{cost}이고, 4개 중 {right}개가 맞습니다.",
        "It is said, and not shown: the lecture trains from one kind of start.",
        "말로만 나오고 보여 주지는 않습니다. 강의의 학습은 모두 한 가지 초깃값에서 "
        "시작합니다.",
    ),
    "many": Words(
        "8. One network proves nothing",
        "So {networks} networks of each kind, each from other random weights, "
        "{steps} steps. From the lecture's start {sigmoid_uniform} of the sigmoid "
        "ones learn XOR, and {relu_uniform} of the ReLU ones; from the better start "
        "{sigmoid_better} and {relu_better}.\n\n"
        "The lecture is right that sigmoid fails and that ReLU can learn. But ReLU "
        "fails often, too: units that are off for every row are dead, and where "
        "three of the four rows have become one, no cost below 0.4774 is left. And "
        "from a better start, sigmoid learns more surely than ReLU does.",
        "8. 신경망 하나로는 아무것도 증명되지 않습니다",
        "그래서 종류마다 {networks}개의 신경망을, 저마다 다른 무작위 가중치에서 "
        "{steps}번씩 학습했습니다. 강의의 초깃값에서는 시그모이드 {sigmoid_uniform}개, "
        "ReLU {relu_uniform}개가 XOR를 배웁니다. 더 나은 초깃값에서는 각각 "
        "{sigmoid_better}개와 {relu_better}개입니다.\n\n"
        "시그모이드가 실패하고 ReLU는 배울 수 있다는 강의의 말은 맞습니다. 그러나 "
        "ReLU도 자주 실패합니다. 모든 입력에서 꺼져 있는 뉴런은 죽은 뉴런이고, 네 "
        "입력 가운데 셋이 하나로 합쳐지면 비용은 0.4774 아래로 내려갈 수 없습니다. "
        "그리고 더 나은 초깃값에서는 시그모이드가 ReLU보다 더 확실하게 배웁니다.",
        "One network of each kind. Its last table compares activations by starts on "
        "images, and says of sigmoid that it does not converge; python -m "
        "xorlab.images makes such a table.",
        "종류마다 신경망 하나입니다. 마지막 표는 이미지에서 활성화 함수와 초깃값을 "
        "비교하는데, 시그모이드는 수렴하지 않는다고 적혀 있습니다. python -m "
        "xorlab.images가 그런 표를 만듭니다.",
    ),
}

# What the page begins with.
SOURCE = (
    "This retells lecture 10-1 of a Korean deep-learning course for beginners, “ReLU "
    "is better than sigmoid”. Its pictures, 01 to 11, are the course's: what they show "
    "is drawn anew here, from their structure and numbers, beside what was computed "
    "just now."
)
SOURCE_KO = (
    "초보자를 위한 한국어 딥러닝 강좌의 10-1강 “시그모이드보다 ReLU가 더 좋다”를 다시 "
    "들려드립니다. 강의의 그림 01~11은 강좌의 것이므로 그대로 싣지 않고 그 구조와 "
    "숫자대로 새로 그렸으며, 그 옆에 방금 계산한 결과를 놓았습니다."
)

# Below pictures.
CAPTIONS = {
    "sketch": "Drawn anew after the lecture's picture {number}, from its structure and "
    "numbers · 강의의 그림 {number}: 그 구조와 숫자대로 새로 그렸습니다",
    "surface": "What it answers over the unit square; the white line is where it "
    "decides · 단위 정사각형의 점마다 내놓는 답. 흰 선에서 판정이 갈립니다",
    "curves": "Cost and accuracy · 비용과 정확도",
    "rows": "What each layer makes of the four rows · 층마다 네 입력이 바뀌는 모습",
    "gradients": "Strength of the gradient by layer · 층별 기울기의 크기",
    "gallery": "Activations and their slopes · 활성화 함수와 그 경사",
    "shares": "The share of networks that learn · 배우는 신경망의 비율",
}
