"""The update rules of a sweep, as functions of tensors: Keras's formulas and constants.

A rule is `(weights, gradients, slots, learning_rate, step) -> (weights, slots)`: lists
of tensors, a scalar, and the number of the update, from 1. `slots` is what the rule
remembers between steps, zeros at the start: `SLOTS[name]` tensors like each weight.
"""

import tensorflow as tf

from xorlab.models.optimizers import MOMENTUM

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-7  # `keras.optimizers.Adam`'s defaults.


def _sgd(weights, gradients, slots, learning_rate, step):
    updates = zip(weights, gradients, strict=True)
    return [w - learning_rate * g for w, g in updates], slots


def _momentum(weights, gradients, slots, learning_rate, step):
    """`keras.optimizers.SGD(momentum=MOMENTUM)`."""
    moved = zip(slots, gradients, strict=True)
    slots = [MOMENTUM * v - learning_rate * g for v, g in moved]
    return [w + v for w, v in zip(weights, slots, strict=True)], slots


def _adam(weights, gradients, slots, learning_rate, step):
    """Kingma & Ba 2014, arXiv:1412.6980, section 2, the rewritten form of its end."""
    number = tf.cast(step, tf.float32)
    rate = learning_rate * tf.sqrt(1 - _BETA_2**number) / (1 - _BETA_1**number)
    means, squares = slots[: len(weights)], slots[len(weights) :]
    pairs = list(zip(means, gradients, strict=True))
    means = [m + (g - m) * (1 - _BETA_1) for m, g in pairs]
    pairs = list(zip(squares, gradients, strict=True))
    squares = [v + (tf.square(g) - v) * (1 - _BETA_2) for v, g in pairs]
    moments = zip(weights, means, squares, strict=True)
    weights = [w - rate * m / (tf.sqrt(v) + _EPSILON) for w, m, v in moments]
    return weights, means + squares


RULES = {"sgd": _sgd, "momentum": _momentum, "adam": _adam}
SLOTS = {"sgd": 0, "momentum": 1, "adam": 2}
