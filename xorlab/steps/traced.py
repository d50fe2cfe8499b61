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
    if not hasattr(tensor, "graph"):  # It is known, as all that runs eagerly is.
        return True
    graph = tf.compat.v1.get_default_graph()
    while graph is not None:
        if tensor.graph is graph:
            return True
        graph = getattr(graph, "outer_graph", None)
    return False


def is_for_xla() -> bool:
    """Whether what is traced now is compiled by XLA; nothing that runs eagerly is."""
    graph = tf.compat.v1.get_default_graph()
    return bool(control_flow_util.GraphOrParentsInXlaContext(graph))
