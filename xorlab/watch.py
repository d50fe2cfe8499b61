"""Watches one `fit`: when a step is logged, what is written of it, and the verdict."""

import contextlib
import warnings

import keras
import tensorflow as tf

from xorlab.diagnosis import judge_layers
from xorlab.eventlog.eventfile import EventFile
from xorlab.eventlog.stepwriter import StepWriter
from xorlab.steps import internals
from xorlab.steps.requests import StepRequests
from xorlab.steps.schedule import Schedule
from xorlab.steps.statistics import StepStatistics


class Watch:
    """Writes what the steps of one `fit` do. Whatever fails in it, the `fit` goes on.

    Args:
        model: compiled; it trains from now on.
        log: where to.
        every: steps between two that are logged; if None, an epoch's first is.
        activations: count the outputs of layers, too.
    """

    def __init__(
        self, model: keras.Model, log: EventFile, every: int | None, activations: bool
    ):
        self._model = model
        self._log = log
        self._activations = activations
        self._goes_on = True
        self._has_logged = False
        self._last: StepStatistics | None = None
        self._steps = self._begun = 0
        self._guarded(self._begin, every)

    def _begin(self, every):
        self._optimizer = internals.updating_optimizer(self._model)
        self._writer = StepWriter(self._log, self._activations)
        # With any other optimizer a batch that is not an update is a rare thing.
        may_skip = self._scales_its_loss() or bool(
            self._optimizer.gradient_accumulation_steps
        )
        self._schedule = Schedule(every, self._iterations, may_skip)
        self._applied_before = internals.batches_applied(self._optimizer)

    def begin_epoch(self, is_logged: bool) -> None:
        """Takes note that an epoch begins, and whether its first update is logged."""
        self._guarded(lambda: self._schedule.begin_epoch(is_logged))

    def begin_steps(self, steps: int) -> None:
        """Takes note that so many steps begin, and asks for them if they are due."""
        self._guarded(self._request, steps)

    def end_steps(self) -> None:
        """Takes note that they were made: where the data end, none are."""
        self._steps, self._begun = self._steps + self._begun, 0

    def end_epoch(self) -> None:
        """Writes the verdict on the last step that was logged, once."""
        self._guarded(self._judge)

    def end(self) -> None:
        """Writes all that waits, and says so where nothing could be logged."""
        self._guarded(self._end)

    def _end(self):
        self._writer.flush()
        if self._schedule.due and not self._has_logged:
            _warn(f"no gradients are written: {self._why_none()}")

    def _guarded(self, work, *arguments):
        if self._goes_on:
            try:
                work(*arguments)
            except Exception as error:
                self._give_up(error)

    def _give_up(self, error):
        self._goes_on = False
        with contextlib.suppress(Exception):
            self._writer.flush()
        why = str(error)
        if not isinstance(error, internals.NotWatchable | OSError):
            why = f"{type(error).__name__} in watching a step ({why}); please report it"
        _warn(f"no gradients are written from now on, and training goes on: {why}")

    def _request(self, steps):
        self._begun = steps
        if self._schedule.begin(steps):
            requests = StepRequests.of(self._model)
            requests.request_statistics(self._take, self._activations)

    def _take(self, told: StepStatistics | Exception) -> None:
        if isinstance(told, Exception):
            self._give_up(told)
        else:
            self._guarded(self._log_step, told)

    def _log_step(self, statistics):
        if not self._schedule.end(statistics.step):
            return
        more = {}
        if self._scales_its_loss():
            applied = internals.batches_applied(self._optimizer) - self._applied_before
            more["skipped_steps"] = float(self._steps + self._begun - applied)
            more["loss_scale"] = self._loss_scale()
        self._writer.add(statistics, more)
        self._last = statistics
        self._has_logged = True

    def _judge(self):
        last, self._last = self._last, None
        if last is not None:
            lost = last.by_layer(last.gradients_not_finite)
            verdict = judge_layers(last.gradient_rms(), lost)
            self._log.text("verdict", verdict, last.step)

    def _why_none(self):
        if self._scales_its_loss():
            return (
                f"all {self._steps} steps overflowed in half precision, and nothing "
                f"was learned; the loss is scaled by {self._loss_scale():.3g}: give a "
                "smaller initial_scale, or train in mixed_bfloat16 or float32"
            )
        return (
            f"the model's optimizer ({type(self._model.optimizer).__name__}) updated "
            "nothing; if train_step uses another one, give that to compile"
        )

    def _iterations(self):
        # By a tensor: under a distribution strategy there is one on each replica.
        return int(tf.convert_to_tensor(self._model.optimizer.iterations))

    def _scales_its_loss(self):
        return hasattr(self._model.optimizer, "inner_optimizer")

    def _loss_scale(self):
        return float(self._model.optimizer.scale_loss(1.0))


def _warn(words):
    warnings.warn(words, stacklevel=2)
