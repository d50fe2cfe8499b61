"""Keeps what the updates by one optimizer did, inside of the steps that make them."""

import itertools
import math
import time
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from xorlab.steps import exact, internals, measures
from xorlab.steps.histograms import BUCKETS
from xorlab.steps.observe import Update
from xorlab.steps.statistics import StepStatistics
from xorlab.steps.traced import is_for_xla, replica


class Updates:
    """The statistics of each weight's last update by one optimizer.

    Args:
        weights: T that it may change, by tag.
        may_hold: whether it may make use of `exact.hold`.
    """

    def __init__(self, weights: Mapping[str, keras.Variable], may_hold: bool):
        self._may_hold = may_hold
        self._names = list(weights)
        self._sizes = [math.prod(v.shape) for v in weights.values()]
        self._row = {id(v): row for row, v in enumerate(weights.values())}
        self._before_of: dict = {}
        rows = len(self._row)
        # How many updates were seen, and the iteration of the last.
        self._clock = kept([2], tf.float64)
        # Of each weight, the number of the last update of it; the greatest of -x, in
        # the gradient and in the weight before, and of x; and squared norms: of the
        # gradient, of the weight before, and of how it changed.
        self._numbers = kept([8, rows], tf.float64)
        # Of the gradients, and of the weights before. Not int32, whose variables
        # TensorFlow leaves on the CPU: a step that XLA compiles for a GPU then
        # fails.
        self._counts = kept([2, rows, BUCKETS], tf.int64)
        self._seen = 0

    def rename(self, variable: keras.Variable, prefix: str) -> None:
        """Sets a weight's name apart from that of another optimizer's update of it."""
        row = self._row[id(variable)]
        if not self._names[row].startswith(f"{prefix}/"):
            self._names[row] = f"{prefix}/{self._names[row]}"

    def read(self) -> StepStatistics | None:
        """Returns what the last observed execution did; None if it updated nothing."""
        # They hold tensors.
        self._before_of.clear()
        seen, step = map(int, array(self._clock))
        if seen == self._seen:
            return None
        names, sizes, counts = self._names, self._sizes, array(self._counts)
        numbers = array(self._numbers)
        last_update, *squares = numbers[[0, 5, 6, 7]].tolist()
        ends = numbers[1:5]
        if min(last_update, default=seen) <= self._seen:
            updated = [update > self._seen for update in last_update]
            names, sizes, *squares = (
                list(itertools.compress(each, updated))
                for each in (names, sizes, *squares)
            )
            counts, ends = counts[:, updated], ends[:, updated]
        self._seen = seen
        of_gradients, of_weights, of_changes = squares
        return StepStatistics(
            step=step,
            weights=names,
            counts=counts.reshape(-1, BUCKETS),
            ends=ends.reshape(2, -1).T * [-1, 1],
            sizes=sizes,
            gradient_squares=of_gradients,
            weight_squares=of_weights,
            change_squares=of_changes,
            layers=[],
            wall_time=time.time(),
        )

    def before(self, update: Update) -> None:
        for variable in update.variables:
            if id(variable) not in self._row:
                raise internals.NotWatchable(
                    "weights: expected updates of the model's trainable weights; "
                    f"received one of {variable.path}; watch a model that holds it"
                )
        weights = [tf.convert_to_tensor(variable) for variable in update.variables]
        self._before_of[replica()] = weights, _read(self._clock)[0]

    def at(self, update: Update, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        variables = update.variables
        weights, seen = self._before_of[replica()]
        by_xla = is_for_xla()
        counts, squares, ends = measures.measure([*gradients, *weights], by_xla=by_xla)
        values = tf.reshape(counts, [2, -1, BUCKETS])
        self._counts.assign(self._in_place(variables, values, self._counts))
        number = tf.fill([1, len(variables)], seen + 1)
        no_change = tf.zeros_like(number)
        ends = tf.reshape(tf.transpose(ends), [4, -1])
        squares_of = tf.reshape(squares, [2, -1])
        values = tf.concat([number, ends, squares_of, no_change], 0)
        self._numbers.assign(self._in_place(variables, values, self._numbers))
        step = tf.cast(update.iterations, tf.float64)
        self._clock.assign(tf.stack([seen + 1, step]))
        if self._may_hold and by_xla:
            # An optimizer may have changed them since it was given the gradients.
            now = [tf.convert_to_tensor(variable) for variable in variables]
            exact.hold(variables, squares, now, map(tf.zeros_like, now))
        # Small gradients may as well be measured while the update is made.
        return [counts, squares, ends] if any(map(exact.is_big, gradients)) else []

    def after(self, update: Update) -> None:
        variables = update.variables
        before, seen = self._before_of.pop(replica())
        after = [tf.convert_to_tensor(variable) for variable in variables]
        by_xla = is_for_xla()
        changes = measures.measure_change(after, before, by_xla=by_xla)
        numbers = _read(self._numbers)
        others, old = numbers[:-1], numbers[-1:]
        values = self._in_place(variables, changes[tf.newaxis], old)
        # An update in a branch of the step may not have been made.
        values = tf.where(_read(self._clock)[0] > seen, values, old)
        self._numbers.assign(tf.concat([others, values], 0))
        if self._may_hold and by_xla:
            exact.hold(variables, changes, after, before)

    def _in_place(self, variables, values, others):
        """Puts `[K, n, …]` values of n variables among those of all, `[K, T, …]`."""
        rows = [self._row[id(variable)] for variable in variables]
        # Keras updates all its weights in order, unless some have no gradient.
        if rows == list(self._row.values()):
            return values
        if not rows:
            return others
        places = [[[kind, row] for row in rows] for kind in range(others.shape[0])]
        return tf.tensor_scatter_nd_update(others, places, values)


def kept(shape: Sequence[int], dtype: tf.DType, summed: bool = False) -> tf.Variable:
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


def array(variable: tf.Variable) -> np.ndarray:
    """Returns a variable's value; it stays when the next step writes another."""
    if isinstance(variable, tf.distribute.DistributedValues):
        return variable.read_value().numpy()
    # The raw op: `variable.numpy()` takes three times as long.
    value = tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)
    # Not `value.numpy()`, which copies.
    return np.asarray(value)


def greatest(variable: tf.Variable) -> np.ndarray:
    """Returns the greatest of each entry of what the replicas have written."""
    if isinstance(variable, tf.distribute.DistributedValues):
        return np.max([array(x) for x in variable.values], axis=0)
    return array(variable)
