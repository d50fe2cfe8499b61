"""Which executions of a `fit` are to be logged."""

import math
from collections.abc import Callable


class Schedule:
    """Counts the steps of one `fit`, and tells which are waited for.

    Args:
        every: the multiples of it are logged, and under `steps_per_execution` the last
            step of an execution that reaches one; if None, an epoch's first update.
        iterations: returns the optimizer's iterations so far.
        may_skip: whether batches that are no update are common.

    Attributes:
        due: whether a step is waited for.
    """

    def __init__(
        self, every: int | None, iterations: Callable[[], int], may_skip: bool
    ):
        self._every = every
        self._iterations = iterations
        self._may_skip = may_skip
        self.due = False
        self._step = iterations()
        self._next = self._multiple_from(self._step)

    def begin_epoch(self, is_logged: bool) -> None:
        """Takes note that an epoch begins, and whether its first update is logged."""
        self._step = self._iterations()
        if self._every is None:
            self.due |= is_logged

    def begin(self, steps: int) -> bool:
        """Takes note that so many steps begin; returns whether they are waited for."""
        if self._every is not None:
            if self._step + steps > self._next and self._may_skip:
                self._step = self._iterations()
            self.due |= self._step + steps > self._next
        self._step += steps
        return self.due

    def end(self, step: int) -> bool:
        """Takes note of the last update of steps that were waited for.

        Args:
            step: the optimizer's iterations before it.

        Returns:
            Whether it is to be logged: not where the count has run ahead, as not every
            batch was an update.
        """
        self.due = False
        self._step = step + 1
        if self._every is None:
            return True
        is_logged = step >= self._next
        if is_logged:
            self._next = self._multiple_from(self._step)
        return is_logged

    def _multiple_from(self, step):
        every = self._every or 1
        return math.ceil(step / every) * every
