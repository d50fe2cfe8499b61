"""Keeps the last training step of a small model in full."""

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from xorlab.steps.observe import Update, observed
from xorlab.steps.optimizers import optimizers_of


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
        self._layers = [layer for layer in model.layers if layer.weights]
        weights = {v.path: v.shape for v in model.trainable_variables}
        self._weights = _Buffers(weights)
        self._gradients = _Buffers(weights)
        self._activations = _Buffers(
            {layer.name: (rows, *layer.output.shape[1:]) for layer in self._layers}
        )

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Inside, steps are tapped; outside, the model is as it was."""
        with observed(optimizers_of(self._model), self, self._layers):
            # A train function that Keras cached was traced without the tap.
            self._model.train_function = None
            try:
                yield
            finally:
                self._model.train_function = None

    def read(self) -> Reading:
        """Returns the last step's arrays, copied; NaN before the first step."""
        return Reading(
            self._weights.read(), self._gradients.read(), self._activations.read()
        )

    def at_data(self, data: Any) -> None:
        pass

    def at_loss(self, loss: Any) -> None:
        pass

    def before_update(self, update: Update) -> None:
        pass

    def at_update(
        self, update: Update, gradients: Sequence[tf.Tensor]
    ) -> Sequence[tf.Tensor]:
        for variable, gradient in zip(update.variables, gradients, strict=True):
            self._weights.keep(variable.path, variable)
            self._gradients.keep(variable.path, gradient)
        return []

    def after_update(self, update: Update) -> None:
        pass

    def at_failure(self, error: Exception) -> None:
        raise error

    def at_output(self, layer: keras.Layer, output: Any) -> None:
        self._activations.keep(layer.name, output)


class _Buffers:
    """A variable for each named array.

    They are made before any step is traced: a function that makes variables while it
    is traced is traced twice.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]):
        # NaN, because zeros would read as dead layers before the first step.
        self._kept = {
            name: tf.Variable(tf.fill(shape, math.nan))
            for name, shape in shapes.items()
        }

    def keep(self, name: str, tensor: tf.Tensor) -> None:
        self._kept[name].assign(tensor)

    def read(self) -> dict[str, np.ndarray]:
        # The raw op: `variable.numpy()` takes three times as long, and there are many.
        return {
            name: tf.raw_ops.ReadVariableOp(resource=v.handle, dtype=v.dtype).numpy()
            for name, v in self._kept.items()
        }
