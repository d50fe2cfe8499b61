"""Keras's TensorBoard callback, which works only where it has something to write."""

import keras
import tensorflow as tf

from xorlab.steps import internals


@internals.mended
class SparingTensorBoard(keras.callbacks.TensorBoard):
    """`keras.callbacks.TensorBoard`, without what it does at batches for nothing."""

    _profiles = False  # Whether batches are to be profiled.
    _is_surrounded = False  # Of a subclass that leaves `on_train_begin` out, too.

    @property
    def async_safe(self) -> bool:
        """Whether Keras may begin a batch while it sums up the last one's metrics."""
        return not (self._logs_batches or _is_writing_summaries())

    @property
    def _logs_batches(self):
        # Asked anew each time: they may be set after the callback was made.
        return (
            self.update_freq != "epoch" or self.write_steps_per_second or self._profiles
        )

    def on_train_begin(self, logs: dict | None = None) -> None:
        # Batches are logged to a writer that surrounds the `fit`, too.
        self._is_surrounded = _is_writing_summaries()
        super().on_train_begin(logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self._logs_batches or self._is_surrounded:
            super().on_train_batch_end(batch, logs)


def _is_writing_summaries():
    """Whether there is a default writer for `tf.summary`."""
    return bool(tf.summary.should_record_summaries())
