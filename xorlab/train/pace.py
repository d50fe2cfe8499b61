"""Where a run pauses, and what it shows while it goes on."""

import time

import keras
import tqdm

# Seconds that an execution takes at the most, if a step is shorter: between two a run
# can be stopped, and the bar moves.
_LONGEST = 0.25


class Pace(keras.callbacks.Callback):
    """Cuts the `fit` of a `FusedModel` into executions, of an epoch each.

    An execution ends at each step that is to be logged, and in between as often as it
    takes for none to be long. How they are cut changes no step.

    Args:
        steps: the last step; the first is step 0.
        every: steps between two that are logged.
    """

    def __init__(self, steps: int, every: int):
        super().__init__()
        self._last = steps
        self._every = every
        self._most = 10  # Steps of an execution; until some were timed, a few.

    @property
    def epochs(self) -> int:
        """More epochs than the model needs; it is stopped after the last step."""
        return self._last + 1

    def is_logged(self, step: int) -> bool:
        """Whether a step is to be logged."""
        return step % self._every == 0 or step == self._last

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._done = self._step()
        until = (self._done // self._every + 1) * self._every
        left = min(until, self._last) - self._done
        self.model.steps_per_execution = min(left, self._most)
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        step = self._step()
        if epoch:  # The first one compiles.
            a_second = (step - self._done) / (time.perf_counter() - self._began)
            self._most = max(1, min(10 * self._most, int(_LONGEST * a_second)))
        if step == self._last:
            self.model.stop_training = True

    def _step(self):
        return int(self.model.optimizer.iterations) - 1


class Progress(keras.callbacks.Callback):
    """A bar on the terminal: steps done, steps a second, cost; nothing elsewhere.

    Args:
        steps: the number of steps to do.
        shown: whether there is one at all.
        words: before it.
    """

    def __init__(self, steps: int, shown: bool, words: str | None = None):
        super().__init__()
        self._bar = tqdm.tqdm(
            desc=words,
            total=steps,
            unit=" steps",
            unit_scale=True,
            # Nobody can see one step move.
            disable=None if shown and steps > 1 else True,
        )
        self._bar.set_postfix_str("compiling")

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        if not self._bar.n:
            self._bar.unpause()  # Or the time left would be as if every step compiled.
        self._bar.set_postfix(cost=f"{logs['loss']:.6f}", refresh=False)
        self._bar.update(int(self.model.optimizer.iterations) - 1 - self._bar.n)

    def close(self) -> None:
        """Ends the bar."""
        self._bar.close()
