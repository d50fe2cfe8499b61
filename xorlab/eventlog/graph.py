"""The op graph of a Keras model's training step, named as its author would.

Keras 3 writes no op graph that TensorBoard can draw. Here one training step is
traced with a name scope a layer, the loss, each metric and the update, and the
trace is tidied so that TensorBoard draws the picture of the lecture (04, 10).
"""

import re
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from tensorflow.core.framework import graph_pb2, node_def_pb2

from xorlab.steps import naming
from xorlab.steps.hooks import Wrapped

TRAIN = "train"


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
        model: compiled, with a loss.
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
    # The first trace makes what variables are still to be made.
    _trace(model, batch)
    parts = naming.parts_of(model)
    # A part of the model may be called as the model is.
    *_, own_box = boxes = naming.unique(
        [*parts.items(), *naming.siblings([model]).items()]
    )
    with _named_scopes(model, boxes, loss_name):
        function = _trace(model, batch)

    inner = _variable_scopes(model, own_box, variable_names or {})
    scopes = {**_other_scopes(model, loss_name), **inner}
    handles = {
        traced.op.name: scopes[id(outer)]
        for outer, traced in function.graph.captures
        if id(outer) in scopes
    }
    nodes = _without_outputs(function.graph.as_graph_def().node, function.outputs)
    tops = {name.partition("/")[0] for name in boxes} | {TRAIN, loss_name}
    tops |= {path for path, _ in _metrics(model, loss_name)}
    inputs = _input_names(model, parts, batch)
    # What the step captures comes after what it is given.
    given = dict(zip((x.op.name for x in function.inputs), inputs, strict=False))
    names = _new_names(nodes, given, handles, tops, own_box)
    used = {name.rpartition("/")[0] for name in names.values()}
    return _rebuilt(nodes, names, handles, [x for x in inner.values() if x in used])


def _trace(model, batch):
    def step(*tensors):
        data = tf.nest.pack_sequence_as(batch, tensors, expand_composites=True)
        return model.train_step(data)

    specs = tf.nest.flatten(batch, expand_composites=True)
    return tf.function(step).get_concrete_function(*specs)


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

    metrics = _metrics(model, loss_name)
    return Wrapped(
        *(scoped(part, "call", path) for path, part in boxes.items()),
        scoped(model, "compute_loss", loss_name),
        scoped(model.optimizer, "apply", TRAIN),
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
    for variable in model.optimizer.variables:
        scopes[id(variable.value.handle)] = f"{TRAIN}/{variable.path}"
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


def _without_outputs(nodes, outputs):
    """Drops what only the function needs: its returned values and their join."""
    dropped = {tensor.op.name for tensor in outputs} | {"NoOp"}
    return [node for node in nodes if node.name not in dropped]


def _source(name):
    """The node that an input string such as `^a/b` or `a/b:1` comes from."""
    return name.removeprefix("^").partition(":")[0]


def _new_names(nodes, given, handles, tops, own_box):
    """Maps each node's traced name to the name it is drawn with."""
    names = {}
    for node in nodes:
        top, _, rest = node.name.partition("/")
        if node.name in handles:
            names[node.name] = handles[node.name] + "/handle"
        elif node.op == "ReadVariableOp" and node.input[0] in handles:
            names[node.name] = handles[node.input[0]] + "/Read"
        elif top == "gradient_tape":
            names[node.name] = f"{TRAIN}/gradients/{rest}"
        elif node.op == "Placeholder" or (
            # What Keras casts before the first layer is no box of its own.
            top in tops and (top, node.op) != (own_box, "Cast")
        ):
            names[node.name] = given.get(node.name, node.name)
    _adopt_strays(nodes, names)
    distinct = naming.unique((new, old) for old, new in names.items())
    return {old: new for new, old in distinct.items()}


def _adopt_strays(nodes, names):
    """Names the nodes outside of every scope after the scope that uses them."""
    users: dict[str, list[str]] = {}
    for node in nodes:
        for name in node.input:
            users.setdefault(_source(name), []).append(node.name)
    for node in reversed(nodes):  # A trace lists users after what they use.
        if node.name not in names:
            tops = [names[user].partition("/")[0] for user in users.get(node.name, [])]
            # The gradient uses what the forward pass has made, so it comes last.
            home = next((top for top in tops if top != TRAIN), TRAIN)
            names[node.name] = f"{home}/{node.name}"


def _rebuilt(nodes, names, handles, scopes):
    graph = graph_pb2.GraphDef()
    for node in nodes:
        new = graph.node.add()
        new.CopyFrom(node)
        new.name = names[node.name]
        if node.name in handles:
            new.op = "VarHandleOp"
        del new.input[:]
        new.input.extend(
            re.sub(r"[^^:]+", names[_source(name)], name, count=1)
            for name in node.input
            if _source(name) in names
        )
    updates = [n.name for n in graph.node if re.match("Assign.*VariableOp", n.op)]
    # As the lecture's optimizer did: an op called train that waits for every update.
    waits = ["^" + name for name in updates if name.startswith(TRAIN + "/")]
    graph.node.append(node_def_pb2.NodeDef(name=TRAIN, op="NoOp", input=waits))
    graph.node.extend(node_def_pb2.NodeDef(name=scope, op="NoOp") for scope in scopes)
    return graph
