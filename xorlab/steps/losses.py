"""How much each part of a model's loss pulls: the gradient of each.

The step's own gradient is that of their sum, so each takes a backward pass more. It
begins at copies of what the step computes (`exact.Copies`), and the step stays as it
is.
"""

import contextlib
import functools
import itertools
from collections.abc import Container, Mapping
from typing import Any

import keras
import tensorflow as tf

from xorlab.checks import warn
from xorlab.steps import exact, internals, naming, traces
from xorlab.steps.hooks import Wrapped
from xorlab.steps.updates import array, kept

# What regularizers add, and what is left: the one loss that was given to `compile`.
REGULARIZATION = "regularization_loss"
DATA = "data_loss"


class LossGradients:
    """Keeps, of the last step, squared norms of the gradient of each part of the loss.

    A part is what the model's `compute_loss` tells a metric, as Keras's does with the
    loss of each of several outputs; what a layer adds by `add_loss`; what regularizers
    add; and, if no metric is told, the rest. Each has the weight that it has in the
    loss. Under gradient accumulation it is of an update's last batch.

    A context manager: inside, steps that are traced, or run eagerly, keep them; a train
    function is to be made inside, too. If it cannot be done, one warning says why.

    Args:
        model: compiled and built.
        weights: T of them, by tag: what gradients are taken with respect to.
    """

    def __init__(self, model: keras.Model, weights: Mapping[str, keras.Variable]):
        self._model = model
        self._tags, self._weights = list(weights), list(weights.values())
        layers = naming.layers_of(model)
        self._outputs = {x.name: name for name, x in layers.items() if "/" not in name}
        adding = {f"{name}_loss": layer for name, layer in layers.items()}
        self._hooks = Wrapped(
            (model, "train_step", self._step),
            (model, "compute_loss", self._compute_loss),
            (model, "add_loss", functools.partial(self._added, "added_loss")),
            *(
                (layer, "add_loss", functools.partial(self._added, name))
                for name, layer in adding.items()
            ),
        )
        self._has_failed = False
        self._forget()
        # A row a part, once they are known.
        self._names: list[str] = []
        self._squares: tf.Variable | None = None

    def __enter__(self) -> None:
        self._hooks.__enter__()

    def __exit__(self, *error: object) -> None:
        self._hooks.__exit__(*error)

    def squares(self, updated: Container[str]) -> dict[str, list[float]]:
        """Returns, of each part that the last step had, squared 2-norms by weight.

        Args:
            updated: tags of the weights to tell of.
        """
        self._forget()
        if self._has_failed or self._squares is None:
            return {}
        rows = array(self._squares)[:, [tag in updated for tag in self._tags]]
        return dict(zip(self._names, rows.tolist(), strict=True))

    def _forget(self):
        """Lets go of tensors."""
        self._loss: Any = None
        self._parts: dict[str, list] = {}
        self._told: list[tuple[keras.Metric, Any]] = []
        self._now = self._tape = self._of_regularizers = None

    def _step(self, original, data):
        self._forget()
        self._guarded(self._begin)
        with contextlib.ExitStack() as stack:
            self._tape = None
            if tf.executing_eagerly():
                self._tape = stack.enter_context(tf.GradientTape(persistent=True))
            logs = original(data)
        self._guarded(self._end)
        return logs

    def _guarded(self, work):
        if not self._has_failed:
            try:
                with traces.added():
                    work()
            except Exception as error:
                self._has_failed = True
                warn(f"gradient_norm is not written by loss: {error}")

    def _compute_loss(self, original, *args, **kwargs):
        # Only here: what else metrics are told is no part of the loss.
        with _updates_of_means(lambda *told: self._told.append(told)):
            self._loss = original(*args, **kwargs)
        return self._loss

    def _added(self, name, original, loss):
        self._parts.setdefault(name, []).extend(tf.nest.flatten(loss))
        return original(loss)

    def _take_metrics(self):
        """Makes parts of what the model's metrics were told; returns their names."""
        own = {id(metric) for metric in self._model.metrics}
        names = []
        for metric, value in self._told:
            if id(metric) in own:
                output = metric.name.removesuffix("_loss")
                names.append(f"{self._outputs.get(output, output)}_loss")
                self._parts.setdefault(names[-1], []).append(value)
        return names

    def _begin(self):
        """Takes the gradient of regularizers, which is of weights before the update."""
        self._now = tf.convert_to_tensor(self._model.optimizer.iterations)
        self._of_regularizers = None
        with tf.GradientTape() as tape:
            terms = [v.regularizer(v) for v in self._weights if v.regularizer]
            loss = tf.add_n(terms) if terms else None
        if terms:
            values = [v.value for v in self._weights]
            self._of_regularizers = tape.gradient(loss, values)

    def _end(self):
        if self._model.distribute_strategy.num_replicas_in_sync > 1:
            raise internals.NotWatchable("each replica has a part of each")
        if self._loss is None:
            raise internals.NotWatchable("the step calls no compute_loss of the model")
        with tf.control_dependencies([self._now]):
            self._write(self._gradients(self._tape))

    def _gradients(self, tape):
        """Returns the gradient of each part, T tensors of float64."""
        of_outputs = self._take_metrics()
        flat = [self._loss, *itertools.chain(*self._parts.values())]
        loss, *tensors = flat if tape else _copied(flat)
        # As in half precision small gradients would be zero without it.
        scale = self._model.optimizer.scale_loss(tf.ones([]))
        weights = _values(self._weights, tape)
        # The derivative of the loss with respect to a part is the weight of that.
        shares = iter(_gradient(tape, [loss], tensors, [scale]))
        found, rest = {}, iter(tensors)
        for name, part in self._parts.items():
            pairs = zip(itertools.islice(rest, len(part)), shares, strict=False)
            used = [pair for pair in pairs if pair[1] is not None]
            if used:
                parts, seeds = map(list, zip(*used, strict=True))
                found[name] = self._exact(_gradient(tape, parts, weights, seeds), scale)
        if self._of_regularizers:
            found[REGULARIZATION] = self._exact(self._of_regularizers, 1.0)
        if not found.keys() & of_outputs:
            whole = self._exact(_gradient(tape, [loss], weights, [scale]), scale)
            others = zip(*found.values(), strict=True) if found else [()] * len(whole)
            found[DATA] = [x - sum(y) for x, y in zip(whole, others, strict=True)]
        return found

    def _write(self, found):
        if self._squares is None:
            self._names = list(found)
            with tf.init_scope():
                self._squares = kept([len(found), len(self._weights)], tf.float64)
        if self._names != list(found):
            raise internals.NotWatchable(
                f"its parts have changed from {self._names} to {list(found)}"
            )
        norms = [[tf.reduce_sum(tf.square(x)) for x in found[y]] for y in self._names]
        self._squares.assign(tf.convert_to_tensor(norms))

    def _exact(self, gradients, scale):
        scale = tf.cast(scale, tf.float64)
        return [
            tf.zeros(weight.shape, tf.float64)
            if gradient is None
            else tf.cast(tf.convert_to_tensor(gradient), tf.float64) / scale
            for gradient, weight in zip(gradients, self._weights, strict=True)
        ]


@contextlib.contextmanager
def _updates_of_means(tell):
    """Inside, a mean and what it is told are told; the loss makes its own late."""
    kind = keras.metrics.Mean
    original = kind.update_state

    def update_state(self, *args, **kwargs):
        value, *_ = *args, *kwargs.values()
        tell(self, value)
        return original(self, *args, **kwargs)

    kind.update_state = update_state
    try:
        yield
    finally:
        kind.update_state = original


def _copied(tensors):
    copies = exact.Copies()
    copied = [copies.of(x) for x in tensors]
    if copies.held:
        raise internals.NotWatchable(
            f"its gradient would change the {' and '.join(sorted(copies.held))} of the "
            "step, as of recurrent layers"
        )
    return copied


def _values(variables, tape):
    """Returns what a gradient with respect to variables is taken with respect to."""
    if tape:
        return [v.value for v in variables]
    graph = tf.compat.v1.get_default_graph()
    return [graph.capture(v.value.handle) for v in variables]


def _gradient(tape, ys, xs, seeds):
    if not xs:
        return []
    if tape:
        return tape.gradient(ys, xs, seeds)
    return tf.gradients(ys, xs, seeds)
