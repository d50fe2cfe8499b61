"""Tidying a traced step, so that TensorBoard draws it as its author would."""

import re
from collections.abc import Container, Mapping, Sequence
from typing import Any

from tensorflow.core.framework import graph_pb2
from tensorflow.core.framework.node_def_pb2 import NodeDef

from xorlab.steps import naming, traces

TRAIN = "train"


def own_nodes(graph: Any) -> list[NodeDef]:
    """Lists the nodes of a step's trace.

    Left out are what it returns, their join, and what watching has added.

    Args:
        graph: of a `tf.function`.
    """
    nodes = graph.as_graph_def().node
    passed_on = {n.name: n.input[0] for n in nodes if n.op == "Identity"}
    dropped = {tensor.op.name for tensor in graph.outputs} | {"NoOp"}
    captured = {inner.op.name for _, inner in graph.captures}
    dropped |= {n.name for n in nodes if traces.is_added(n.name)} - captured
    own = [node for node in nodes if node.name not in dropped]
    for node in own:
        for number, name in enumerate(node.input):
            while traces.is_added(name) and name in passed_on:
                name = passed_on[name]
            node.input[number] = name
    used = {_source(name) for node in own for name in node.input}
    return [node for node in own if node.name not in captured - used]


def _source(name):
    """The node that an input string such as `^a/b` or `a/b:1` comes from."""
    return name.removeprefix("^").partition(":")[0]


def new_names(
    nodes: Sequence[NodeDef],
    given: Mapping[str, str],
    handles: Mapping[str, str],
    tops: Container[str],
    own_box: str,
) -> dict[str, str]:
    """Maps each node's traced name to the name it is drawn with.

    Args:
        nodes: of the trace.
        given: names of its inputs.
        handles: the scope of each variable, by the name of its handle.
        tops: the outermost boxes.
        own_box: that of the model itself.
    """
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


def rebuilt(
    nodes: Sequence[NodeDef],
    names: Mapping[str, str],
    handles: Container[str],
    scopes: Sequence[str],
) -> graph_pb2.GraphDef:
    """Makes the graph that is drawn.

    Args:
        nodes: of the trace.
        names: from `new_names`.
        handles: the names of variables' handles.
        scopes: those to be drawn small, and to the side.
    """
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
    graph.node.append(NodeDef(name=TRAIN, op="NoOp", input=waits))
    graph.node.extend(NodeDef(name=scope, op="NoOp") for scope in scopes)
    return graph
