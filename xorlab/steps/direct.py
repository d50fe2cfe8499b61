"""Training steps, called with less around them than Keras calls them with."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from xorlab.steps import internals


class DirectStep:
    """A train function that runs the very steps of another, of Keras's.

    Keras's boxes a step's logs in a `tf.experimental.Optional`, and unboxes them by two
    operations more; and `tf.function` finds out at each call which of its traces to
    run. This does neither, which is felt where steps are short. Where a step cannot be
    told from what is around it (several are an execution, data are distributed,
    functions run eagerly, or the function is not Keras's), it calls the function.

    Args:
        model: compiled.
        train_function: its `train_function`.
    """

    def __init__(self, model: keras.Model, train_function: Callable):
        self._model = model
        self._train_function = train_function
        self._step = step = internals.step_of(train_function)

        @tf.autograph.experimental.do_not_convert
        def next_step(iterator):
            assert step is not None  # `is_direct` has looked.
            return step(iterator.get_next())

        self._function = tf.function(next_step, reduce_retracing=True)
        self._traced_for = None

    def __call__(self, iterator: Any) -> Any:
        """Makes a step, and returns its logs.

        Raises:
            tf.errors.OutOfRangeError: the data have ended.
        """
        if not self.is_direct(iterator):
            return self._train_function(iterator)
        if iterator.element_spec != self._traced_for:
            self._traced = self._function.get_concrete_function(iterator)
            self._traced_for = iterator.element_spec
        return self._traced(iterator)

    def is_direct(self, iterator: Any) -> bool:
        """Whether it has less around the steps that this iterator gives data to."""
        return (
            self._step is not None
            and self._model.steps_per_execution == 1
            # Under a distribution strategy it is another.
            and isinstance(iterator, tf.data.Iterator)
            and not tf.config.functions_run_eagerly()
        )
