"""Watches a training: when a step is logged, and what is written of it."""

import contextlib
from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from xorlab.checks import warn
from xorlab.eventlog.eventfile import EventFile
from xorlab.steps import internals
from xorlab.steps.finite import LOSS
from xorlab.steps.optimizers import inner_optimizers, may_change_gradients
from xorlab.steps.schedule import Schedule
from xorlab.steps.statistics import BEFORE, StepStatistics
from xorlab.watching.drawing import DrawingWriter
from xorlab.watching.verdicts import Verdicts


class Watch:
    """Writes what steps do. Whatever fails in it, the training goes on.

    Args:
        find: returns the optimizers that may make the updates, by name.
        ask: asks for the statistics of the coming step; is given what takes them.
        log: where to.
        every: steps between two that are logged; if None, an epoch's first is.
        activations: write the outputs of layers, too.
        verdicts: judges what is written.
        remedy: what to do where the optimizers update nothing that can be seen.
        may_skip: whether steps that begin may be none.
    """

    def __init__(
        self,
        find: Callable[[], Mapping[str, keras.optimizers.Optimizer]],
        ask: Callable[[Callable[[list[StepStatistics] | Exception], None]], None],
        log: EventFile,
        every: int | None,
        activations: bool,
        verdicts: Verdicts,
        remedy: str,
        may_skip: bool = False,
    ):
        self._find = find
        self._ask = ask
        self._remedy = remedy
        self._may_skip = may_skip
        self._log = log
        self._activations = activations
        self._verdicts = verdicts
        self._ends_at: int | None = None  # In batches, if that is known.
        self._goes_on = True
        self._has_logged = self._has_lost = False
        self._last_finite: int | None = None
        self._steps = self._begun = self._made_before = 0
        self._guarded(self._begin, every)

    def _begin(self, every):
        self._optimizers = self._find()
        self._writer = DrawingWriter(self._log, self._activations)
        self._first_step = max(map(_iterations, self._optimizers.values()))
        # With any other optimizer a batch that is not an update is a rare thing.
        may_skip = self._may_skip or any(
            _scales_its_loss(x) or x.gradient_accumulation_steps
            for x in self._optimizers.values()
        )
        for each in map(_innermost, self._optimizers.values()):
            if each.gradient_accumulation_steps and may_change_gradients(each):
                warn(
                    f"{type(each).__name__} accumulates gradients that its own "
                    "apply may have changed: these are logged, not those of the loss"
                )
        innermost = {x: _innermost(each) for x, each in self._optimizers.items()}
        # What deals gradients out to others leaves the rate to them.
        self._have_rates = {
            x: y for x, y in innermost.items() if not inner_optimizers(y)
        }
        self._schedule = Schedule(every, self._next_step, may_skip)
        self._applied_before = {
            name: internals.batches_applied(_innermost(x))
            for name, x in self._optimizers.items()
        }

    def go_on_from(self, step: int) -> None:
        """Counts on from a step, if the optimizers begin anew."""
        if self._goes_on and not self._first_step:
            self._made_before = step

    @property
    def next_step(self) -> int:
        """The step that comes next, or 0 where none can be seen."""
        return self._made_before + self._next_step() if self._goes_on else 0

    def begin_epoch(self, is_logged: bool, batches_left: int | None = None) -> None:
        """Takes note that an epoch begins.

        Args:
            is_logged: whether its first update is logged.
            batches_left: how many the training is still given, if that is known.
        """
        self._ends_at = None if batches_left is None else self._steps + batches_left
        self._guarded(lambda: self._schedule.begin_epoch(is_logged))

    def begin_steps(self, steps: int) -> None:
        """Takes note that so many steps begin, and asks for them if they are due."""
        self._begun = steps
        self.await_steps(steps)

    def await_steps(self, steps: int = 1) -> None:
        """Asks for the coming steps if they are due; there may be less than so many."""
        self._guarded(self._await, steps)

    def end_steps(self) -> None:
        """Takes note that they were made: where the data end, none are."""
        self._steps, self._begun = self._steps + self._begun, 0

    def end_epoch(self) -> None:
        """Judges what was logged, and may draw it."""
        self._guarded(self._verdicts.judge)
        self._guarded(lambda: self._writer.end_epoch())

    def end(self) -> None:
        """Writes all that waits, or says why nothing was logged."""
        self._guarded(self._end)

    def _end(self):
        self._verdicts.end()
        self._writer.flush()
        self._writer.end()
        if self._schedule.due and not self._has_logged:
            warn(f"no gradients are written: {self._why_none()}")

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
        warn(f"no gradients are written from now on, and training goes on: {why}")

    def _await(self, steps):
        if self._schedule.begin(steps):
            self._ask(self._take)

    def _take(self, told: list[StepStatistics] | Exception) -> None:
        if isinstance(told, Exception):
            self._give_up(told)
        else:
            self._guarded(self._log_step, told)

    def _log_step(self, told):
        steps = self._steps + self._begun
        step = self._first_step + steps - 1 if self._has_several() else told[0].step
        if not self._schedule.end(step):
            return
        self._has_logged = True
        for statistics in told:
            statistics.step += self._made_before
        place = self._tell_of_lost(told)
        for statistics in told:
            more = self._of_scaling(statistics.optimizer, steps)
            more |= self._learning_rate(statistics.optimizer)
            self._writer.add(statistics, more)
        if self._ends_at is not None:
            optimizer = _innermost(self._optimizers[told[0].optimizer])
            size = optimizer.gradient_accumulation_steps or 1  # Batches an update.
            self._verdicts.steps_left = (self._ends_at - steps + steps % size) // size
        rate = None if len(told) > 1 else more.get("learning_rate")
        self._verdicts.add(told, place, rate)

    def _learning_rate(self, name):
        if name not in self._have_rates:
            return {}
        return {"learning_rate": internals.last_learning_rate(self._have_rates[name])}

    def _of_scaling(self, name, steps):
        optimizer = self._optimizers[name]
        if not _scales_its_loss(optimizer):
            return {}
        more = {"loss_scale": _loss_scale(optimizer)}
        # Of several, each may be given more than a batch a step.
        if steps and not self._has_several():
            applied = internals.batches_applied(_innermost(optimizer))
            more["skipped_steps"] = float(steps - applied + self._applied_before[name])
        return more

    def _tell_of_lost(self, told):
        found = ((x.step, x.first_not_finite()) for x in told)
        step, place = next((each for each in found if each[1]), (told[0].step, None))
        if place is None:
            self._last_finite = step
        elif not self._has_lost:
            self._has_lost = True
            where = f"step {step}: NaN or infinity, first seen in {place}"
            if place == LOSS and not self._activations:
                where += "; write_activations=True looks at the outputs of layers, too"
            if place.endswith(BEFORE) and self._last_finite is not None:
                where += f"; step {self._last_finite}, the last one logged, had none"
            warn(where)
        return place

    def _why_none(self):
        [first, *others] = self._optimizers.values()
        if self._steps and _scales_its_loss(first) and not others:
            return (
                f"all {self._steps} steps overflowed in half precision, and nothing "
                f"was learned; the loss is scaled by {_loss_scale(first):.3g}: give a "
                "smaller initial_scale, or train in mixed_bfloat16 or float32"
            )
        kinds = ", ".join(type(x).__name__ for x in (first, *others))
        return f"the optimizer ({kinds}) updated nothing that is seen; {self._remedy}"

    def _next_step(self):
        """The count of steps: iterations, but of several optimizers, of executions."""
        if self._has_several():
            return self._first_step + self._steps
        [optimizer] = self._optimizers.values()
        return _iterations(optimizer)

    def _has_several(self):
        return len(self._optimizers) > 1


def _iterations(optimizer):
    # By a tensor: under a distribution strategy there is one on each replica.
    return int(tf.convert_to_tensor(optimizer.iterations))


def _scales_its_loss(optimizer):
    return isinstance(optimizer, keras.optimizers.LossScaleOptimizer)


def _innermost(optimizer):
    """The one that counts the batches that loss scaling did not skip."""
    while _scales_its_loss(optimizer):
        optimizer = optimizer.inner_optimizer
    return optimizer


def _loss_scale(optimizer):
    return float(optimizer.scale_loss(1.0))
