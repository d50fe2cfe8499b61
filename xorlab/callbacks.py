"""A TensorBoard callback that shows the gradients and the graph of any Keras model."""

import concurrent.futures
import math
import os
import pathlib
import warnings
from collections.abc import Callable

import keras
import numpy as np

from xorlab import internals
from xorlab.config import whole
from xorlab.diagnosis import judge_layers
from xorlab.graph import train_step_graph
from xorlab.monitor import StepReport
from xorlab.summaries import EventLog
from xorlab.tap import SharedTap, call_once


class TensorBoard(keras.callbacks.TensorBoard):
    """`keras.callbacks.TensorBoard`, with gradients and an op graph that opens.

        from xorlab.callbacks import TensorBoard

        model.fit(x, y, callbacks=[TensorBoard("logs", write_grads=True)])

    All arguments and logs of Keras's callback stay as they are. What a logged gradient
    is stands in `xorlab.gradients`. A step is the optimizer's iterations: what is
    logged at step s belongs to the weights after s updates, before the next.

    Args:
        *args: those of `keras.callbacks.TensorBoard`.
        write_grads: log, from the training step itself, histograms
            `<weight.path>/gradient` and `<weight.path>/weight`, scalars
            `gradient_rms/<layer>`, `update_ratio/<layer>` (2-norm of the change by
            2-norm of the weight), `gradient_norm` and `gradient_not_finite` (how many
            entries are NaN or infinite), and `verdict`, a text that says which layers
            are in trouble. Under loss scaling also `skipped_steps`.
        write_activations: log histograms `<layer>/activation` of what the model's
            layers return, too; it implies `write_grads`.
        histogram_steps: log them at every multiple of so many iterations. If None, at
            the first step of every `histogram_freq`-th epoch, or of every epoch where
            `histogram_freq` is 0.
        **kwargs: those of `keras.callbacks.TensorBoard`. `write_graph` also writes the
            op graph of the training step.

    Raises:
        ValueError: `histogram_steps` is not a whole number from 1 up; or, when training
            begins, the optimizer does not let its gradients be seen.
        OSError: the log directory cannot be written.
        RuntimeError: Keras runs on another backend than TensorFlow, or has changed in
            what this leans on.
    """

    def __init__(
        self,
        *args,
        write_grads: bool = False,
        write_activations: bool = False,
        histogram_steps: int | None = None,
        **kwargs,
    ):
        internals.check()
        if histogram_steps is not None:
            whole("histogram_steps", histogram_steps, 1, "1 logs every step")
        super().__init__(*args, **kwargs)
        _check_writable(self.log_dir)
        self._write_grads = write_grads or write_activations
        self._write_activations = write_activations
        self._histogram_steps = histogram_steps
        self._due = False
        self._reports = []
        self._keras_logs_batches = (
            self.update_freq != "epoch"
            or self.write_steps_per_second
            or self._should_trace
        )
        # Lets Keras go on to the next batch while it still sums up this one's metrics.
        self.async_safe = not self._keras_logs_batches

    def set_model(self, model):
        if self._write_grads:
            internals.updating_optimizer(model)
        super().set_model(model)

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._due = False
        self._reports = []
        if self._write_grads:
            self._writing = concurrent.futures.ThreadPoolExecutor(max_workers=1)
            self._tap = SharedTap.of(self.model)
            self._tap.activations |= self._write_activations
            self._started_at = int(self.model.optimizer.iterations)
            self._steps_run = 0

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        if self._write_grads and self._histogram_steps is None:
            self._due |= epoch % (self.histogram_freq or 1) == 0

    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(batch, logs)
        if self._write_grads:
            if self._histogram_steps is not None:
                self._due |= self._reaches_a_multiple()
            if self._due:
                self._tap.request(self._take_report)
            self._steps_run += self.model.steps_per_execution
        if self._should_write_train_graph:
            call_once(self.model, self._run_and_write_graph)

    def on_train_batch_end(self, batch, logs=None):
        # What Keras does here writes nothing unless one of these was asked for.
        if self._keras_logs_batches:
            super().on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        self._conclude()

    def on_train_end(self, logs=None):
        self._conclude()
        super().on_train_end(logs)

    def _reaches_a_multiple(self):
        """Whether this execution's steps contain one that is to be logged."""
        first = self._started_at + self._steps_run
        last = first + self.model.steps_per_execution - 1
        return last // self._histogram_steps * self._histogram_steps >= first

    def _take_report(self, make_report: Callable[[], StepReport]):
        """Logs a step that was due. One that updates nothing is not told of."""
        if self._due:
            self._due = False
            skipped = None
            if hasattr(self.model.optimizer, "inner_optimizer"):
                made = int(self.model.optimizer.iterations) - self._started_at
                skipped = float(self._steps_run - made)
            # In its own thread, beside the next step.
            log = EventLog(self._train_writer)
            self._reports.append(
                self._writing.submit(_log_report, log, make_report, skipped)
            )

    def _conclude(self):
        """Waits for what is being logged, and says what it shows."""
        reports = [report.result() for report in self._reports]
        self._reports = []
        if not reports:
            return
        last = reports[-1]
        lost = {x: n for x, n in last.by_layer(last.gradients_not_finite()).items()}
        verdict = judge_layers(last.gradient_rms(), lost)
        EventLog(self._train_writer).text("verdict", verdict, last.step)
        for report in reports:
            lost = report.gradients_not_finite()
            if lost.any():
                worst = int(np.argmax(lost))
                warnings.warn(
                    f"step {report.step}: {int(lost[worst])} entries of the gradient "
                    f"of {report.weights[worst]} are NaN or infinite",
                    stacklevel=2,
                )
                break

    def _run_and_write_graph(self, train_function, iterator):
        logs = train_function(iterator)
        self._should_write_train_graph = False
        try:
            graph = train_step_graph(self.model, iterator.element_spec)
        except Exception as error:
            # Whatever a custom step does not stand, training itself is well.
            warnings.warn(
                "no op graph is written: the training step cannot be traced outside "
                f"of fit ({type(error).__name__}: {error})",
                stacklevel=2,
            )
        else:
            EventLog(self._train_writer).graph(graph)
        return logs


def _log_report(log, make_report, skipped):
    """Writes one step's report, and returns it."""
    report = make_report()
    scalars = {
        "gradient_norm": float(np.sqrt(np.sum(report.gradient_norms**2))),
        "gradient_not_finite": float(report.gradients_not_finite().sum()),
    }
    for layer, rms in report.gradient_rms().items():
        scalars[f"gradient_rms/{layer}"] = rms
    weights = report.by_layer(report.weight_norms**2)
    for layer, change in report.by_layer(report.change_norms**2).items():
        # A layer of zeros has no ratio.
        ratio = math.sqrt(change / weights[layer]) if weights[layer] else math.nan
        scalars[f"update_ratio/{layer}"] = ratio
    if skipped is not None:
        scalars["skipped_steps"] = skipped
    tags = [f"{path}/gradient" for path in report.weights]
    tags += [f"{path}/weight" for path in report.weights]
    tags += [f"{name}/activation" for name in report.layers]
    log.write(report.step, scalars, tags, report.counts)
    return report


def _check_writable(log_dir):
    existing = pathlib.Path(log_dir).absolute()
    while not existing.exists():
        existing = existing.parent
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise OSError(
            f"log_dir: expected a folder that can be written; received {log_dir} "
            f"({existing} is not); choose another"
        )
