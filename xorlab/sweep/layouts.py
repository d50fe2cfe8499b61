"""How the arrays of networks side by side lie in memory.

Axis letters: R networks, N rows, I inputs, O outputs, P affine maps of a unit.
`scripts/benchmark.py sweep` measures both layouts against others.
"""

import numpy as np
import tensorflow as tf

from xorlab.models.activations import Activation


class NetworksLast:
    """For narrow layers: every operation is one vector over the networks.

    Kernels are `[I, P * O, R]`, biases `[P * O, R]`, what layers pass on `[N, O, R]`.
    Products are multiplied and summed rather than called as MatMul, so that XLA fuses
    a layer's arithmetic into a few loops, which it vectorises over R.

    Args:
        networks: R.
    """

    axis = -1

    def __init__(self, networks: int):
        self.networks = networks

    def rows(self, inputs: np.ndarray) -> tf.Tensor:  # [N, I] -> [N, I, R]
        return tf.broadcast_to(inputs[:, :, None], (*inputs.shape, self.networks))

    def affine(self, x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(x[:, :, None] * kernel[None], axis=1) + bias

    def activate(self, activation: Activation, z: tf.Tensor) -> tf.Tensor:
        # [N, P * O, R] -> [N, O, R]
        rows, _, networks = z.shape
        # Side by side as [N, P * O * R], the first of P maps still comes first.
        a = activation.function(tf, tf.reshape(z, (rows, -1)))
        return tf.reshape(a, (rows, -1, networks))

    def by_row(self, z: tf.Tensor) -> tf.Tensor:  # [N, 1, R] -> [N, R]
        return z[:, 0]


class NetworksFirst:
    """For wide layers, whose matrices are worth a MatMul each.

    Kernels are `[R, I, P * O]`, biases `[R, P * O]`, what layers pass on `[R, N, O]`.

    Args:
        networks: R.
    """

    axis = 0

    def __init__(self, networks: int):
        self.networks = networks

    def rows(self, inputs: np.ndarray) -> tf.Tensor:  # [N, I] -> [R, N, I]
        return tf.broadcast_to(inputs[None], (self.networks, *inputs.shape))

    def affine(self, x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        return _matmul(x, kernel) + bias[:, None]

    def activate(self, activation: Activation, z: tf.Tensor) -> tf.Tensor:
        # [R, N, P * O] -> [R, N, O]
        networks, rows, columns = z.shape
        a = activation.function(tf, tf.reshape(z, (-1, columns)))
        return tf.reshape(a, (networks, rows, -1))

    def by_row(self, z: tf.Tensor) -> tf.Tensor:  # [R, N, 1] -> [N, R]
        return tf.transpose(z[:, :, 0])


@tf.custom_gradient
def _matmul(x, kernel):  # [R, N, I], [R, I, O] -> [R, N, O]
    def gradient(upstream):
        # Summed, not a MatMul: XLA fuses it with the update, so that the gradient
        # of the kernel is never written to memory.
        of_kernel = tf.reduce_sum(x[:, :, :, None] * upstream[:, :, None, :], axis=1)
        return tf.matmul(upstream, kernel, transpose_b=True), of_kernel

    return tf.matmul(x, kernel), gradient
