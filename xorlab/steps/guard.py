"""Keeps what goes wrong in watching a step from going wrong in the step."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from xorlab.steps.observe import Observer, Update


class Guard:
    """An observer that tells another one all it is told, until that fails.

    Args:
        observer: may raise.

    Attributes:
        failure: what it raised first, or why the step cannot be told of; or None.
        graph: in which the last step was traced that it was told of.
    """

    def __init__(self, observer: Observer):
        self._observer = observer
        self.failure: Exception | None = None
        self.graph: tf.Graph | None = None

    def at_data(self, data: Any) -> None:
        # That of one of several replicas is no whole step.
        if not tf.distribute.has_strategy():
            self.graph = tf.compat.v1.get_default_graph()
        self._tell("at_data", data)

    def at_loss(self, loss: Any) -> None:
        self._tell("at_loss", loss)

    def before_update(self, update: Update) -> None:
        self._tell("before_update", update)

    def at_update(
        self, update: Update, gradients: Sequence[tf.Tensor]
    ) -> Sequence[tf.Tensor]:
        return self._tell("at_update", update, gradients) or []

    def after_update(self, update: Update) -> None:
        self._tell("after_update", update)

    def at_output(self, layer: keras.Layer, output: Any) -> None:
        self._tell("at_output", layer, output)

    def at_failure(self, error: Exception) -> None:
        self.failure = self.failure or error

    def _tell(self, method, *arguments):
        if self.failure is None:
            try:
                return getattr(self._observer, method)(*arguments)
            except Exception as error:
                self.failure = error
        return None
