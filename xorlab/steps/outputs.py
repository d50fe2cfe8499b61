"""Counts inside a training step what the layers of a model return."""

import collections
import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from xorlab.steps import exact, measures, units
from xorlab.steps.histograms import BUCKETS
from xorlab.steps.traced import is_for_xla, is_reachable, replica
from xorlab.steps.updates import array, greatest, kept


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
        # By replica, then name: of each call, counts, ends, and what units pass on.
        self._calls_of: dict = collections.defaultdict(dict)
        # By the graph of a trace.
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
        self._copies_in.clear()

    def add(self, layer: keras.Layer, output: Any) -> None:
        """Counts what a call returned."""
        tensors = [x for x in tf.nest.flatten(output) if tf.is_tensor(x)]
        floats = [x for x in tensors if x.dtype.is_floating]
        if replica() in self._passed:
            # Another forward pass begins; until then, all updates are of the last.
            self._passed.discard(replica())
            self._calls_of.pop(replica(), None)
        by_xla = is_for_xla()
        if tf.executing_eagerly():
            # The step's tape would go on to record what is measured.
            floats = [tf.stop_gradient(x) for x in floats]
        elif not by_xla:
            graph = tf.compat.v1.get_default_graph()
            copies = self._copies_in.setdefault(graph, exact.Copies())
            # Without a dependency of their own, TensorFlow merges copy and original.
            with tf.control_dependencies([tf.convert_to_tensor(self._now)]):
                floats = [copies.of(x) for x in floats]
        if floats:
            name = self._names[id(layer)]
            counts, _, ends = measures.measure(floats, by_xla=by_xla)
            counts, ends = tf.reduce_sum(counts, axis=0), tf.reduce_max(ends, axis=0)
            passing = units.passing(layer, floats[0]) if name in self._kinds else None
            calls = self._calls_of[replica()].setdefault(name, [])
            calls.append((counts, ends, passing))

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
            tf.add_n([passing for *_, passing in self._calls(name)] or [nothing])
            for name in self._kinds
        ]

    def keep(self, passing: Sequence[tf.Tensor]) -> None:
        """Writes down what was counted, `passing` being of the whole batch."""
        calls = self._calls_of[replica()]
        if self._layers:
            self.returned = list(calls)
            counts, ends = zip(*map(self._joined, self._layers), strict=True)
            self._counts.assign(tf.stack(counts))
            self._ends.assign(tf.stack(ends))
        if self._kinds:
            # The mean of no units is NaN.
            pass_none = [tf.reduce_mean(tf.cast(x == 0, tf.float64)) for x in passing]
            sums = [tf.reduce_mean(tf.cast(x, tf.float64)) for x in passing]
            numbers = [max(1, len(self._calls(name))) for name in self._kinds]
            flat = [1 - x / n / _replicas() for x, n in zip(sums, numbers, strict=True)]
            self._shares.assign(tf.stack([tf.stack(pass_none), tf.stack(flat)]))

    def _joined(self, name):
        """Returns the counts and the ends of all calls of a layer."""
        counts = [tf.zeros([BUCKETS], tf.int64)]
        ends = [tf.constant([-math.inf, -math.inf], tf.float64)]
        for of_call in self._calls(name):
            counts.append(of_call[0])
            ends.append(of_call[1])
        return tf.add_n(counts), tf.reduce_max(tf.stack(ends), axis=0)

    def _calls(self, name):
        """Returns a layer's calls; those inside a loop's body are not seen."""
        calls = self._calls_of[replica()].get(name, [])
        return [call for call in calls if is_reachable(call[0])]


def _replicas():
    context = tf.distribute.get_replica_context()
    return context.num_replicas_in_sync if context else 1
