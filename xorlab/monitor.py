"""What one training step did to every weight, in a few kilobytes a weight."""

import dataclasses
import threading

import keras
import numpy as np
import tensorflow as tf

from xorlab import histograms, internals, naming
from xorlab.histograms import BUCKETS


@dataclasses.dataclass(frozen=True)
class StepReport:
    """What a step did. T trainable weights, L layers; counts are by bucket.

    Attributes:
        step: the optimizer's iterations before the update.
        weights: T tags; only weights that received a gradient.
        counts: `[T + T + L, BUCKETS]`: of the gradients, of the weights before the
            update, and of the layers' outputs.
        sizes: `[T]`, numbers of entries.
        gradient_norms: `[T]`, 2-norms.
        weight_norms: `[T]`, before the update.
        change_norms: `[T]`, of the weight after the update less before it.
        layers: L tags.
    """

    step: int
    weights: list[str]
    counts: np.ndarray
    sizes: np.ndarray
    gradient_norms: np.ndarray
    weight_norms: np.ndarray
    change_norms: np.ndarray
    layers: list[str]

    def by_layer(self, numbers: np.ndarray) -> dict[str, float]:
        """Adds up a number of each weight, `[T]`, over the layers that hold them."""
        sums = {}
        for path, number in zip(self.weights, numbers, strict=True):
            layer = naming.layer_of(path)
            sums[layer] = sums.get(layer, 0.0) + float(number)
        return sums

    def gradient_rms(self) -> dict[str, float]:
        """The RMS of each layer's gradient, as `gradients.rms_by_layer` defines it."""
        entries = self.by_layer(self.sizes)
        squares = self.by_layer(self.gradient_norms**2)
        return {x: (square / entries[x]) ** 0.5 for x, square in squares.items()}

    def gradients_not_finite(self) -> np.ndarray:
        """How many entries of each gradient are NaN or infinite: `[T]`."""
        return histograms.count_not_finite(self.counts[: len(self.weights)])


# In place of a step's number: no update was seen.
_NOTHING = -1


class StepMonitor:
    """An observer (see `gradients.observed`) that keeps a report of the last step.

    Counting happens inside the step, so that a report takes 16 KiB a histogram whatever
    the size of the weight. Under a distribution strategy the report is of the whole
    global batch.

    Args:
        model: compiled and built.
        activations: count the outputs of the model's layers too.
    """

    def __init__(self, model: keras.Model, activations: bool):
        self._optimizer = internals.updating_optimizer(model)
        self._variables = naming.weights_of(model)
        self.layers = {
            name: layer
            for name, layer in naming.layers_of(model).items()
            if activations and not isinstance(layer, keras.layers.InputLayer)
        }
        self._row = {id(v): row for row, v in enumerate(self._variables.values())}
        self._updated = set()
        self._replica = threading.local()  # Each is traced in a thread of its own.
        rows, layers = len(self._row), len(self.layers)
        with model.distribute_strategy.scope():
            self._step = _kept([], tf.int64)
            self._counts = _kept([2, rows, BUCKETS], tf.int32)
            self._squares = _kept([2, rows], tf.float64)
            self._changes = _kept([rows], tf.float64)
            self._outputs = _kept([layers, BUCKETS], tf.int32, summed=True)
        self._step.assign(_NOTHING)

    def read(self) -> StepReport | None:
        """Returns the report of the last observed step; None if nothing was updated.

        That is so where loss scaling skips a step, or a micro-batch only accumulates.
        """
        step = int(self._step.numpy())
        if step == _NOTHING:
            return None
        self._step.assign(_NOTHING)
        present = sorted(self._updated)
        names = list(self._variables)
        counts = self._counts.numpy()[:, present].reshape(-1, BUCKETS)
        gradient_squares, weight_squares = self._squares.numpy()[:, present]
        variables = list(self._variables.values())
        return StepReport(
            step=step,
            weights=[names[row] for row in present],
            counts=np.concatenate([counts, self._outputs.numpy()]),
            sizes=np.array([np.prod(variables[row].shape) for row in present]),
            gradient_norms=np.sqrt(gradient_squares),
            weight_norms=np.sqrt(weight_squares),
            change_norms=np.sqrt(self._changes.numpy()[present]),
            layers=list(self.layers),
        )

    def before_update(self, variables):
        # Copies, because the variables will change before the difference is taken.
        self._replica.before = [tf.identity(v) for v in variables]

    def at_update(self, variables, gradients):
        replicas = tf.distribute.get_replica_context()
        if replicas is not None and replicas.num_replicas_in_sync > 1:
            gradients = replicas.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        weights = [tf.convert_to_tensor(variable) for variable in variables]
        self._updated |= {self._row[id(variable)] for variable in variables}
        for kept, measure in (
            (self._counts, histograms.count_in_step),
            (self._squares, _sum_of_squares),
        ):
            both = [
                self._in_rows(variables, [measure(tensor) for tensor in tensors])
                for tensors in (gradients, weights)
            ]
            kept.assign(tf.stack(both))
        if self.layers:
            self._outputs.assign(self._counts_of_outputs())
        self._step.assign(tf.cast(self._optimizer.iterations, tf.int64))

    def after_update(self, variables):
        after = [tf.convert_to_tensor(variable) for variable in variables]
        changes = [
            histograms.sum_in_parts(_square_of_difference, *pair)
            for pair in zip(after, self._replica.before, strict=True)
        ]
        self._changes.assign(self._in_rows(variables, changes))
        self._replica.before = None

    def at_output(self, layer, output):
        tensors = [x for x in tf.nest.flatten(output) if tf.is_tensor(x)]
        counts = [histograms.count_in_step(x) for x in tensors if x.dtype.is_floating]
        self._outputs_of_step().setdefault(id(layer), []).extend(counts)

    def _outputs_of_step(self):
        if not hasattr(self._replica, "outputs"):
            self._replica.outputs = {}
        return self._replica.outputs

    def _counts_of_outputs(self):
        """Adds up the calls of each layer; those inside a loop's body are not seen."""
        outputs = self._outputs_of_step()
        rows = [
            sum(
                filter(_reachable, outputs.get(id(layer), [])),
                tf.zeros([BUCKETS], tf.int32),
            )
            for layer in self.layers.values()
        ]
        outputs.clear()
        return tf.stack(rows)

    def _in_rows(self, variables, values):
        """Stacks values by row of their variable, zeros where there is none."""
        rows = [tf.zeros_like(values[0])] * len(self._row)
        for variable, value in zip(variables, values, strict=True):
            rows[self._row[id(variable)]] = value
        return tf.stack(rows)


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


# Sums in float64: the square of 1e-30 is zero in float32, and so is the last of many
# small numbers.
def _sum_of_squares(tensor):
    return histograms.sum_in_parts(
        lambda part: tf.reduce_sum(tf.square(tf.cast(part, tf.float64))), tensor
    )


def _square_of_difference(after, before):
    return tf.reduce_sum(
        tf.square(tf.cast(after, tf.float64) - tf.cast(before, tf.float64))
    )


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
