"""Where a run pauses, and what it shows while it goes on."""

import math

import keras
import tqdm


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

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        until = min(epoch * self._every, self._last)
        begun = (epoch - 1) * self._every if epoch else -1
        self.model.steps_per_execution = until - begun


class Progress(keras.callbacks.Callback):
    """A bar on the terminal: steps done, steps a second, cost; nothing elsewhere.

    Args:
        steps: the number of steps to do.
    """

    def __init__(self, steps: int):
        super().__init__()
        self._steps = steps

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._bar = tqdm.tqdm(
            total=self._steps, unit=" steps", unit_scale=True, disable=None
        )

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        self._bar.set_postfix(cost=f"{logs['loss']:.6f}", refresh=False)
        self._bar.update(int(self.model.optimizer.iterations) - 1 - self._bar.n)

    def on_train_end(self, logs: dict | None = None) -> None:
        self._bar.close()
