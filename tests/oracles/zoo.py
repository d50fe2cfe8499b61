"""Tiny models of the kinds that public examples train: of images, and with attention.

Each is a function from its inputs, which are made from the data, to its outputs.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

RNG = np.random.default_rng(11)
ROWS = 12


def normal(*shape):
    return RNG.normal(size=(ROWS, *shape)).astype("float32")


def whole(below, *shape):
    return RNG.integers(0, below, size=(ROWS, *shape)).astype("int32")


FEATURES, SEQUENCES, IMAGES = normal(6), normal(5, 4), normal(6, 6, 4)
WORDS, NEXT_WORDS, LABELS = whole(7, 5), whole(7, 5), whole(3)
TARGETS = normal(3)
CLASSES = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def sgd(**options):
    """Returns what makes an optimizer of its own for each model."""
    return lambda: keras.optimizers.SGD(0.1, momentum=0.9, **options)


PLAIN = sgd()


@dataclasses.dataclass(frozen=True)
class Example:
    """What makes a model, what it is fed with, and what is given to `compile`."""

    make: Callable[[], keras.Model]
    x: Any
    y: Any = None
    optimizer: str | Callable[[], keras.optimizers.Optimizer] = PLAIN
    settings: dict = dataclasses.field(default_factory=dict)

    def compiled(self, jit_compile: bool) -> keras.Model:
        """Makes it anew."""
        model, optimizer = self.make(), self.optimizer
        if callable(optimizer):
            optimizer = optimizer()
        model.compile(optimizer, jit_compile=jit_compile, **self.settings)
        return model


EXAMPLES: dict[str, Example] = {}


def example(x, y, loss="mse", optimizer=PLAIN, **settings):
    """Registers a model by a function from its inputs to its outputs."""

    def register(outputs_of):
        def make():
            flat = [
                keras.Input(
                    rows.shape[1:], dtype=rows.dtype.name, name=str(*path[-1:]) or None
                )
                for path, rows in keras.tree.flatten_with_path(x)
            ]
            inputs = keras.tree.pack_sequence_as(x, flat)
            return keras.Model(inputs, outputs_of(inputs))

        compiled = {"loss": loss, **settings}
        EXAMPLES[outputs_of.__name__] = Example(make, x, y, optimizer, compiled)
        return outputs_of

    return register


# Attention.


def feed_forward(x, activation="gelu"):
    hidden = layers.Dense(2 * x.shape[-1], activation=activation)(x)
    return layers.Dense(x.shape[-1])(hidden)


@example(SEQUENCES, TARGETS)
def transformer(x):
    """Normalises before its attention, and after what follows it."""
    normed = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(2, 2, dropout=0.1)(normed, normed)
    hidden = layers.Dropout(0.1)(feed_forward(x))
    x = layers.LayerNormalization()(layers.Add()([x, hidden]))
    return layers.Dense(3)(layers.GlobalAveragePooling1D()(x))


# Convolutions.


def conv_norm(x, width, size=3, **options):
    x = layers.Conv2D(width, size, padding="same", use_bias=False, **options)(x)
    return layers.BatchNormalization()(x)


@example(IMAGES, LABELS, CLASSES, optimizer=sgd(nesterov=True, weight_decay=1e-3))
def convolutional(x):
    """Has a block of ResNet's second version, of EfficientNet, and of ResNet's first.

    That of EfficientNet is MobileNet's with a squeeze.
    """
    hidden = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2")(hidden) + x
    wide = layers.ReLU(6.0)(conv_norm(layers.Rescaling(0.5)(x), 8, 1))
    wide = layers.DepthwiseConv2D(3, padding="same")(wide)
    wide = layers.Activation("swish")(wide)
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(wide)
    wide *= layers.Conv2D(8, 1, activation="sigmoid")(squeezed)
    narrow = layers.Conv2D(4, 1)(wide)
    x += layers.Dropout(0.3, noise_shape=(None, 1, 1, 1))(narrow)
    hidden = conv_norm(x, 6, strides=2)
    x = layers.Add()([hidden, layers.Conv2D(6, 1, strides=2)(x)])
    return layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.ReLU()(x)))


@example(IMAGES, LABELS, CLASSES, optimizer="lion")
def convnext(x):
    """Has weights that are normalised or bounded after its block."""
    hidden = layers.LayerNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
    x = x + layers.Rescaling(1e-1)(feed_forward(hidden))
    conv = layers.SpectralNormalization(layers.Conv2D(4, 3))
    x = layers.LeakyReLU()(layers.UnitNormalization()(conv(x)))
    return layers.Dense(3, kernel_constraint="max_norm")(layers.Flatten()(x))
