"""Reads what the real training step computed, with no second pass."""

import contextlib
import dataclasses
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from xorlab.hooks import wrapped


def rms_by_layer(gradients: Mapping[str, np.ndarray]) -> dict[str, float]:
    """A layer's gradient RMS: the one definition that everything here uses.

    The square root of the mean square over all entries of the gradients of all the
    layer's trainable weights, in the units of cost per unit of weight.

    Args:
        gradients: arrays of any shape by weight path, such as `layer6/kernel`.

    Returns:
        The RMS by layer (`layer6`), in the order of the gradients.

    >>> rms_by_layer({"last/kernel": np.array([[3.0], [4.0]]), "last/bias": 0.0})
    {'last': 2.8867513459481287}
    """
    entries = {}
    for path, gradient in gradients.items():
        # float64, because the square of 1e-30 is zero in float32.
        flat = np.ravel(gradient).astype(np.float64)
        entries.setdefault(path.rpartition("/")[0], []).append(flat)
    return {
        layer: float(np.sqrt(np.mean(np.square(np.concatenate(parts)))))
        for layer, parts in entries.items()
    }


@dataclasses.dataclass(frozen=True)
class Reading:
    """One training step from the inside; all of it belongs to the same network.

    Attributes:
        weights: trainable weights by path, as they were before the update.
        gradients: of the loss with respect to those weights, by the same paths, as
            the optimizer received them.
        activations: each layer's output, `[N, O]`, by layer name.
    """

    weights: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray]
    activations: dict[str, np.ndarray]


class StepTap:
    """Keeps the last training step's weights, gradients and activations.

    While `attached`, every step that is traced for `model` also copies them into
    variables of the tap's own, so it works inside XLA programs too. Meant for small
    networks of fixed batch size: it holds each array in full.

        tap = StepTap(model)
        with tap.attached():
            model.fit(...)
        tap.read().gradients["layer1/kernel"]
    """

    def __init__(self, model: keras.Model):
        self._model = model
        self._weights = {}
        self._gradients = {}
        self._activations = {}

    @contextlib.contextmanager
    def attached(self):
        """Inside, steps are tapped; outside, the model is as it was."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(wrapped(self._model.optimizer, "apply", self._apply))
            for layer in self._model.layers:
                if layer.weights:
                    keep = self._keeping_output_of(layer)
                    stack.enter_context(wrapped(layer, "call", keep))
            # A train function that Keras cached was traced without the tap.
            self._model.train_function = None
            try:
                yield
            finally:
                self._model.train_function = None

    def read(self) -> Reading:
        """Returns the last step's arrays, as NumPy copies."""
        kept = (self._weights, self._gradients, self._activations)
        return Reading(*({k: v.numpy() for k, v in part.items()} for part in kept))

    def _apply(self, original, gradients, variables):
        gradients, variables = list(gradients), list(variables)
        for gradient, variable in zip(gradients, variables, strict=True):
            _keep(self._weights, variable.path, tf.convert_to_tensor(variable))
            _keep(self._gradients, variable.path, gradient)
        return original(gradients, variables)

    def _keeping_output_of(self, layer):
        def call(original, *args, **kwargs):
            output = original(*args, **kwargs)
            _keep(self._activations, layer.name, output)
            return output

        return call


def _keep(kept, name, tensor):
    if name not in kept:
        with tf.init_scope():  # Made outside of the step that is being traced.
            kept[name] = tf.Variable(tf.zeros(tensor.shape, tensor.dtype))
    kept[name].assign(tensor)
