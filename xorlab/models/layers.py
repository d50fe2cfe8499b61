"""Layers whose op graph reads as the lecture's: MatMul → add → activation."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from xorlab.checks import one_of, tensorflow_backend
from xorlab.models.activations import ACTIVATIONS

# Up to this many products (N * I * O), multiplying and summing inside a fused
# kernel beats a call of MatMul: for 4 rows, up to between 24 and 32 units.
_SMALL = 3000

_inside_fused_step = False


@contextlib.contextmanager
def fused_products() -> Iterator[None]:
    """While traced inside, small products are spelled so that XLA can fuse them.

    XLA makes a call of its own of every MatMul, which for a 5 × 5 kernel costs more
    than the arithmetic.
    """
    global _inside_fused_step
    before, _inside_fused_step = _inside_fused_step, True
    try:
        yield
    finally:
        _inside_fused_step = before


def _product(inputs, kernel):  # [N, I], [I, O] -> [N, O]
    rows = inputs.shape[0]
    if _inside_fused_step and rows and rows * kernel.shape.num_elements() <= _SMALL:
        return tf.reduce_sum(inputs[:, :, None] * kernel[None], axis=1)
    return tf.matmul(inputs, kernel)


@keras.saving.register_keras_serializable("xorlab")
class Affine(keras.layers.Layer):
    """`activation(x · kernel + bias)`, one name scope of the lecture.

    Unlike `keras.layers.Dense` it draws as MatMul → add → activation (Dense shows
    BiasAdd), and takes every activation of `ACTIVATIONS`, maxout included.

    Args:
        units: O, the number of outputs.
        activation: a name of `ACTIVATIONS`.

    Shapes: input `[N, I]`, output `[N, O]`; kernel `[I, P * O]` and bias `[P * O]`,
    where P, the affine maps of a unit, is 2 for maxout and 1 for all others.
    Both start at zero: `xorlab.models` sets them, from `xorlab.models.initializers`.

    Raises:
        ValueError: the activation is not in the table.
        RuntimeError: Keras runs on another backend than TensorFlow.
    """

    def __init__(self, units: int, activation: str, **kwargs: Any):
        tensorflow_backend()
        super().__init__(**kwargs)
        self.units = units
        self.activation = ACTIVATIONS[one_of("activation", activation, ACTIVATIONS)]

    def build(self, input_shape: tuple) -> None:
        columns = self.activation.pieces * self.units
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], columns), initializer="zeros"
        )
        self.bias = self.add_weight(name="bias", shape=(columns,), initializer="zeros")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        kernel = tf.convert_to_tensor(self.kernel)
        return self.activation(_product(inputs, kernel) + self.bias)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "activation": self.activation.name}
        return {**super().get_config(), **own}
