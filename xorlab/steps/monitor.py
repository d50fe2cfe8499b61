"""Measures a training step inside of it, in a few kilobytes a weight."""

import collections
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from xorlab.steps import exact, measures, naming
from xorlab.steps.histograms import BUCKETS
from xorlab.steps.observe import Update
from xorlab.steps.statistics import StepStatistics
from xorlab.steps.updates import Updates, array, kept, replica


class StepMonitor:
    """An observer (see `observe.observed`) that keeps the statistics of the last step.

    Counting happens inside the step, so that a histogram takes 8 KiB whatever the size
    of the weight. Under a distribution strategy it is of the whole global batch.

    Args:
        model: built.
        optimizers: those that may update it, by name.
        activations: count the outputs of the model's layers too.
        by_xla: whether XLA compiles the step.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizers: Mapping[str, keras.optimizers.Optimizer],
        activations: bool,
        by_xla: bool,
    ):
        self._some_optimizer = next(iter(optimizers.values()))
        self._by_xla = by_xla
        replicas = model.distribute_strategy.num_replicas_in_sync
        weights = naming.weights_of(model)
        self.layers = naming.layers_seen(model) if activations else {}
        # By replica, then layer.
        self._outputs_of: dict = collections.defaultdict(dict)
        # By the graph of a trace.
        self._copies_in: dict = {}
        self._passed: set = set()  # Replicas that have begun to update.
        self._updated_by: dict[int, str] = {}
        with model.distribute_strategy.scope():
            self._updates = {
                name: Updates(weights, by_xla, holds=by_xla and replicas == 1)
                for name in optimizers
            }
            self._outputs = kept([len(self.layers), BUCKETS], tf.int64, summed=True)

    def read(self) -> list[StepStatistics]:
        """Returns what the last observed execution did, by each optimizer that updated.

        None does where loss scaling skips a step, or a micro-batch only accumulates.
        Of several steps, it is each weight's last update.
        """
        # They hold tensors.
        self._outputs_of.clear()
        self._copies_in.clear()
        told = []
        for name, updates in self._updates.items():
            statistics = updates.read()
            if statistics is not None:
                statistics.optimizer = name
                told.append(statistics)
        if told and self.layers:
            first, outputs = told[0], array(self._outputs)
            # Some are never called in training, or only in the body of a loop.
            seen = np.flatnonzero(outputs.any(axis=1))
            first.counts = np.concatenate([first.counts, outputs[seen]])
            first.layers = [list(self.layers)[row] for row in seen]
        return told

    def before_update(self, update: Update) -> None:
        self._passed.add(replica())
        updates = self._updates[update.optimizer]
        updates.before(update)
        for variable in update.variables:
            first = self._updated_by.setdefault(id(variable), update.optimizer)
            if first != update.optimizer:
                updates.rename(variable, update.optimizer)

    def at_update(
        self, update: Update, gradients: Sequence[tf.Tensor]
    ) -> Sequence[tf.Tensor]:
        replicas = tf.distribute.get_replica_context()
        if replicas is not None and replicas.num_replicas_in_sync > 1:
            gradients = replicas.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        if self.layers:
            self._outputs.assign(self._counts_of_outputs())
        return self._updates[update.optimizer].at(update, gradients)

    def after_update(self, update: Update) -> None:
        self._updates[update.optimizer].after(update)

    def at_failure(self, error: Exception) -> None:
        raise error

    def at_output(self, layer: keras.Layer, output: Any) -> None:
        tensors = [x for x in tf.nest.flatten(output) if tf.is_tensor(x)]
        floats = [x for x in tensors if x.dtype.is_floating]
        if replica() in self._passed:
            # Another forward pass begins; until then, all updates are of the last.
            self._passed.discard(replica())
            self._outputs_of.pop(replica(), None)
        if tf.executing_eagerly():
            # The step's tape would go on to record what is measured.
            floats = [tf.stop_gradient(x) for x in floats]
        elif not self._by_xla:
            graph = tf.compat.v1.get_default_graph()
            copies = self._copies_in.setdefault(graph, exact.Copies())
            # Without a dependency of their own, TensorFlow merges copy and original.
            now = self._some_optimizer.iterations
            with tf.control_dependencies([tf.convert_to_tensor(now)]):
                floats = [copies.of(x) for x in floats]
        if floats:
            counts, _ = measures.measure(floats, by_xla=self._by_xla)
            counts = tf.reduce_sum(counts, axis=0)
            self._outputs_of[replica()].setdefault(id(layer), []).append(counts)

    def _counts_of_outputs(self):
        """Adds up the calls of each layer; those inside a loop's body are not seen."""
        outputs = self._outputs_of[replica()]
        nothing = tf.zeros([BUCKETS], tf.int64)
        rows = [
            sum(filter(_reachable, outputs.get(id(layer), [])), nothing)
            for layer in self.layers.values()
        ]
        return tf.stack(rows)


def _reachable(tensor):
    """Whether a tensor can be used here, or is inside a loop or branch of the step."""
    if tf.executing_eagerly():
        return True
    graph = tf.compat.v1.get_default_graph()
    while graph is not None:
        if tensor.graph is graph:
            return True
        graph = getattr(graph, "outer_graph", None)
    return False
