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
        A GraphDef. Scopes: a box a layer, nested models as nested boxes; `train`, with
        the gradients and the update; the loss; the metrics; the variables. Every op is
        one of the traced step except the `NoOp` that gives its name to each variable's
        scope and to `train`: TensorBoard draws a scope with such a child small and to
        the side.
    """
    batch = _named_inputs(model, batch)
    # The first trace makes what variables are still to be made.
    _trace(model, batch)
    with _named_scopes(model, loss_name):
        function = _trace(model, batch)

    inner = _variable_scopes(model, variable_names or {})
    scopes = {**_other_scopes(model, loss_name), **inner}
    handles = {
        traced.op.name: scopes[id(outer)]
        for outer, traced in function.graph.captures
        if id(outer) in scopes
    }
    nodes = _without_outputs(function.graph.as_graph_def().node, function.outputs)
    tops = {name.partition("/")[0] for name in naming.layers_of(model)}
    tops |= {model.name, TRAIN, loss_name}
    tops |= {path for path, _ in _metrics(model, loss_name)}
    names = _new_names(nodes, handles, tops, model.name)
    used = {name.rpartition("/")[0] for name in names.values()}
    return _rebuilt(nodes, names, handles, [x for x in inner.values() if x in used])


def _trace(model, batch):
    step = tf.function(lambda data: model.train_step(data))
    return step.get_concrete_function(batch)


def _named_inputs(model, batch):
    """Names the parts of a batch after the model's inputs, and `targets`, `weights`."""

    own = [x.name for x in getattr(model, "inputs", None) or []]

    def renamed(specs, word):
        flat = tf.nest.flatten(specs)
        names = [f"{word}_{number}" for number in range(len(flat))]
        if word == "inputs" and len(own) == len(flat):
            # Inputs that nobody named are keras_tensor, with a number.
            names = [word if x.startswith("keras_tensor") else x for x in own]
        elif len(flat) == 1:
            names = [word]
        named = [
            spec and tf.TensorSpec(spec.shape, spec.dtype, spec.name or name)
            for spec, name in zip(flat, names, strict=True)
        ]
        return tf.nest.pack_sequence_as(specs, named)

    if not isinstance(batch, tuple):
        return renamed(batch, "inputs")
    words = ("inputs", "targets", "weights")
    return tuple(renamed(*pair) for pair in zip(batch, words, strict=False))


def _named_scopes(model, loss_name):
    """Inside, whatever the step traces is in the scope of the part that made it."""

    def scoped(owner, method, path):
        def around(original, *args, **kwargs):
            with tf.name_scope(path + "/"):  # The slash makes the path absolute.
                return original(*args, **kwargs)

        return owner, method, around

    layers, metrics = naming.layers_of(model).items(), _metrics(model, loss_name)
    return Wrapped(
        scoped(model, "call", model.name),
        *(scoped(layer, "call", path) for path, layer in layers),
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


def _variable_scopes(model, given):
    """Maps the handle of each model variable to a scope beside its layer's."""
    named: dict[int, tuple[str, keras.Variable]] = {}
    for path, layer in naming.layers_of(model).items():
        if isinstance(layer, keras.Model):
            continue  # Its layers follow.
        for variable in layer.variables:
            # Those of a layer's own layers lie within its box, beside theirs.
            inner = variable.path.partition(f"{layer.name}/")[2].rpartition("/")[0]
            owner = f"{path}/{inner}" if inner else path
            named.setdefault(id(variable), (f"{owner}.{variable.name}", variable))
    for variable in model.variables:
        named.setdefault(id(variable), (variable.path, variable))
    pairs = ((given.get(v.path, name), v) for name, v in named.values())
    unique = naming.unique(pairs)
    return {id(variable.value.handle): name for name, variable in unique.items()}


def _without_outputs(nodes, outputs):
    """Drops what only the function needs: its returned values and their join."""
    dropped = {tensor.op.name for tensor in outputs} | {"NoOp"}
    return [node for node in nodes if node.name not in dropped]


def _source(name):
    """The node that an input string such as `^a/b` or `a/b:1` comes from."""
    return name.removeprefix("^").partition(":")[0]


def _new_names(nodes, handles, tops, model_name):
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
            top in tops and (top, node.op) != (model_name, "Cast")
        ):
            names[node.name] = node.name
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
