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
    kind, _ = _KINDS.get(activation_of(layer) or "", (None, None))
    return kind


def passing(layer: keras.Layer, output: tf.Tensor) -> tf.Tensor:
    """Returns for what share of a batch each unit passes a gradient on.

    Args:
        layer: one that `kind_of` knows.
        output: of the layer, `[N, ..., O]`.

    Returns:
        float32 `[O]`, of all examples and places; 0 where it does for none.
    """
    _, is_well = _KINDS[activation_of(layer) or ""]
    axes = list(range(len(output.shape)))
    axes.pop(1 if getattr(layer, "data_format", None) == "channels_first" else -1)
    return tf.reduce_mean(tf.cast(is_well(output), tf.float32), axes)


def activation_of(layer: keras.Layer) -> str | None:
    """Names the activation whose output is the layer's; None where there is none."""
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    if isinstance(layer, keras.layers.ReLU):
        return "leaky_relu" if layer.negative_slope else "relu"
    gated = isinstance(layer, keras.layers.RNN)
    if gated and not isinstance(layer, keras.layers.SimpleRNN):
        return None
    return getattr(getattr(layer, "activation", None), "__name__", None)
