"""Counts inside a training step what the layers of a model return."""

import collections
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from xorlab.steps import exact, measures, units
from xorlab.steps.histograms import BUCKETS
from xorlab.steps.traced import is_around, is_for_xla, is_reachable, replica
from xorlab.steps.updates import array, greatest, kept


class _Call(NamedTuple):
    """What a layer returned once: outputs of few values wait for those of others."""

    graph: tf.Graph  # In which it was called: an output may be of none.
    few: list[tf.Tensor]
    many: list[tf.Tensor]  # Of the others, counts and ends, or nothing.
    passing: tf.Tensor | None


class LayerOutputs:
    """Keeps, of the last forward pass before an update, what layers returned.

    Args:
        layers: L of them, by name.
        now: the optimizer's iterations.

    Attributes:
        returned: names of layers in the order in which they first returned.
    """

    def __init__(self, layers: Mapping[str, keras.Layer], now: keras.Variable):
        self._layers = layers
        self._now = now
        self._names = {id(layer): name for name, layer in layers.items()}
        kinds = {name: units.kind_of(layer) for name, layer in layers.items()}
        self._kinds = {name: kind for name, kind in kinds.items() if kind}
        # By replica, then name.
        self._calls_of: dict = collections.defaultdict(dict)
        # By replica: what was counted of them, if no other came since.
        self._counted_of: dict = {}
        # By the graph of a trace: with what they wait for.
        self._copies_in: dict = {}
        self._passed: set = set()  # Replicas that have begun to update.
        self.returned: list[str] = []
        self._counts = kept([len(layers), BUCKETS], tf.int64, summed=True)
        # The greatest of -x and of x.
        self._ends = kept([len(layers), 2], tf.float64)
        # Of each layer that has a kind, the share of its units that are of it, and of
        # all that they return, that which passes no gradient on.
        self._shares = kept([2, len(self._kinds)], tf.float64)

    def counts(self) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Returns the layers that were seen before the last update, and their counts.

        Some are never called in training, or only in the body of a loop.

        Returns:
            S names; `[S, BUCKETS]`; and the least and the greatest value, `[S, 2]`.
        """
        counts, ends = array(self._counts), greatest(self._ends) * [-1, 1]
        seen = np.flatnonzero(counts.any(axis=1))
        return [list(self._layers)[row] for row in seen], counts[seen], ends[seen]

    def units(self) -> dict[str, float]:
        """Returns the share of units that are dead or saturated, by tag."""
        shares = self._shares_seen(0).items()
        return {f"{self._kinds[name]}/{name}": share for name, share in shares}

    def flat(self) -> dict[str, float]:
        """Returns the share of a layer's outputs that pass no gradient on, by layer."""
        return self._shares_seen(1)

    def _shares_seen(self, row):
        shares = array(self._shares)[row].tolist()
        pairs = zip(self._kinds, shares, strict=True)
        return {name: share for name, share in pairs if not math.isnan(share)}

    def clear(self) -> None:
        """Forgets what holds tensors."""
        self._calls_of.clear()
        self._counted_of.clear()
        self._copies_in.clear()

    def add(self, layer: keras.Layer, output: Any) -> None:
        """Counts what a call returned."""
        tensors = [x for x in tf.nest.flatten(output) if tf.is_tensor(x)]
        floats = [x for x in tensors if x.dtype.is_floating]
        if replica() in self._passed:
            # Another forward pass begins; until then, all updates are of the last.
            self._passed.discard(replica())
            self._calls_of.pop(replica(), None)
        if tf.executing_eagerly():
            # The step's tape would go on to record what is measured.
            floats = [tf.stop_gradient(x) for x in floats]
        elif not is_for_xla():
            floats = self._copied(floats)
        if floats:
            name = self._names[id(layer)]
            passing = units.passing(layer, floats[0]) if name in self._kinds else None
            calls = self._calls_of[replica()].setdefault(name, [])
            calls.append(self._call(floats, passing))
            self._counted_of.pop(replica(), None)

    def _call(self, outputs, passing):
        few = [x for x in outputs if measures.is_small(x)]
        many = [x for x in outputs if not measures.is_small(x)]
        if many:
            counts, _, ends = measures.measure(many, by_xla=is_for_xla())
            many = [counts, ends]
        return _Call(tf.compat.v1.get_default_graph(), few, many, passing)

    def _copied(self, tensors):
        graph = tf.compat.v1.get_default_graph()
        if graph not in self._copies_in:
            now = tf.convert_to_tensor(self._now)
            self._copies_in[graph] = exact.Copies(), now
        copies, now = self._copies_in[graph]
        # Without a dependency of their own, TensorFlow merges copy and original.
        with tf.control_dependencies([now]):
            return [copies.of(x) for x in tensors]

    def begin_update(self) -> None:
        """Takes note that the forward pass has ended."""
        self._passed.add(replica())

    def passing(self) -> list[tf.Tensor]:
        """Returns for what share of the batch units pass a gradient on, over calls.

        Returns:
            float32 `[O]` for each layer whose units are told of, or `[0]` where no call
            was seen; they add up over replicas.
        """
        nothing = tf.zeros([0])
        return [
            tf.add_n([call.passing for call in self._calls(name)] or [nothing])
            for name in self._kinds
        ]

    def keep(self, passing: Sequence[tf.Tensor]) -> None:
        """Writes down what was counted, `passing` being of the whole batch."""
        if self._layers:
            self.returned = list(self._calls_of[replica()])
            counted = self._counted_of.get(replica())
            if counted is None or not is_reachable(counted[0]):
                counted = self._counted_of[replica()] = self._counted()
            counts, ends = counted
            self._counts.assign(counts)
            self._ends.assign(ends)
        if self._kinds:
            # The mean of no units is NaN.
            pass_none = [tf.reduce_mean(tf.cast(x == 0, tf.float64)) for x in passing]
            sums = [tf.reduce_mean(tf.cast(x, tf.float64)) for x in passing]
            numbers = [max(1, len(self._calls(name))) for name in self._kinds]
            flat = [1 - x / n / _replicas() for x, n in zip(sums, numbers, strict=True)]
            self._shares.assign(tf.stack([tf.stack(pass_none), tf.stack(flat)]))

    def _counted(self):
        """Returns the counts and the ends of each layer, over all of its calls."""
        by_layer = enumerate(map(self._calls, self._layers))
        calls = [(row, call) for row, calls in by_layer for call in calls]
        few = [(row, x) for row, call in calls for x in call.few]
        many = [(row, *call.many) for row, call in calls if call.many]
        counts, _, ends = measures.measure([x for _, x in few], by_xla=is_for_xla())
        counts = tf.concat([counts, *(counts for _, counts, _ in many)], 0)
        ends = tf.concat([ends, *(ends for *_, ends in many)], 0)
        rows = [row for row, _ in few]
        rows += [row for row, counts, _ in many for _ in range(counts.shape[0])]
        if rows == list(range(len(self._layers))):
            return counts, ends
        rows = tf.constant(rows, tf.int32)  # There may be none.
        counts = tf.math.unsorted_segment_sum(counts, rows, len(self._layers))
        return counts, tf.math.unsorted_segment_max(ends, rows, len(self._layers))

    def _calls(self, name):
        """Returns a layer's calls; those inside a loop's body are not seen."""
        calls = self._calls_of[replica()].get(name, [])
        if tf.executing_eagerly():
            return calls
        return [call for call in calls if is_around(call.graph)]


def _replicas():
    context = tf.distribute.get_replica_context()
    return context.num_replicas_in_sync if context else 1
