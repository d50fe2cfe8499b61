"""Several networks of one shape as one Keras model: each layer holds R kernels.

>>> from xorlab.models.fitnet import fitnet
>>> one = fitnet("relu", (8, 8, 1), widths=(4, 6, 10, 16))
>>> side_by_side(one, networks=3).output_shape
(None, 3, 10)
"""

import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from xorlab.models.fitnet import Activate

# Axis letters as in `fitnet`; R networks. Inside, networks come first: [R, N, H, W, C].

# Of wider images, most entries of a matrix from row to row would be zero.
_NARROW = 8


def side_by_side(model: keras.Model, networks: int) -> keras.Model:
    """Makes R networks of a chain such as `fitnet` one model.

    No operation mixes networks: what happens to one is the same whichever others,
    finite or not, are beside it. Layers and weights are named as those of `model`.

    Args:
        model: a chain of `Conv2D` (padded to the same size, strides of 1), `Activate`,
            `MaxPooling2D` (2 × 2), `GlobalMaxPooling2D` and a linear `Dense`. Its
            weights are not taken; `stack` gives the new model its own.
        networks: R.

    Returns:
        A functional model, `[N, R, …]` to `[N, R, classes]`, with zero weights.

    Raises:
        ValueError: `model` has a layer of another kind.
    """
    inputs = keras.Input((networks, *model.input_shape[1:]), name="images")
    x = Swap(name="networks_first")(inputs)
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            x = _beside(layer)(x)
    outputs = Swap(name="images_first")(x)
    return keras.Model(inputs, outputs, name=model.name)


def stack(model: keras.Model, networks: Sequence[Sequence[np.ndarray]]) -> None:
    """Gives a model of `side_by_side` the weights of R networks.

    Args:
        model: is written.
        networks: the weights of each, in the order of `get_weights`.
    """
    for variable, arrays in zip(
        model.weights, zip(*networks, strict=True), strict=True
    ):
        variable.assign(np.stack(arrays).reshape(variable.shape))


def unstack(model: keras.Model, like: keras.Model) -> list[list[np.ndarray]]:
    """Returns the weights of each network, in the shapes of the model that it was."""
    shapes = [weight.shape for weight in like.weights]
    columns = [
        np.asarray(variable).reshape(-1, *shape)
        for variable, shape in zip(model.weights, shapes, strict=True)
    ]
    return [list(arrays) for arrays in zip(*columns, strict=True)]


def _beside(layer):
    """Returns the layer that stands for R of one."""
    if isinstance(layer, keras.layers.Conv2D):
        return Convolutions(layer.filters, layer.kernel_size, name=layer.name)
    if isinstance(layer, keras.layers.Dense):
        return Classifiers(layer.units, name=layer.name)
    if isinstance(layer, Activate):
        return Activate(layer.activation.name, name=layer.name)
    if isinstance(layer, keras.layers.MaxPooling2D):
        return Pooled(name=layer.name)
    if isinstance(layer, keras.layers.GlobalMaxPooling2D):
        return GloballyPooled(name=layer.name)
    raise ValueError(
        "model: expected a chain of layers as `fitnet` has; received "
        f"{type(layer).__name__} {layer.name!r}; train it alone"
    )


class _Affine(keras.layers.Layer):
    """R affine maps of what a subclass makes of its input."""

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units

    def _build(self, networks, fan_in):
        shape = (networks, fan_in, self.units)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="zeros")
        shape = (networks, 1, self.units)
        self.bias = self.add_weight(name="bias", shape=shape, initializer="zeros")

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (*input_shape[:-1], self.units)


class Convolutions(_Affine):
    """R padded convolutions, `[R, N, H, W, C]` to `[R, N, H, W, O]`.

    The patches of all images are multiplied by the kernels in one `tf.matmul`, because
    on a CPU a convolution of few channels costs several times as much. So does a matrix
    of few columns: a row of a narrow image is one pixel, whose channels are those of
    all its pixels.
    """

    def __init__(self, units: int, window: tuple[int, int], **kwargs: Any):
        super().__init__(units, **kwargs)
        self.window = window

    def build(self, input_shape: tuple) -> None:
        rows, columns = self.window
        self._build(input_shape[0], rows * columns * input_shape[-1])

    def call(self, x: tf.Tensor) -> tf.Tensor:
        networks, _, height, width, channels = x.shape
        window, kernel = self.window, self.kernel
        if width <= _NARROW:
            window, kernel = (window[0], 1), self._of_rows(width, channels)
            x = tf.reshape(x, [networks, -1, height, 1, width * channels])
        edges = [[(size - 1) // 2, size // 2] for size in window]
        padded = tf.pad(x, [[0, 0], [0, 0], *edges, [0, 0]])
        patches = [
            padded[:, :, row : row + height, column : column + x.shape[3]]
            for row in range(window[0])
            for column in range(window[1])
        ]
        rows = tf.reshape(tf.concat(patches, -1), [networks, -1, kernel.shape[1]])
        z = tf.reshape(
            tf.matmul(rows, kernel), [networks, -1, height, width, self.units]
        )
        return z + self.bias[:, :, None, None]

    def _of_rows(self, width, channels):
        """Returns the kernels of whole rows, `[R, rows * W * C, W * O]`."""
        rows, columns = self.window
        # Which column of a kernel leads from which pixel of a row to which.
        leads = [np.eye(width, k=(columns - 1) // 2 - c) for c in range(columns)]
        kernel = tf.reshape(self.kernel, [-1, rows, columns, channels, self.units])
        kernel = tf.einsum(
            "rhkco,kvw->rhvcwo", kernel, np.stack(leads, dtype="float32")
        )
        return tf.reshape(kernel, [-1, rows * width * channels, width * self.units])


class Classifiers(_Affine):
    """R affine maps, `[R, N, C]` to `[R, N, O]`."""

    def build(self, input_shape: tuple) -> None:
        self._build(input_shape[0], input_shape[-1])

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.matmul(x, self.kernel) + self.bias


class Pooled(keras.layers.Layer):
    """The largest of every 2 × 2, `[R, N, H, W, C]` to `[R, N, H // 2, W // 2, C]`."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        rows, columns = (size // 2 * 2 for size in x.shape[2:4])
        corners = [
            x[:, :, row:rows:2, column:columns:2] for row in (0, 1) for column in (0, 1)
        ]
        # As in max pooling, and unlike tf.reduce_max, the first of equals has the
        # gradient.
        return functools.reduce(tf.maximum, corners)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        networks, images, height, width, channels = input_shape
        return (networks, images, height // 2, width // 2, channels)


class GloballyPooled(keras.layers.Layer):
    """The largest of every channel, `[R, N, H, W, C]` to `[R, N, C]`."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(x, axis=[2, 3])

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (*input_shape[:2], input_shape[-1])


class Swap(keras.layers.Layer):
    """`[N, R, …]` to `[R, N, …]`, and back."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.transpose(x, [1, 0, *range(2, len(x.shape))])

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        first, second, *rest = input_shape
        return (second, first, *rest)
