"""Logs the steps of a run that were asked for, and keeps the last."""

import collections
import dataclasses
import math
import threading
import time
from collections.abc import Callable

import keras

from xorlab.eventlog.eventfile import StepValues
from xorlab.eventlog.stepwriter import log10
from xorlab.steps import histograms
from xorlab.steps.statistics import rms_by_layer
from xorlab.steps.tap import Reading, StepTap
from xorlab.train.album import Album
from xorlab.train.evidence import Seen
from xorlab.train.runlog import RunLog

_RECENT = 8  # Costs that are kept, to see where training goes.


class Recorder(keras.callbacks.Callback):
    """Logs the last step of executions, and keeps it.

    Step s is the network after s updates. What is logged at s (cost, accuracy,
    weights, activations, gradients) is what the training step that made update s + 1
    computed before it changed the weights, so all of it belongs to one network.

    Args:
        tap: attached to the model while it trains.
        log: where to write; it stays open.
        histograms: log the arrays themselves too, not only their RMS.
        is_logged: which steps to log, by their number; the last one is in any case.
        begin: is called when the first step is logged.
        album: draws what is logged; without one nothing is drawn.

    Attributes:
        step: the last step logged; None before the first.
        cost, accuracy: of that step.
        reading: of that step.
        seen: the first step logged and the last, with their readings, and the cost of
            some of those before it.
        gradient_rms: of the first and the last step logged, by layer.
        diverged_at: None, or the step whose cost is not finite; it ends the training.
        seconds: spent on the first execution (`compile`), on the others (`train`) and
            on logging (`log`).
    """

    def __init__(
        self,
        tap: StepTap,
        log: RunLog,
        histograms: bool = True,
        is_logged: Callable[[int], bool] = lambda step: True,
        begin: Callable[[], None] = lambda: None,
        album: Album | None = None,
    ):
        super().__init__()
        self._tap = tap
        self._log = log
        self._histograms = histograms
        self._is_logged = is_logged
        self._begin = begin
        self._album = album
        self._logging = threading.Lock()
        self._ended = False
        self.step: int | None = None
        self.cost = self.accuracy = math.nan
        self.reading: Reading | None = None
        self._first: Seen | None = None
        self._recent: collections.deque[Seen] = collections.deque(maxlen=_RECENT)
        self.gradient_rms: dict[str, dict[str, float]] = {}
        self.diverged_at: int | None = None
        self.seconds = {"compile": 0.0, "train": 0.0, "log": 0.0}

    @property
    def seen(self) -> list[Seen]:
        if self._first is None:
            return []
        *others, last = self._recent
        between = [x for x in others if x.step > self._first.step]
        if last.step == self._first.step:
            return [self._first]
        return [self._first, *between, dataclasses.replace(last, reading=self.reading)]

    def end(self) -> None:
        """Logs nothing more, though training that was given up goes on."""
        with self._logging:
            self._ended = True

    def draw(self) -> None:
        """Logs the pictures of what was logged."""
        began = time.perf_counter()
        if self._album is not None:
            self._album.write(self._log)
        self.seconds["log"] += time.perf_counter() - began

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        ended = time.perf_counter()
        phase = "compile" if self.step is None else "train"
        self.seconds[phase] += ended - self._began
        step, cost = int(self.model.optimizer.iterations) - 1, float(logs["loss"])
        diverged = not math.isfinite(cost)
        if self._is_logged(step) or diverged or self.model.stop_training:
            with self._logging:
                if not self._ended:
                    self._record(step, cost, float(logs["accuracy"]))
        if diverged:
            self.diverged_at = step
            self.model.stop_training = True
        self.seconds["log"] += time.perf_counter() - ended

    def _record(self, step, cost, accuracy):
        self.step, self.cost, self.accuracy = step, cost, accuracy
        self.reading = reading = self._tap.read()
        self._first = self._first or Seen(step, cost, accuracy, reading)
        self._recent.append(Seen(step, cost, accuracy))
        rms = rms_by_layer(reading.gradients)
        self.gradient_rms = {"start": self.gradient_rms.get("start", rms), "end": rms}
        self._write(step, reading, rms)
        self._begin()
        if self._album is not None and self._album.add(step, reading, rms):
            self._album.write(self._log)

    def _write(self, step, reading, rms):
        scalars = {"cost": self.cost, "accuracy": self.accuracy}
        for layer, value in rms.items():
            scalars[f"gradient_rms/{layer}"] = value
            scalars[f"log10_gradient_rms/{layer}"] = log10(value)
        if not self._histograms:
            self._log.write([StepValues(step, scalars)])
        else:
            arrays = {}
            for path, gradient in reading.gradients.items():
                arrays[f"{path}/gradient"] = gradient
                arrays[f"{path}/weight"] = reading.weights[path]
            for layer, output in reading.activations.items():
                arrays[f"{layer}/activation"] = output
            tags, values = list(arrays), list(arrays.values())
            counts, ends = histograms.count(values), histograms.find_ends(values)
            self._log.write([StepValues(step, scalars, tags, counts, ends)])
