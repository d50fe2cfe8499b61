/* Full-batch gradient descent of a fully connected network: scalar float32 loops. */

#include <math.h>

/* Makes `steps` updates of `weights`: kernel 1 [I][O], bias 1 [O], kernel 2, ...
 * widths: units of each of the depth + 1 layers, the input first; widest: the most.
 * x: [rows][widths[0]]; y: [rows][1]. ReLU in all layers but the last, a sigmoid. */
void train(int depth, const int *widths, int widest, float *weights, int rows,
           const float *x, const float *y, float learning_rate, long steps)
{
    float output[depth + 1][rows][widest], slope[rows][widest], below[rows][widest];
    for (int n = 0; n < rows; n++)
        for (int i = 0; i < widths[0]; i++)
            output[0][n][i] = x[n * widths[0] + i];

    for (long step = 0; step < steps; step++) {
        float *kernel = weights;
        for (int l = 0; l < depth; l++) {
            int inputs = widths[l], outputs = widths[l + 1];
            float *bias = kernel + inputs * outputs;
            for (int n = 0; n < rows; n++)
                for (int o = 0; o < outputs; o++) {
                    float z = bias[o];
                    for (int i = 0; i < inputs; i++)
                        z += output[l][n][i] * kernel[i * outputs + o];
                    output[l + 1][n][o] = l < depth - 1 ? (z > 0 ? z : 0)
                                                        : 1 / (1 + expf(-z));
                }
            kernel = bias + outputs;
        }

        /* The slope of the mean cross-entropy with respect to what a layer sums. */
        for (int n = 0; n < rows; n++)
            slope[n][0] = (output[depth][n][0] - y[n]) / rows;
        for (int l = depth - 1; l >= 0; l--) {
            int inputs = widths[l], outputs = widths[l + 1];
            float *bias = kernel - outputs;
            kernel = bias - inputs * outputs;
            for (int n = 0; n < rows; n++)
                for (int i = 0; i < inputs; i++) {
                    float sum = 0;
                    for (int o = 0; o < outputs; o++)
                        sum += kernel[i * outputs + o] * slope[n][o];
                    below[n][i] = output[l][n][i] > 0 ? sum : 0;
                }
            for (int o = 0; o < outputs; o++) {
                for (int n = 0; n < rows; n++) {
                    bias[o] -= learning_rate * slope[n][o];
                    for (int i = 0; i < inputs; i++)
                        kernel[i * outputs + o] -=
                            learning_rate * output[l][n][i] * slope[n][o];
                }
            }
            for (int n = 0; n < rows; n++)
                for (int i = 0; i < inputs; i++)
                    slope[n][i] = below[n][i];
        }
    }
}
