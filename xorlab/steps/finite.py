"""The loss of a step, and where NaN or infinity is met before any gradient."""

import collections
import math
from typing import Any

import keras
import tensorflow as tf

from xorlab.steps import batch
from xorlab.steps.traced import is_reachable, replica

LOSS = "the loss"
# Keras's words for the parts of a batch.
_PARTS = ("x", "y", "sample_weight")


class BatchCheck:
    """Keeps the loss, and what a batch holds; finds the first that is not finite."""

    def __init__(self) -> None:
        # By replica: places, each with whether it is not finite.
        self._seen: dict = collections.defaultdict(list)
        self._places: list[str] = []
        self._losses: dict = {}  # By replica.
        self._numbers: dict = {}

    def begin(self, data: Any) -> None:
        """Takes what a step is given, in any structure."""
        self._seen.pop(replica(), None)
        self._losses.pop(replica(), None)
        self._numbers[replica()] = batch.measured(data)
        for path, part in keras.tree.flatten_with_path(data):
            for tensor in tf.nest.flatten(part, expand_composites=True):
                self._add(f"{_named(path, data)} of the batch", tensor)

    def add_loss(self, loss: tf.Tensor) -> None:
        """Takes the loss of the data."""
        self._add(LOSS, loss)
        self._losses[replica()] = tf.reduce_mean(tf.cast(loss, tf.float64))

    def loss(self) -> tf.Tensor:
        """Returns the loss of a replica's data, float64 `[]`; NaN if not seen."""
        loss = self._losses.get(replica())
        is_seen = loss is not None and is_reachable(loss)
        return loss if is_seen else tf.constant(math.nan, tf.float64)

    def numbers(self) -> tf.Tensor:
        """Returns what a replica's batch holds, as `batch.measured` does."""
        numbers = self._numbers.get(replica())
        is_seen = numbers is not None and is_reachable(numbers)
        return numbers if is_seen else batch.measured(None)

    def lost(self) -> tf.Tensor:
        """Returns for each of P places 1 if it is not finite, else 0: float32 `[P]`."""
        seen = [x for x in self._seen[replica()] if is_reachable(x[1])]
        self._places = [place for place, _ in seen]
        lost = [tf.cast(is_lost, tf.float32) for _, is_lost in seen]
        return tf.stack(lost) if lost else tf.zeros([0])

    def first(self, lost: tf.Tensor) -> tf.Tensor:
        """Returns the number of the first that is not 0; P where none is."""
        end = lost.shape[0]
        places = tf.where(lost > 0, tf.range(end), end)
        return tf.reduce_min(tf.concat([places, [end]], 0))

    def place(self, number: int) -> str | None:
        """Returns the name of a place; None for the number P."""
        return [*self._places, None][number]

    def clear(self) -> None:
        """Forgets what it holds: tensors."""
        self._seen.clear()
        self._losses.clear()
        self._numbers.clear()

    def _add(self, place, tensor):
        if tf.is_tensor(tensor) and tensor.dtype.is_floating:
            is_lost = ~tf.reduce_all(tf.math.is_finite(tensor))
            self._seen[replica()].append((place, is_lost))


def _named(path, data):
    """Names a part of a batch, by its path in it: `x`, or `x/age`."""
    if not isinstance(data, tuple | list):
        path = (0, *path)
    first, *rest = path
    name = _PARTS[first] if first in range(len(_PARTS)) else first
    return "/".join(map(str, [name, *rest]))
