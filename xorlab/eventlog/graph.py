"""The op graph of a Keras model's training step, named as its author would.

Keras 3 writes no op graph that TensorBoard can draw. Here one training step is
traced with a name scope a layer, the loss, each metric and the update, and the
trace is tidied so that TensorBoard draws the picture of the lecture (04, 10).
"""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from tensorflow.core.framework import graph_pb2

from xorlab.eventlog import drawing
from xorlab.eventlog.drawing import TRAIN
from xorlab.steps import naming
from xorlab.steps.hooks import Wrapped
from xorlab.steps.optimizers import optimizers_of

# Where a model keeps its graph, and what it was traced for.
_KEPT_AS = "_xorlab_train_step_graph"


def kept_graph(
    model: keras.Model, batch: Any, scopes: "StepScopes | None", traced: Any
) -> graph_pb2.GraphDef:
    """`train_step_graph`, made once for each `compile` and kind of batch.

    To be called in a `fit`, between two executions.

    Args:
        model: compiled.
        batch: as in `train_step_graph`.
        scopes: of the model, if a step may have been traced inside of any.
        traced: the graph of that step. If None, or if that has made variables, another
            is traced.
    """
    train_function, specs, graph = vars(model).get(_KEPT_AS, (None, None, None))
    if graph is None or train_function is not model.train_function or specs != batch:
        if scopes is None or traced is None or scopes.has_new_variables():
            graph = train_step_graph(model, batch)
        else:
            graph = scopes.drawn(traced, batch)
        # Not by setattr, with which Keras looks for weights in what it is given.
        vars(model)[_KEPT_AS] = model.train_function, batch, graph
    return graph


def train_step_graph(
    model: keras.Model,
    batch: Any,
    *,
    loss_name: str = "loss",
    variable_names: Mapping[str, str] | None = None,
) -> graph_pb2.GraphDef:
    """Traces `model.train_step` and returns its graph, ready for `tf.summary.graph`.

    Nothing is trained: the step is traced, not run.

    Args:
        model: compiled, with a loss; or with optimizers among its attributes.
        batch: what `train_step` takes, as `tf.TensorSpec`s; the names of those, where
            they have any, are the names in the graph.
        loss_name: the box that holds the loss and its mean; each metric's box has
            the metric's name.
        variable_names: names of the model's variables by path, where others are wanted
            than `dense.kernel`, beside the box of `dense`.

    Returns:
        A GraphDef. Scopes: a box a layer, and an operation on Keras tensors, such as
        `x + y`; nested boxes for those inside of others; the model, for what it
        computes besides; `train`, with the gradients and the update; the loss; the
        metrics; the variables. Every op is one of the traced step except the `NoOp`
        that gives its name to each variable's scope and to `train`: TensorBoard draws a
        scope with such a child small and to the side.
    """
    scopes = StepScopes(model, loss_name)

    def step(*tensors):
        data = tf.nest.pack_sequence_as(batch, tensors, expand_composites=True)
        return model.train_step(data)

    specs = tf.nest.flatten(batch, expand_composites=True)
    while True:
        # A trace that makes variables does not know their scopes, but the next one.
        with scopes:
            function = tf.function(step).get_concrete_function(*specs)
        if not scopes.has_new_variables():
            return scopes.drawn(function.graph, batch, variable_names)


class StepScopes:
    """Inside, whatever a step traces is in the scope of the part that made it.

    Args:
        model, loss_name: as in `train_step_graph`.
    """

    def __init__(self, model: keras.Model, loss_name: str = "loss"):
        self._model = model
        self._loss_name = loss_name

    def __enter__(self) -> None:
        model = self._model
        self._parts = naming.parts_of(model)
        # A part of the model may be called as the model is.
        pairs = [*self._parts.items(), *naming.siblings([model]).items()]
        self._boxes = naming.unique(pairs)
        self._variables = _count_variables(model)
        self._hooks = _named_scopes(model, self._boxes, self._loss_name)
        self._hooks.__enter__()

    def __exit__(self, *error: object) -> None:
        self._hooks.__exit__()

    def has_new_variables(self) -> bool:
        """Whether variables were made since it was entered, whose scopes it misses."""
        return _count_variables(self._model) != self._variables

    def drawn(
        self, graph: Any, batch: Any, variable_names: Mapping[str, str] | None = None
    ) -> graph_pb2.GraphDef:
        """Draws the graph of a step that was traced inside.

        Args:
            graph: of a `tf.function` that takes the tensors of a batch.
            batch, variable_names: as in `train_step_graph`.
        """
        *_, own_box = self._boxes
        model, loss_name = self._model, self._loss_name
        inner = _variable_scopes(model, own_box, variable_names or {})
        scopes = {**_other_scopes(model, loss_name), **inner}
        handles = {
            traced.op.name: scopes[id(outer)]
            for outer, traced in graph.captures
            if id(outer) in scopes
        }
        nodes = drawing.own_nodes(graph)
        tops = {name.partition("/")[0] for name in self._boxes} | {TRAIN, loss_name}
        tops |= {path for path, _ in _metrics(model, loss_name)}
        inputs = _input_names(model, self._parts, batch)
        # What the step captures comes after what it is given.
        given = dict(zip((x.op.name for x in graph.inputs), inputs, strict=False))
        names = drawing.new_names(nodes, given, handles, tops, own_box)
        used = {name.rpartition("/")[0] for name in names.values()}
        small = [x for x in inner.values() if x in used]
        return drawing.rebuilt(nodes, names, handles, small)


