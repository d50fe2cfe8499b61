"""Whether a step that is traced to be watched is the step that Keras has traced.

What Keras has traced stays as it is until the next `compile`, whatever is done to the
model meanwhile: a layer that is frozen goes on learning. A step that is traced later
would train otherwise.
"""

import collections
import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.core.framework import graph_pb2, node_def_pb2

from xorlab.checks import warn
from xorlab.steps import internals

# The scope of what watching adds to a step.
_ADDED = "xorlab/"


def added() -> contextlib.AbstractContextManager:
    """Inside, operations are not counted among those of the step itself."""
    return tf.name_scope(_ADDED)  # The slash makes the path absolute.


def is_added(name: str) -> bool:
    """Whether an operation of this name, or what it is the gradient of, was added."""
    return name.startswith((_ADDED, f"gradient_tape/{_ADDED}"))


class Twin:
    """A train function that makes the steps of another one, watched.

    Args:
        ours: the one that is watched.
        keras_s: the other one; if Keras did not make it, it is not looked into.
    """

    def __init__(self, ours: Callable, keras_s: Callable):
        self._ours = internals.step_of(ours)
        self._keras_s = internals.step_of(keras_s)
        self._last: tuple | None = None

    def trace(self, iterator: Any, watching: contextlib.AbstractContextManager) -> bool:
        """Traces it for what an iterator gives, as Keras has traced the other one.

        Args:
            iterator: of batches.
            watching: inside, what is traced is watched.

        Returns:
            Whether it is traced now; a step that runs eagerly never is.

        Raises:
            NotWatchable: Keras has traced another step, or runs it eagerly.
        """
        if self._ours is None or self._keras_s is None:
            return False
        if _is_traced(self._ours) != _is_traced(self._keras_s):
            raise _changed()
        if not (_is_traced(self._ours) and isinstance(iterator, tf.data.Iterator)):
            return False
        traces = self._keras_s.experimental_get_tracing_count()
        now = traces, iterator.element_spec
        if now == self._last:
            return True
        graph = trace_alike(self._ours, self._keras_s, watching, iterator)
        if self._last is None:
            warn_of_drawing(graph)
        self._last = now
        return True


def trace_alike(
    ours: Any,
    other: Any,
    watching: contextlib.AbstractContextManager,
    /,
    *args: Any,
    **kwargs: Any,
) -> graph_pb2.GraphDef:
    """Traces a `tf.function` for arguments, as another one is traced for them.

    Args:
        ours: the one that is traced.
        other: of the same Python function, with or without traces.
        watching: inside, what is traced is watched.
        args, kwargs: the arguments.

    Returns:
        The graph of the trace.

    Raises:
        NotWatchable: the other one has traced other operations.
    """
    known = None
    if other.experimental_get_tracing_count():
        known = other.get_concrete_function(*args, **kwargs)
        # Its signature may be more general than the arguments.
        args, kwargs = known.structured_input_signature
    with watching:
        graph = ours.get_concrete_function(*args, **kwargs).graph.as_graph_def()
    if known and _operations(graph) != _operations(known.graph.as_graph_def()):
        raise _changed()
    return graph


def warn_of_drawing(graph: graph_pb2.GraphDef) -> None:
    """Warns where steps draw numbers that logged steps do not draw alike."""
    drawing = _drawing_of_their_own(graph)
    if drawing:
        warn(
            "training differs from that without logged gradients: "
            f"{', '.join(drawing)} draws by a count of its own, and logged steps begin "
            "another; draw by keras.random and a SeedGenerator"
        )


def _is_traced(step):
    return hasattr(step, "get_concrete_function") and not (
        tf.config.functions_run_eagerly()
    )


def _changed():
    return internals.NotWatchable(
        "the model was changed after its training step had been traced, and what was "
        "traced goes on; compile the model again (or make a tf.function of yours anew) "
        "after such as `layer.trainable = False`, and the change holds in every step"
    )


def _drawing_of_their_own(graph):
    """Lists the kinds of operations whose numbers follow from a seed of their own."""
    functions = (each.node_def for each in graph.library.function)
    kinds = {
        node.op
        for node in itertools.chain(graph.node, *functions)
        if any(node.attr[x].i for x in ("seed", "seed2") if x in node.attr)
    }
    return sorted(kinds)


def _operations(graph):
    """Counts a traced step's own operations by kind, attributes and functions."""
    library = {each.signature.name: each for each in graph.library.function}

    @functools.cache
    def of_function(name):
        compiled = library[name].attr["_XlaMustCompile"].b
        return compiled, frozenset(count(library[name].node_def).items())

    def count(nodes):
        own = (node for node in nodes if not is_added(node.name))
        return collections.Counter(map(kind, own))

    def kind(node):
        called = [of_function(name) for name in _functions(node)]
        # What a function is given, too, is more where a step is watched.
        return node.op, tuple(called or _attributes(node))

    # What is captured is no operation.
    return count(node for node in graph.node if node.op != "Placeholder")


def _functions(node: node_def_pb2.NodeDef) -> Iterator[str]:
    for _, value in sorted(node.attr.items()):
        for function in (value.func, *value.list.func):
            if function.name:
                yield function.name


def _attributes(node: node_def_pb2.NodeDef) -> Iterator[tuple[str, bytes]]:
    for name, value in sorted(node.attr.items()):
        # A token is a number of the trace.
        if not name.startswith("_") and name != "token":
            yield name, value.SerializeToString(deterministic=True)
