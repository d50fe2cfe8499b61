"""The thin, deep convolutional network of the lecture's last table, alone or several.

FitNet-4 (Romero et al. 2015, arXiv:1412.6550) as Mishkin & Matas trained it for that
table: 17 convolutions of 3 × 3 in three blocks, each of them pooled, and a classifier.
Their hidden layer of 500 units before that, and dropout, are left out.

>>> fitnet("relu", (8, 8, 1), widths=(4, 6, 10, 16), classes=10).count_params()
19214
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from xorlab.checks import one_of, tensorflow_backend, whole
from xorlab.models.activations import ACTIVATIONS

# Axis letters: N images, H rows, W columns, C channels in, O channels out, P affine
# maps of a unit.

# Convolutions block by block: which of the widths each has.
_BLOCKS = ((0, 0, 0, 1, 1), (2,) * 6, (3,) * 6)
# The authors' own: `examples/lsuv/cifar10/fitnet4_relu_lsuv.prototxt` of LSUVinit.
WIDTHS = (32, 48, 80, 128)


@keras.saving.register_keras_serializable("xorlab")
class Activate(keras.layers.Layer):
    """One of `ACTIVATIONS`, `[..., P * O]` to `[..., O]`.

    Raises:
        ValueError: it is not in the table.
        RuntimeError: Keras runs on another backend than TensorFlow.
    """

    def __init__(self, activation: str, **kwargs: Any):
        tensorflow_backend()
        super().__init__(**kwargs)
        self.activation = ACTIVATIONS[one_of("activation", activation, ACTIVATIONS)]

    def call(self, z: tf.Tensor) -> tf.Tensor:
        return self.activation(z)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (*input_shape[:-1], input_shape[-1] // self.activation.pieces)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "activation": self.activation.name}


def fitnet(
    activation: str,
    shape: tuple[int, int, int],
    widths: Sequence[int] = WIDTHS,
    classes: int = 10,
) -> keras.Model:
    """Makes one network, of Keras's own layers.

    Args:
        activation: after each convolution; a name of `ACTIVATIONS`. A unit of maxout
            has two filters, as the authors' has.
        shape: of an image, `(H, W, C)`; H and W at least 4.
        widths: filters of the convolutions: of the first three, of the two after them,
            and of those of the second and of the third block.
        classes: how many logits it returns.

    Returns:
        A functional model, `[N, H, W, C]` to `[N, classes]`. It is not compiled.

    Raises:
        ValueError: an argument is not what it must be.
        RuntimeError: Keras runs on another backend than TensorFlow.
    """
    pieces = _checked(activation, shape, widths, classes).pieces
    inputs = x = keras.Input(shape, name="images")
    for block, filters in enumerate(_BLOCKS, 1):
        for number, width in enumerate(filters, 1):
            name = f"conv{block}_{number}"
            x = keras.layers.Conv2D(
                widths[width] * pieces, 3, padding="same", name=name
            )(x)
            x = Activate(activation, name=f"{activation}{block}_{number}")(x)
        if block < len(_BLOCKS):
            x = keras.layers.MaxPooling2D(2, name=f"pool{block}")(x)
    x = keras.layers.GlobalMaxPooling2D(name=f"pool{len(_BLOCKS)}")(x)
    outputs = keras.layers.Dense(classes, name="classifier")(x)
    return keras.Model(inputs, outputs, name="fitnet")


def _checked(activation, shape, widths, classes):
    tensorflow_backend()
    for size, least in zip(shape, (4, 4, 1), strict=True):
        whole("shape", size, least, "two poolings halve 4 rows and columns to 1")
    if len(widths) != len(WIDTHS):
        raise ValueError(
            f"widths: expected {len(WIDTHS)} numbers of filters; received {widths!r}; "
            f"the authors have {WIDTHS}"
        )
    for width in widths:
        whole("widths", width, 1, f"the authors have {WIDTHS}")
    whole("classes", classes, 2, "both data sets have 10")
    return ACTIVATIONS[one_of("activation", activation, ACTIVATIONS)]
