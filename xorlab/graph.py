"""The op graph of a Keras model's training step, named as its author would.

Keras 3 writes no op graph that TensorBoard can draw. Here one training step is
traced with a name scope a layer, the loss, each metric and the update, and the
trace is tidied so that TensorBoard draws the picture of the lecture (04, 10).
"""

import contextlib
import re
from collections.abc import Callable

import keras
import tensorflow as tf
from tensorflow.core.framework import graph_pb2, node_def_pb2

from xorlab.hooks import wrapped

TRAIN = "train"


def train_step_graph(
    model: keras.Model,
    inputs: tf.TensorSpec,
    targets: tf.TensorSpec,
    *,
    loss_name: str = "loss",
    variable_name: Callable[[keras.Variable], str] = lambda variable: variable.path,
) -> graph_pb2.GraphDef:
    """Traces `model.train_step` and returns its graph, ready for `tf.summary.graph`.

    Nothing is trained: the step is traced, not run.

    Args:
        model: compiled, with an optimizer, a loss and built weights.
        inputs: shape and dtype of a batch; its name is the name in the graph.
        targets: likewise for the labels.
        loss_name: the box that holds the loss and its mean; each metric's box has
            the metric's name.
        variable_name: the box of a model variable, drawn small and beside the layer
            that reads it.

    Returns:
        A GraphDef. Scopes: a box a layer; `train`, with the gradients and the
        update; the loss; the metrics; the variables. Every op is one of the traced
        step except the `NoOp` that gives its name to each variable's scope and to
        `train`: TensorBoard draws a scope with such a child small and to the side.
    """
    model.optimizer.build(model.trainable_variables)
    model.compute_metrics(  # Metrics make their variables at their first update.
        None, tf.zeros(targets.shape), tf.zeros(targets.shape), None
    )
    model.reset_metrics()
    with _named_scopes(model, loss_name):
        traced = tf.function(lambda x, y: model.train_step((x, y)))
        function = traced.get_concrete_function(inputs, targets)

    scopes = _variable_scopes(model, loss_name, variable_name)
    handles = {
        inner.op.name: scopes[id(outer)]
        for outer, inner in function.graph.captures
        if id(outer) in scopes
    }
    nodes = _without_outputs(function.graph.as_graph_def().node, function.outputs)
    tops = {layer.name for layer in model.layers} | {TRAIN, loss_name}
    tops |= {path for path, _ in _metrics(model, loss_name)}
    names = _new_names(nodes, handles, tops)
    return _rebuilt(nodes, names, handles, [variable_name(v) for v in model.variables])


@contextlib.contextmanager
def _named_scopes(model, loss_name):
    """Inside, whatever the step traces is in the scope of the part that made it."""

    def scoped(owner, method, path):
        def around(original, *args, **kwargs):
            with tf.name_scope(path + "/"):  # The slash makes the path absolute.
                return original(*args, **kwargs)

        stack.enter_context(wrapped(owner, method, around))

    with contextlib.ExitStack() as stack:
        for layer in model.layers:
            scoped(layer, "call", layer.name)
        scoped(model, "compute_loss", loss_name)
        scoped(model.optimizer, "apply", TRAIN)
        for path, metric in _metrics(model, loss_name):
            scoped(metric, "update_state", path)
            scoped(metric, "result", path)
        yield


def _metrics(model, loss_name):
    """Lists (box, metric): Keras's mean of the loss belongs to the loss's box."""
    metrics = []
    for metric in model.metrics:
        # Those given to `compile` come in one container, named compile_metrics.
        metrics += getattr(metric, "metrics", [metric])
    return [(loss_name if m.name == "loss" else m.name, m) for m in metrics]


def _variable_scopes(model, loss_name, variable_name):
    """Maps the id of each variable's handle to the scope that it is drawn in."""
    scopes = {}
    for variable in model.optimizer.variables:
        scopes[id(variable.value.handle)] = f"{TRAIN}/{variable.path}"
    for path, metric in _metrics(model, loss_name):
        for variable in metric.variables:
            scopes[id(variable.value.handle)] = f"{path}/{variable.name}"
    for variable in model.variables:
        scopes[id(variable.value.handle)] = variable_name(variable)
    return scopes


def _without_outputs(nodes, outputs):
    """Drops what only the function needs: its returned values and their join."""
    dropped = {tensor.op.name for tensor in outputs} | {"NoOp"}
    return [node for node in nodes if node.name not in dropped]


def _source(name):
    """The node that an input string such as `^a/b` or `a/b:1` comes from."""
    return name.removeprefix("^").partition(":")[0]


def _new_names(nodes, handles, tops):
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
        elif top in tops or node.op == "Placeholder":
            names[node.name] = node.name
    _adopt_strays(nodes, names)
    return _made_unique(names)


def _adopt_strays(nodes, names):
    """Names the nodes outside of every scope after the scope that uses them."""
    users = {}
    for node in nodes:
        for name in node.input:
            users.setdefault(_source(name), []).append(node.name)
    for node in reversed(nodes):  # A trace lists users after what they use.
        if node.name not in names:
            tops = {names[user].partition("/")[0] for user in users.get(node.name, [])}
            home = tops.pop() if len(tops) == 1 else TRAIN
            names[node.name] = f"{home}/{node.name}"


def _made_unique(names):
    taken = set()
    unique = {}
    for old, new in names.items():
        candidate, number = new, 0
        while candidate in taken:
            number += 1
            candidate = f"{new}_{number}"
        taken.add(candidate)
        unique[old] = candidate
    return unique


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
