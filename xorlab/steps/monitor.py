"""Measures a training step inside of it, in a few kilobytes a weight."""

import collections
import itertools
import math
import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from xorlab.steps import exact, internals, measures, naming
from xorlab.steps.histograms import BUCKETS
from xorlab.steps.statistics import StepStatistics


class StepMonitor:
    """An observer (see `observe.observed`) that keeps the statistics of the last step.

    Counting happens inside the step, so that a histogram takes 8 KiB whatever the size
    of the weight. Under a distribution strategy it is of the whole global batch.

    Args:
        model: compiled and built.
        activations: count the outputs of the model's layers too.
    """

    def __init__(self, model: keras.Model, activations: bool):
        self._optimizer = internals.updating_optimizer(model)
        self._by_xla = model.jit_compile and not model.run_eagerly
        replicas = model.distribute_strategy.num_replicas_in_sync
        self._holds_weights = self._by_xla and replicas == 1
        weights = naming.weights_of(model)
        self._names = list(weights)
        self._sizes = [math.prod(v.shape) for v in weights.values()]
        # What an input layer returns is the data.
        layers = naming.layers_of(model).items() if activations else ()
        inputs = keras.layers.InputLayer
        self.layers = {x: layer for x, layer in layers if not isinstance(layer, inputs)}
        self._row = {id(v): row for row, v in enumerate(weights.values())}
        # By replica, then layer.
        self._outputs_of: dict = collections.defaultdict(dict)
        # By the graph of a trace.
        self._copies_in: dict = {}
        self._passed: set = set()  # Replicas that have begun to update.
        self._before_of: dict = {}
        rows = len(self._row)
        with model.distribute_strategy.scope():
            # How many updates were seen, and the iteration of the last.
            self._clock = _kept([2], tf.float64)
            # Of each weight, the number of the last update of it, and squared norms:
            # of the gradient, of the weight before, and of how it changed.
            self._numbers = _kept([4, rows], tf.float64)
            # Of the gradients, and of the weights before. Not int32, whose variables
            # TensorFlow leaves on the CPU: a step that XLA compiles for a GPU then
            # fails.
            self._counts = _kept([2, rows, BUCKETS], tf.int64)
            self._outputs = _kept([len(self.layers), BUCKETS], tf.int64, summed=True)
        self._seen = 0

    def read(self) -> StepStatistics | None:
        """Returns what the last observed execution did; None if it updated nothing.

        That is so where loss scaling skips a step, or a micro-batch only accumulates.
        Of several steps, it is each weight's last update.
        """
        # They hold tensors.
        self._outputs_of.clear()
        self._copies_in.clear()
        self._before_of.clear()
        seen, step = map(int, _array(self._clock))
        if seen == self._seen:
            return None
        names, sizes, counts = self._names, self._sizes, _array(self._counts)
        last_update, *squares = _array(self._numbers).tolist()
        if min(last_update, default=seen) <= self._seen:
            updated = [update > self._seen for update in last_update]
            names, sizes, *squares = (
                list(itertools.compress(each, updated))
                for each in (names, sizes, *squares)
            )
            counts = counts[:, updated]
        self._seen = seen
        counts = counts.reshape(-1, BUCKETS)
        if self.layers:
            counts = np.concatenate([counts, _array(self._outputs)])
        of_gradients, of_weights, of_changes = squares
        return StepStatistics(
            step=step,
            weights=names,
            counts=counts,
            sizes=sizes,
            gradient_squares=of_gradients,
            weight_squares=of_weights,
            change_squares=of_changes,
            layers=list(self.layers),
            wall_time=time.time(),
        )

    def before_update(self, variables: Sequence[keras.Variable]) -> None:
        self._passed.add(_replica())
        weights = [tf.convert_to_tensor(variable) for variable in variables]
        self._before_of[_replica()] = weights, _read(self._clock)[0]

    def at_update(
        self, variables: Sequence[keras.Variable], gradients: Sequence[tf.Tensor]
    ) -> Sequence[tf.Tensor]:
        replicas = tf.distribute.get_replica_context()
        if replicas is not None and replicas.num_replicas_in_sync > 1:
            gradients = replicas.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        weights, seen = self._before_of[_replica()]
        if self.layers:
            self._outputs.assign(self._counts_of_outputs())
        counts, squares = measures.measure([*gradients, *weights], by_xla=self._by_xla)
        kept = tf.reshape(counts, [2, -1, BUCKETS])
        self._counts.assign(self._in_place(variables, kept, self._counts))
        update = tf.fill([1, len(variables)], seen + 1)
        no_change = tf.zeros_like(update)
        kept = tf.concat([update, tf.reshape(squares, [2, -1]), no_change], 0)
        self._numbers.assign(self._in_place(variables, kept, self._numbers))
        step = tf.cast(self._optimizer.iterations, tf.float64)
        self._clock.assign(tf.stack([seen + 1, step]))
        # An optimizer may have changed them since it was given the gradients.
        now = [tf.convert_to_tensor(variable) for variable in variables]
        if self._holds_weights:
            exact.hold(variables, squares, now, map(tf.zeros_like, now))
        return [counts, squares]

    def after_update(self, variables: Sequence[keras.Variable]) -> None:
        before, seen = self._before_of.pop(_replica())
        after = [tf.convert_to_tensor(variable) for variable in variables]
        changes = measures.measure_change(after, before, by_xla=self._by_xla)
        numbers = _read(self._numbers)
        others, old = numbers[:-1], numbers[-1:]
        kept = self._in_place(variables, changes[tf.newaxis], old)
        # An update in a branch of the step may not have been made.
        kept = tf.where(_read(self._clock)[0] > seen, kept, old)
        self._numbers.assign(tf.concat([others, kept], 0))
        if self._holds_weights:
            exact.hold(variables, changes, after, before)

    def at_failure(self, error: Exception) -> None:
        raise error

    def at_output(self, layer: keras.Layer, output: Any) -> None:
        tensors = [x for x in tf.nest.flatten(output) if tf.is_tensor(x)]
        floats = [x for x in tensors if x.dtype.is_floating]
        if _replica() in self._passed:
            # Another forward pass begins; until then, all updates are of the last.
            self._passed.discard(_replica())
            self._outputs_of.pop(_replica(), None)
        if tf.executing_eagerly():
            # The step's tape would go on to record what is measured.
            floats = [tf.stop_gradient(x) for x in floats]
        elif not self._by_xla:
            graph = tf.compat.v1.get_default_graph()
            copies = self._copies_in.setdefault(graph, exact.Copies())
            # Without a dependency of their own, TensorFlow merges copy and original.
            now = self._optimizer.iterations
            with tf.control_dependencies([tf.convert_to_tensor(now)]):
                floats = [copies.of(x) for x in floats]
        if floats:
            counts, _ = measures.measure(floats, by_xla=self._by_xla)
            counts = tf.reduce_sum(counts, axis=0)
            self._outputs_of[_replica()].setdefault(id(layer), []).append(counts)

    def _counts_of_outputs(self):
        """Adds up the calls of each layer; those inside a loop's body are not seen."""
        outputs = self._outputs_of[_replica()]
        nothing = tf.zeros([BUCKETS], tf.int64)
        rows = [
            sum(filter(_reachable, outputs.get(id(layer), [])), nothing)
            for layer in self.layers.values()
        ]
        return tf.stack(rows)

    def _in_place(self, variables, values, others):
        """Puts `[K, n, …]` values of n variables among those of all, `[K, T, …]`."""
        rows = [self._row[id(variable)] for variable in variables]
        # Keras updates all its weights in order, unless some have no gradient.
        if rows == list(self._row.values()):
            return values
        places = [[[kind, row] for row in rows] for kind in range(others.shape[0])]
        return tf.tensor_scatter_nd_update(others, places, values)


def _replica():
    """Which replica's step is being traced, or run: by turns, in several threads."""
    context = tf.distribute.get_replica_context()
    return context and int(tf.get_static_value(context.replica_id_in_sync_group))


def _kept(shape, dtype, summed=False):
    """Makes a variable that a step writes, on one replica or on each.

    What all replicas know is read from the first; outputs add up over all.
    """
    aggregations = tf.VariableAggregation
    return tf.Variable(
        tf.zeros(shape, dtype),
        trainable=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=aggregations.SUM if summed else aggregations.ONLY_FIRST_REPLICA,
    )


def _read(variable):
    """Reads a variable to be cut in a step: what is cut of itself keeps it for good."""
    return tf.convert_to_tensor(variable)


def _array(variable):
    """Returns a variable's value; it stays when the next step writes another."""
    if isinstance(variable, tf.distribute.DistributedValues):
        return variable.read_value().numpy()
    # The raw op: `variable.numpy()` takes three times as long.
    value = tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)
    # Not `value.numpy()`, which copies.
    return np.asarray(value)


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
