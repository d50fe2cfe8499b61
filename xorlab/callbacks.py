"""A TensorBoard callback that shows the gradients and the graph of any Keras model."""

import math
import os
import pathlib
import warnings
from typing import Any

import keras
import tensorflow as tf

from xorlab.checks import whole
from xorlab.diagnosis import judge_layers
from xorlab.eventlog.eventfile import EventFile
from xorlab.eventlog.graph import train_step_graph
from xorlab.eventlog.stepwriter import StepWriter
from xorlab.steps import internals
from xorlab.steps.requests import StepRequests
from xorlab.steps.statistics import StepStatistics

__all__ = ["TensorBoard"]


def __dir__() -> list[str]:
    return __all__


class TensorBoard(keras.callbacks.TensorBoard):
    """`keras.callbacks.TensorBoard`, with gradients and an op graph that opens.

        from xorlab.callbacks import TensorBoard

        model.fit(x, y, callbacks=[TensorBoard("logs", write_grads=True)])

    All arguments and logs of Keras's callback stay as they are. What a logged gradient
    is stands in `xorlab.steps.observe`. A step is the optimizer's iterations: what is
    logged at step s belongs to the weights after s updates, before the next. In a `fit`
    with `write_grads` all steps are called by `xorlab.steps.direct.DirectStep`.

    Args:
        *args: those of `keras.callbacks.TensorBoard`.
        write_grads: log, from the training step itself, histograms
            `<weight.path>/gradient` and `<weight.path>/weight`, scalars
            `gradient_rms/<layer>`, `update_ratio/<layer>` (2-norm of the change by
            2-norm of the weight), `gradient_norm` and `gradient_not_finite` (how many
            entries are NaN or infinite), and `verdict`, a text that says which layers
            are in trouble. Under loss scaling also `skipped_steps`: how many of this
            `fit`, because their gradients overflowed, have updated nothing.
        write_activations: log histograms `<layer>/activation` of what the model's
            layers return, too; it implies `write_grads`.
        histogram_steps: log them at every multiple of so many iterations; under
            `steps_per_execution`, at the last step of the execution that reaches it.
            If None, at the first execution of every `histogram_freq`-th epoch, or of
            every epoch where `histogram_freq` is 0.
        **kwargs: those of `keras.callbacks.TensorBoard`. `write_graph` also writes the
            op graph of the training step, but not of a model under a distribution
            strategy.

    Raises:
        ValueError: `histogram_steps` is not a whole number from 1 up; or, when training
            begins, the optimizer does not let its gradients be seen.
        OSError: the log directory cannot be written.
        RuntimeError: Keras runs on another backend than TensorFlow, or has changed in
            what this leans on.
    """

    def __init__(
        self,
        *args: Any,
        write_grads: bool = False,
        write_activations: bool = False,
        histogram_steps: int | None = None,
        **kwargs: Any,
    ):
        internals.check()
        if histogram_steps is not None:
            whole("histogram_steps", histogram_steps, 1, "1 logs every step")
        super().__init__(*args, **kwargs)
        _check_writable(self.log_dir)
        self._write_grads = write_grads or write_activations
        self._write_activations = write_activations
        self._histogram_steps = histogram_steps
        self._keras_logs_batches = (
            self.update_freq != "epoch"
            or self.write_steps_per_second
            or self._should_trace
        )
        # Lets Keras go on to the next batch while it still sums up this one's metrics.
        self.async_safe = not self._keras_logs_batches

    def set_model(self, model: keras.Model) -> None:
        if self._write_grads:
            internals.updating_optimizer(model)
        super().set_model(model)

    def on_train_begin(self, logs: dict | None = None) -> None:
        super().on_train_begin(logs)
        self._requests = StepRequests.of(self.model)
        self._requests.withdraw()  # A `fit` that failed may have left something.
        self._graph_due = self.write_graph
        self._due = False
        self._has_logged = False
        # Keras's own file: where several of a folder grow, TensorBoard may read one.
        self._log = EventFile(self._train_writer)
        if self._write_grads:
            self._writer = StepWriter(self._log, self._write_activations)
            self._last: StepStatistics | None = None
            # With any other optimizer a batch that is not an update is a rare thing.
            self._may_skip = hasattr(self.model.optimizer, "inner_optimizer") or bool(
                internals.updating_optimizer(self.model).gradient_accumulation_steps
            )
            self._requests.activations |= self._write_activations
            self._applied_before = self._batches_applied()
            self._steps_run = 0
            if self._histogram_steps is not None:
                self._next_logged = self._multiple_from(self._iterations())

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        super().on_epoch_begin(epoch, logs)
        if not self._write_grads:
            return
        self._step = self._iterations()
        if self._histogram_steps is None:
            self._due |= epoch % (self.histogram_freq or 1) == 0

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        super().on_train_batch_begin(batch, logs)
        if self._graph_due:
            self._requests.request_batch(self._write_train_step_graph)
        if self._write_grads:
            steps = self._steps_from(batch)
            if self._histogram_steps is not None:
                self._due |= self._reaches_the_next(steps)
            if self._due:
                self._requests.request_statistics(self._take_statistics)
            else:
                self._requests.request_direct_call()
            self._step += steps
            self._steps_run += steps

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        # What Keras does here writes nothing unless one of these was asked for.
        if self._keras_logs_batches:
            super().on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        if self._write_grads:
            self._judge()

    def on_train_end(self, logs: dict | None = None) -> None:
        self._requests.withdraw()
        try:
            if self._write_grads:
                self._writer.flush()
        finally:
            super().on_train_end(logs)
        if self._due and not self._has_logged:
            warnings.warn(
                "no gradients are written: the model's optimizer "
                f"({type(self.model.optimizer).__name__}) updated nothing; if "
                "train_step uses another one, give that to compile",
                stacklevel=2,
            )

    def _iterations(self):
        # By a tensor: under a distribution strategy there is one on each replica.
        return int(tf.convert_to_tensor(self.model.optimizer.iterations))

    def _batches_applied(self):
        optimizer = internals.updating_optimizer(self.model)
        return internals.batches_applied(optimizer)

    def _multiple_from(self, step):
        return math.ceil(step / self._histogram_steps) * self._histogram_steps

    def _steps_from(self, batch):
        """How many steps an execution makes: fewer where the epoch's data end."""
        left = (self.params.get("steps") or math.inf) - batch
        return min(self.model.steps_per_execution, left)

    def _reaches_the_next(self, steps):
        """Whether this execution makes a step that `histogram_steps` waits for."""
        if self._step + steps > self._next_logged and self._may_skip:
            self._step = self._iterations()
        return self._step + steps > self._next_logged

    def _take_statistics(self, statistics: StepStatistics) -> None:
        """Logs a step that was due. One that updates nothing is not told of."""
        self._due = False
        self._step = statistics.step + 1
        if self._histogram_steps is not None:
            # The count has run ahead: not every batch was an update.
            if statistics.step < self._next_logged:
                return
            self._next_logged = self._multiple_from(self._step)
        self._has_logged = True
        more = {}
        if hasattr(self.model.optimizer, "inner_optimizer"):
            applied = self._batches_applied() - self._applied_before
            more["skipped_steps"] = float(self._steps_run - applied)
        self._writer.add(statistics, more)
        self._last = statistics

    def _judge(self):
        """Writes the verdict on the last step that was logged, once."""
        last, self._last = self._last, None
        if last is not None:
            lost = last.by_layer(last.gradients_not_finite)
            verdict = judge_layers(last.gradient_rms(), lost)
            self._log.text("verdict", verdict, last.step)

    def _write_keras_model_train_graph(self):
        """Overrides Keras's, which finds no graph to write since Keras 3."""

    def _write_train_step_graph(self, batch):
        self._graph_due = False
        try:
            graph = train_step_graph(self.model, batch)
        except Exception as error:
            # Whatever a custom step does not stand, training itself is well.
            warnings.warn(
                "no op graph is written: the training step cannot be traced outside "
                f"of fit ({type(error).__name__}: {error})",
                stacklevel=2,
            )
        else:
            self._log.graph(graph)


def _check_writable(log_dir):
    existing = pathlib.Path(log_dir).absolute()
    while not existing.exists():
        existing = existing.parent
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise OSError(
            f"log_dir: expected a folder that can be written; received {log_dir} "
            f"({existing} is not); choose another"
        )
