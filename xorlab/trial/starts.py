"""Other starts for a model that is there: its kernels and biases are set anew."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from xorlab.models.unit_variance import before_calls
from xorlab.steps import naming


def redrawn(model: keras.Model, x: Any) -> None:
    """Draws all kernels as He et al. 2015 do, and sets biases to zero.

    Args:
        model: whose layers with a trainable kernel are started.
        x: not looked at.
    """
    for layer in _with_kernel(model):
        layer.kernel.assign(keras.initializers.HeNormal()(layer.kernel.shape))
        _set_bias(layer, 0)


def fitted(model: keras.Model, x: Any) -> None:
    """Fits a start to rows of data, layer by layer (Salimans & Kingma 2016, section 3).

    Kernels are drawn anew and scaled so that what an activation is given has a
    deviation of 1 over rows and units; biases set each unit's mean to 0.

    Args:
        model: whose dense and convolutional layers are started.
        x: inputs of some rows.
    """
    redrawn(model, x)
    waiting = {id(layer) for layer in _with_kernel(model)}

    def start(layer: keras.Layer, output: Callable) -> None:
        if id(layer) not in waiting:
            return
        waiting.remove(id(layer))
        axis = 1 if getattr(layer, "data_format", "") == "channels_first" else -1
        sums = np.moveaxis(np.asarray(output(), np.float64), axis, -1)
        centre = sums.mean(axis=tuple(range(sums.ndim - 1)))
        deviation = np.sqrt(np.mean((sums - centre) ** 2))
        if np.isfinite(deviation) and deviation > np.finfo(np.float32).tiny:
            layer.kernel.assign(layer.kernel / deviation)
            _set_bias(layer, -centre / deviation)

    with before_calls(start):
        model(x, training=False)


def _with_kernel(model: keras.Model) -> Iterator[keras.Layer]:
    trained = {id(weight) for weight in model.trainable_weights}
    for layer in naming.layers_of(model).values():
        if id(getattr(layer, "kernel", None)) in trained:
            yield layer


def _set_bias(layer, value):
    if getattr(layer, "bias", None) is not None:
        layer.bias.assign(np.broadcast_to(value, layer.bias.shape))
