"""Keras callbacks of a lecture run: where it pauses, what it logs, what it shows."""

import math
import time

import keras
import tqdm

from xorlab import histograms
from xorlab.gradients import Reading, StepTap, rms_by_layer
from xorlab.summaries import EventLog, StepValues

# Where an exact zero is drawn on a log10 chart: just below the least float32.
_LOG10_OF_ZERO = -45.0


class PauseAt(keras.callbacks.Callback):
    """Makes each epoch of a `FusedModel` end with a step that is to be logged.

    Args:
        steps: the last step to log; the first is step 0.
        every: steps between two in between.
    """

    def __init__(self, steps: int, every: int):
        super().__init__()
        self._last = steps
        self._every = every

    @property
    def epochs(self) -> int:
        """How many epochs the model needs."""
        return 1 + math.ceil(self._last / self._every)

    def on_epoch_begin(self, epoch, logs=None):
        until = min(epoch * self._every, self._last)
        begun = (epoch - 1) * self._every if epoch else -1
        self.model.steps_per_execution = until - begun


class StepLog(keras.callbacks.Callback):
    """Logs the last step of every execution, and keeps it.

    Step s is the network after s updates. What is logged at s (cost, accuracy,
    weights, activations, gradients) is what the training step that made update s + 1
    computed before it changed the weights, so all of it belongs to one network.

    Args:
        tap: attached to the model while it trains.
        log: where to write; it stays open.
        histograms: log the arrays themselves too, not only their RMS.

    Attributes:
        step: the last step logged; None before the first.
        cost, accuracy: of that step.
        reading: of that step.
        gradient_rms: of the first and the last step logged, by layer.
        diverged_at: None, or the step whose cost is not finite; it ends the training.
        seconds: spent on the first execution (`compile`), on the others (`train`) and
            on logging (`log`).
    """

    def __init__(self, tap: StepTap, log: EventLog, histograms: bool = True):
        super().__init__()
        self._tap = tap
        self._log = log
        self._histograms = histograms
        self.step = None
        self.cost = self.accuracy = math.nan
        self.reading: Reading | None = None
        self.gradient_rms = {}
        self.diverged_at = None
        self.seconds = {"compile": 0.0, "train": 0.0, "log": 0.0}

    def on_train_batch_begin(self, batch, logs=None):
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        ended = time.perf_counter()
        phase = "compile" if self.step is None else "train"
        self.seconds[phase] += ended - self._began

        self.step = int(self.model.optimizer.iterations) - 1
        self.cost, self.accuracy = float(logs["loss"]), float(logs["accuracy"])
        if not math.isfinite(self.cost):
            self.diverged_at = self.step
            self.model.stop_training = True
        self.reading = self._tap.read()
        rms = rms_by_layer(self.reading.gradients)
        self.gradient_rms = {"start": self.gradient_rms.get("start", rms), "end": rms}
        self._write(rms)
        self.seconds["log"] += time.perf_counter() - ended

    def _write(self, rms):
        scalars = {"cost": self.cost, "accuracy": self.accuracy}
        for layer, value in rms.items():
            scalars[f"gradient_rms/{layer}"] = value
            log10 = _LOG10_OF_ZERO if value == 0 else math.log10(value)
            scalars[f"log10_gradient_rms/{layer}"] = log10
        if not self._histograms:
            self._log.write([StepValues(self.step, scalars)])
        else:
            arrays = {}
            for path, gradient in self.reading.gradients.items():
                arrays[f"{path}/gradient"] = gradient
                arrays[f"{path}/weight"] = self.reading.weights[path]
            for layer, output in self.reading.activations.items():
                arrays[f"{layer}/activation"] = output
            counts = histograms.count(list(arrays.values()))
            values = StepValues(self.step, scalars, list(arrays), counts)
            self._log.write([values])


class Progress(keras.callbacks.Callback):
    """A bar on the terminal: steps done, steps a second, cost; nothing elsewhere.

    Args:
        steps: the number of steps to do.
    """

    def __init__(self, steps: int):
        super().__init__()
        self._steps = steps

    def on_train_begin(self, logs=None):
        self._bar = tqdm.tqdm(
            total=self._steps, unit=" steps", unit_scale=True, disable=None
        )

    def on_train_batch_end(self, batch, logs=None):
        self._bar.set_postfix(cost=f"{logs['loss']:.6f}", refresh=False)
        self._bar.update(int(self.model.optimizer.iterations) - 1 - self._bar.n)

    def on_train_end(self, logs=None):
        self._bar.close()
