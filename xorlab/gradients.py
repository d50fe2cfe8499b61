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

    >>> rms_by_layer({"last/kernel": np.array([[3.0], [3.0]]), "last/bias": 3.0})
    {'last': 3.0}
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
    functional models: it holds each array in full.

    Args:
        model: compiled; each layer is used once.
        rows: N, the batch size.

        tap = StepTap(model, rows=4)
        with tap.attached():
            model.fit(...)
        tap.read().gradients["layer1/kernel"]
    """

    def __init__(self, model: keras.Model, rows: int):
        self._model = model
        layers = [layer for layer in model.layers if layer.weights]
        weights = {v.path: tuple(v.shape) for v in model.trainable_variables}
        self._weights = _Buffers(weights)
        self._gradients = _Buffers(weights)
        self._activations = _Buffers(
            {layer.name: (rows, *layer.output.shape[1:]) for layer in layers}
        )
        self._outputs = {}

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
        return Reading(
            self._weights.read(), self._gradients.read(), self._activations.read()
        )

    def _apply(self, original, gradients, variables):
        gradients, variables = list(gradients), list(variables)
        paths = [variable.path for variable in variables]
        self._weights.keep(dict(zip(paths, variables, strict=True)))
        self._gradients.keep(dict(zip(paths, gradients, strict=True)))
        self._activations.keep(self._outputs)
        return original(gradients, variables)

    def _keeping_output_of(self, layer):
        def call(original, *args, **kwargs):
            self._outputs[layer.name] = original(*args, **kwargs)
            return self._outputs[layer.name]

        return call


class _Buffers:
    """A variable for each named array.

    They are made before any step is traced: a function that makes variables while it
    is traced is traced twice.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]):
        self._kept = {name: tf.Variable(tf.zeros(s)) for name, s in shapes.items()}

    def keep(self, tensors: Mapping[str, tf.Tensor]):
        for name, variable in self._kept.items():
            variable.assign(tensors[name])

    def read(self) -> dict[str, np.ndarray]:
        # The raw op: `variable.numpy()` takes three times as long, and there are many.
        return {
            name: tf.raw_ops.ReadVariableOp(resource=v.handle, dtype=v.dtype).numpy()
            for name, v in self._kept.items()
        }
