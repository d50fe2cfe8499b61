"""A train function that trains as Keras's own, and tells of what it did."""

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras
import tensorflow as tf

from xorlab.steps import measures
from xorlab.steps.guard import Guard
from xorlab.steps.losses import LossGradients
from xorlab.steps.monitor import StepMonitor
from xorlab.steps.observe import observed, observed_batches
from xorlab.steps.optimizers import optimizers_of
from xorlab.steps.statistics import StepStatistics
from xorlab.steps.traces import Twin


class Watched:
    """A train function like Keras's own, with a monitor inside.

    Args:
        model: compiled and built.
        train_function: the one whose place it takes for single executions.
        activations: count the outputs of layers, too.
        losses: take the gradient of each part of the loss, too.
        patterns: names of the layers that are measured, as `fnmatch` reads them; all if
            None.

    Raises:
        NotWatchable: the model has no optimizer whose gradients could be read.
    """

    def __init__(
        self,
        model: keras.Model,
        train_function: Callable,
        activations: bool,
        losses: bool,
        patterns: Sequence[str] | None,
    ):
        self._model = model
        self._weights = len(model.trainable_weights)
        optimizers = optimizers_of(model)
        self._monitor = StepMonitor(model, optimizers, activations, patterns)
        if not (model.jit_compile or model.run_eagerly):
            weights = self._monitor.weights.values()
            measures.compile_ahead([tf.TensorSpec(x.shape, x.dtype) for x in weights])
        self._guard = Guard(self._monitor)
        layers = self._monitor.layers.values()
        self._observed = observed(optimizers, self._guard, layers)
        self._batches = observed_batches(model, self._guard)
        self._losses = LossGradients(model, self._monitor.weights) if losses else None
        present = model.train_function
        with self._losses or contextlib.nullcontext(), self._batches:
            model.make_train_function(force=True)
        self._train_function = model.train_function
        vars(model)["train_function"] = present
        self._twin = Twin(self._train_function, train_function)
        self._is_traced = False

    def trace(self, iterator: Any, *around: AbstractContextManager) -> tf.Graph | None:
        """Traces it for what an iterator gives, if need be.

        Args:
            iterator: of batches.
            *around: inside of these.

        Returns:
            The graph of a single step, if it was traced now.

        Raises:
            NotWatchable: why the step is better left to Keras.
        """
        self._guard.graph = None
        self._is_traced = self._twin.trace(iterator, self._watching(*around))
        return self._guard.graph

    def __call__(self, iterator: Any) -> tuple[Any, list[StepStatistics] | Exception]:
        """Makes an execution; returns its logs, and what is to be told of it."""
        # What is traced already is watched from inside.
        nothing = contextlib.nullcontext()
        with nothing if self._is_traced else self._watching():
            logs = self._train_function(iterator)
        try:
            if self._guard.failure:
                return logs, self._guard.failure
            told = self._monitor.read()
            if told and self._losses:
                told[0].loss_squares = self._losses.squares(told[0].weights)
            return logs, told
        except Exception as error:
            return logs, error

    @contextlib.contextmanager
    def _watching(self, *around):
        losses = self._losses or contextlib.nullcontext()
        with contextlib.ExitStack() as stack:
            for each in (losses, self._batches, self._observed, *around):
                stack.enter_context(each)
            yield

    def knows_too_few_weights(self) -> bool:
        """Whether weights were made since this was: it knows nothing of them."""
        return len(self._model.trainable_weights) > self._weights
