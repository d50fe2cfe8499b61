"""Training steps, called with less around them than Keras calls its own."""

import keras
import tensorflow as tf


class DirectStep:
    """A train function that makes one step an execution, as Keras's makes it.

    Keras's boxes a step's logs in a `tf.experimental.Optional`, and unboxes them by two
    operations more; and `tf.function` finds out at each call which of its traces to
    run. This does neither, which is felt where steps are short.

    Args:
        model: compiled and built, and suited.
    """

    def __init__(self, model: keras.Model):
        # Functions in the same order as Keras's, so that steps are equal to the bit.
        step = tf.function(
            tf.autograph.experimental.do_not_convert(model.train_step),
            reduce_retracing=True,
            jit_compile=model.jit_compile,
        )

        @tf.autograph.experimental.do_not_convert
        def next_step(iterator):
            return step(unboxed(iterator.get_next()))

        self._function = tf.function(next_step, reduce_retracing=True)
        self._traced_for = None

    @staticmethod
    def suits(model: keras.Model, iterator) -> bool:
        """Whether `fit` makes the same steps of what this iterator gives."""
        makes = getattr(model.make_train_function, "__func__", None)
        eager = model.run_eagerly or tf.config.functions_run_eagerly()
        return (
            makes is keras.Model.make_train_function
            and model.steps_per_execution == 1
            and not eager
            # Under a distribution strategy it is another.
            and isinstance(iterator, tf.data.Iterator)
        )

    def __call__(self, iterator: tf.data.Iterator):
        """Makes a step, and returns its logs.

        Raises:
            tf.errors.OutOfRangeError: the data have ended.
        """
        if iterator.element_spec != self._traced_for:
            self._traced = self._function.get_concrete_function(iterator)
            self._traced_for = iterator.element_spec
        return self._traced(iterator)


def unboxed(batch):
    """Returns a batch, or its specs, with None for each part that its source left out.

    Keras takes what a generator gives as None into a `tf.experimental.Optional`.
    """

    def unbox(part):
        boxes = tf.experimental.Optional, tf.OptionalSpec
        return None if isinstance(part, boxes) else part

    return keras.tree.map_structure(unbox, batch)
