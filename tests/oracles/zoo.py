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


@example(SEQUENCES, TARGETS, optimizer="adam")
def transformer_norm_before(x):
    normed = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(2, 2, dropout=0.1)(normed, normed)
    x = x + feed_forward(layers.LayerNormalization()(x))
    return layers.Dense(3)(layers.GlobalAveragePooling1D()(x))


@example(SEQUENCES, TARGETS)
def transformer_norm_after(x):
    attended = layers.MultiHeadAttention(2, 2)(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, attended]))
    x = layers.LayerNormalization()(x + layers.Dropout(0.1)(feed_forward(x)))
    return layers.Dense(3)(layers.Flatten()(x))


# Convolutions.


def conv_norm(x, width, size=3, activation="relu", **options):
    x = layers.Conv2D(width, size, padding="same", use_bias=False, **options)(x)
    return layers.Activation(activation)(layers.BatchNormalization()(x))


def classified(x):
    return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))


@example(IMAGES, LABELS, CLASSES, optimizer=sgd(nesterov=True, weight_decay=1e-3))
def resnet_v1(x):
    hidden = conv_norm(conv_norm(x, 6, strides=2), 6, 3, "linear")
    short = conv_norm(x, 6, 1, "linear", strides=2)
    return classified(layers.ReLU()(layers.Add()([hidden, short])))


@example(IMAGES, LABELS, CLASSES)
def resnet_v2(x):
    hidden = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2")(hidden) + x
    return classified(layers.BatchNormalization()(x))


@example(IMAGES, LABELS, CLASSES, optimizer="rmsprop")
def mobilenet_v2(x):
    wide = conv_norm(x, 8, 1, "relu6")
    wide = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(wide)
    wide = layers.ReLU(6.0)(layers.BatchNormalization()(wide))
    return classified(layers.Add()([x, conv_norm(wide, 4, 1, "linear")]))


@example(IMAGES, LABELS, CLASSES)
def efficientnet(x):
    wide = conv_norm(layers.Rescaling(0.5)(x), 8, 1, "swish")
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(wide)
    squeezed = layers.Conv2D(2, 1, activation="swish")(squeezed)
    wide *= layers.Conv2D(8, 1, activation="sigmoid")(squeezed)
    narrow = layers.Dropout(0.3, noise_shape=(None, 1, 1, 1))(conv_norm(wide, 4, 1))
    return classified(x + narrow)


@example(IMAGES, LABELS, CLASSES, optimizer="lion")
def convnext(x):
    hidden = layers.LayerNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
    scaled = layers.Rescaling(1e-1)(feed_forward(hidden))
    return classified(layers.LayerNormalization()(x + scaled))


@example(IMAGES, LABELS, CLASSES)
def normalised_weights(x):
    conv = layers.SpectralNormalization(layers.Conv2D(4, 3))
    x = layers.LeakyReLU()(layers.UnitNormalization()(conv(x)))
    return layers.Dense(3, kernel_constraint="max_norm")(layers.Flatten()(x))
