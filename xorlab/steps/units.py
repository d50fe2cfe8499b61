"""Which units of a layer pass a gradient on, told by what they return.

A unit is an entry of the last axis, or a channel. It is dead in a batch if a ReLU
returns exactly zero for every example and place: its slope is zero there. It is
saturated if for every one the slope of its tanh or sigmoid is below a tenth of the
largest, that is for |tanh| > 0.949, and a sigmoid outside of 0.026 to 0.974. That such
units pass next to nothing on: Glorot & Bengio 2010, section 3. A tenth is our choice.
"""

import keras
import tensorflow as tf

_SLOPE = 0.1


def _returns_some(a):
    return a != 0


def _has_slope_of_tanh(a):
    return (1 - a * a >= _SLOPE) | tf.math.is_nan(a)


def _has_slope_of_sigmoid(a):
    return (4 * a * (1 - a) >= _SLOPE) | tf.math.is_nan(a)


# What is logged of an activation, by its name, and how a unit is told that is well.
_KINDS = {
    "relu": ("dead_units", _returns_some),
    "relu6": ("dead_units", _returns_some),
    "tanh": ("saturated_units", _has_slope_of_tanh),
    "sigmoid": ("saturated_units", _has_slope_of_sigmoid),
}


def kind_of(layer: keras.Layer) -> str | None:
    """Returns `dead_units` or `saturated_units`: what a layer's units may be; or None.

    Told by the activation whose output is the layer's: that of an LSTM or GRU is not.
    """
    kind, _ = _KINDS.get(_activation_of(layer), (None, None))
    return kind


def passing(layer: keras.Layer, output: tf.Tensor) -> tf.Tensor:
    """Returns 1 for each unit that passes a gradient on for any example, else 0.

    Args:
        layer: one that `kind_of` knows.
        output: of the layer, `[N, ..., O]`.

    Returns:
        float32 `[O]`.
    """
    _, is_well = _KINDS[_activation_of(layer)]
    axes = list(range(len(output.shape)))
    axes.pop(1 if getattr(layer, "data_format", None) == "channels_first" else -1)
    return tf.cast(tf.reduce_any(is_well(output), axes), tf.float32)


def _activation_of(layer):
    if isinstance(layer, keras.layers.ReLU):
        return "leaky_relu" if layer.negative_slope else "relu"
    gated = isinstance(layer, keras.layers.RNN)
    if gated and not isinstance(layer, keras.layers.SimpleRNN):
        return None
    return getattr(getattr(layer, "activation", None), "__name__", None)