def _count_variables(model):
    owners = model, *_updates(model).values()
    lists = [x.variables for x in owners] + [model.metrics_variables]
    return sum(map(len, lists))


def _updates(model):
    """Maps the scope of each optimizer's update to the optimizer."""
    return {
        f"{TRAIN}/{name}" if name else TRAIN: optimizer
        for name, optimizer in optimizers_of(model).items()
    }


def _input_names(model, parts, batch):
    """Names the tensors of a batch, in order, after the model's inputs and outputs."""
    # Inputs that nobody named are keras_tensor, with a number.
    inputs = [
        "inputs" if x.name.startswith("keras_tensor") else x.name
        for x in getattr(model, "inputs", None) or []
    ]
    tops = {part.name: name for name, part in parts.items() if "/" not in name}
    outputs = [tops.get(x, x) for x in getattr(model, "output_names", ())]
    known = {"inputs": inputs, "targets": [], "weights": []}
    if len(outputs) > 1:
        for word in ("targets", "weights"):
            known[word] = [f"{word}_{output}" for output in outputs]
    batch = batch if isinstance(batch, tuple) else (batch,)
    for data, (word, names) in zip(batch, known.items(), strict=False):
        yield from _names_of_data(data, word, names)


def _names_of_data(data, word, known):
    """Names the tensors of a part of a batch, in order; `known` is tried first."""
    flat = tf.nest.flatten(data)
    if isinstance(data, Mapping) and len(data) == len(flat):
        names = [key if key in known else f"{word}_{key}" for key in sorted(data)]
    elif len(flat) == len(known):
        names = known
    else:
        names = [word] * len(flat)
    for spec, name in zip(flat, names, strict=True):
        if isinstance(spec, tf.TensorSpec):
            yield spec.name or name
        elif spec is not None:
            # A ragged or sparse tensor is made of several.
            for _ in tf.nest.flatten(spec, expand_composites=True):
                yield f"{name}/part"


def _named_scopes(model, boxes, loss_name):
    """Inside, whatever the step traces is in the scope of the part that made it."""

    def scoped(owner, method, path):
        def around(original, *args, **kwargs):
            with tf.name_scope(path + "/"):  # The slash makes the path absolute.
                return original(*args, **kwargs)

        return owner, method, around

    metrics, updates = _metrics(model, loss_name), _updates(model)
    return Wrapped(
        *(scoped(part, "call", path) for path, part in boxes.items()),
        scoped(model, "compute_loss", loss_name),
        *(scoped(optimizer, "apply", path) for path, optimizer in updates.items()),
        *(scoped(metric, "update_state", path) for path, metric in metrics),
        *(scoped(metric, "result", path) for path, metric in metrics),
    )


def _metrics(model, loss_name):
    """Lists (box, metric): Keras's mean of the loss belongs to the loss's box."""
    metrics: list[keras.Metric] = []
    for metric in model.metrics:
        # Those given to `compile` come in one container, named compile_metrics.
        metrics += getattr(metric, "metrics", [metric])
    return [(loss_name if m.name == "loss" else m.name, m) for m in metrics]


def _other_scopes(model, loss_name):
    """Maps the handles of the optimizer's and the metrics' variables to scopes."""
    scopes = {}
    for path, optimizer in _updates(model).items():
        for variable in optimizer.variables:
            scopes[id(variable.value.handle)] = f"{path}/{variable.path}"
    for path, metric in _metrics(model, loss_name):
        for variable in metric.variables:
            scopes[id(variable.value.handle)] = f"{path}/{variable.name}"
    return scopes


def _variable_scopes(model, own_box, given):
    """Maps the handle of each model variable to a scope beside its layer's."""
    pairs = []
    for path, variable in naming.variables_of(model).items():
        layer, _, name = path.rpartition("/")
        beside = f"{layer or own_box}.{name}"
        pairs.append((given.get(variable.path, beside), variable))
    unique = naming.unique(pairs)
    return {id(variable.value.handle): name for name, variable in unique.items()}
