"""What of a step is being traced, or run eagerly, at this moment."""

import tensorflow as tf
from tensorflow.python.ops import control_flow_util


def replica() -> int | None:
    """Returns whose step it is: by turns, in several threads; None outside of all."""
    context = tf.distribute.get_replica_context()
    if context is None:
        return None
    if context.num_replicas_in_sync == 1:
        return 0  # To ask for the number adds an operation to the step.
    return int(tf.get_static_value(context.replica_id_in_sync_group))


def is_reachable(tensor: tf.Tensor) -> bool:
    """Whether a tensor can be used here, or is inside a loop or branch of the step."""
    return tf.executing_eagerly() or is_around(tensor.graph)


def is_around(graph: tf.Graph) -> bool:
    """Whether what is traced now is of a graph, or of a loop or branch in it."""
    here = tf.compat.v1.get_default_graph()
    while here is not None and here is not graph:
        here = getattr(here, "outer_graph", None)
    return here is not None


def is_for_xla() -> bool:
    """Whether what is traced now is compiled by XLA; nothing that runs eagerly is."""
    graph = tf.compat.v1.get_default_graph()
    return bool(control_flow_util.GraphOrParentsInXlaContext(graph))
