"""Leaving a step as it is, to the bit and in memory, while its gradients are read.

TensorFlow's graph optimizer and XLA both rearrange a step by what else reads its
tensors. What keeps them from it stands here.
"""

from collections.abc import Iterable

import keras
import tensorflow as tf

# From so many values on memory counts: XLA's compiler alone takes 100 MB.
BIG = 2**22


def is_big(*tensors: tf.Tensor) -> bool:
    """Whether so many values are known of that copies of them matter.

    A size that is not known when a step is traced, as of outputs where batches differ,
    counts as small.
    """
    return sum(x.shape.num_elements() or 0 for x in tensors) >= BIG


def read_again(tensor: tf.Tensor) -> tf.Tensor:
    """Multiplies anew where a gradient is a product, and returns any other as it is.

    TensorFlow's graph optimizer reorders the product of a gradient and the learning
    rate, and so its last bit, if nothing else reads the gradient. To leave the step as
    it is, this reads the factors instead. It has to be made under a control
    dependency, or the optimizer merges the two products.
    """
    if not _is_traced(tensor) or tensor.op.type != "Mul":
        return tensor
    left, right = map(read_again, tensor.op.inputs)
    return tf.raw_ops.Mul(x=left, y=right)


class Copies:
    """Computes tensors of a step that is traced a second time, from what it is given.

    Where something else reads a tensor, TensorFlow no longer merges its operation with
    those after it, such as the sum of a normalised output and a residual; so the step's
    last bits change. A copy may be read by anybody: of the step itself it takes only
    inputs, the values of variables, and what has side effects.

    Attributes:
        held: kinds of the latter that hold functions, such as a loop's body; their
            gradient would change them.
    """

    def __init__(self) -> None:
        self._copies: dict = {}
        self.held: set[str] = set()

    def of(self, tensor: tf.Tensor) -> tf.Tensor:
        """Returns a tensor of the same value, and a name of its own."""
        waiting = [tensor]
        while waiting:
            last = waiting[-1]
            inputs = [] if _is_given(last) else list(last.op.inputs)
            missing = [x for x in inputs if x.ref() not in self._copies]
            waiting += missing
            if not missing:
                if waiting.pop().ref() not in self._copies:
                    self._copy(last)
        return self._copies[tensor.ref()]

    def _copy(self, tensor):
        if _is_given(tensor):
            self._copies[tensor.ref()] = tensor
            if _holds_functions(tensor):
                self.held.add(tensor.op.type)
        else:
            op = tensor.op
            copies = op.graph.create_op(
                op.type,
                [self._copies[x.ref()] for x in op.inputs],
                [x.dtype for x in op.outputs],
                attrs=dict(op.node_def.attr),
                op_def=op.op_def,
            ).outputs
            for original, copy in zip(op.outputs, copies, strict=True):
                copy.set_shape(original.shape)
                self._copies[original.ref()] = copy


def _is_given(tensor):
    if not _is_traced(tensor):
        return True
    op = tensor.op
    return op.op_def is None or op.op_def.is_stateful or not op.inputs


def _holds_functions(tensor):
    if not _is_traced(tensor):
        return False
    return any(each.HasField("func") for each in tensor.op.node_def.attr.values())


def _is_traced(tensor):
    """Whether it is of an operation: not run eagerly, nor a constant made so before."""
    return hasattr(tensor, "op")


def released(
    gradient: tf.Tensor | tf.IndexedSlices, compiled: bool
) -> tf.Tensor | tf.IndexedSlices:
    """Holds the update by a big gradient back until control dependencies are done.

    The gradient is then nobody else's, and the update may work in its memory.
    """
    # Outside of XLA it is not done where it could change the update's last bit: a
    # product would be kept from being reordered as it is without this.
    is_free = compiled or (
        isinstance(gradient, tf.Tensor)
        and _is_traced(gradient)
        and gradient.op.type != "Mul"
        and is_big(gradient)
        # In a branch, Keras has all gradients be of the same graph.
        and gradient.graph is tf.compat.v1.get_default_graph()
    )
    if not is_free:
        return gradient
    return tf.nest.map_structure(tf.identity, gradient, expand_composites=True)


def hold(
    variables: Iterable[keras.Variable],
    squares: tf.Tensor,
    values: Iterable[tf.Tensor],
    others: Iterable[tf.Tensor],
) -> None:
    """Has XLA go on with the values of big weights only once it has the squares.

    Else it copies the weights before it changes them, and may change them while it
    still needs their gradients: that is memory for another copy, or for two.

    Args:
        variables: the weights.
        squares: from `measure`, or `measure_change`, of the weights.
        values: what they are.
        others: of the same shapes; what they would be if a square were negative.
    """
    for variable, value, other in zip(variables, values, others, strict=True):
        if is_big(value):
            variable.assign(_after(squares, value, other))


def _after(squares, tensor, other):
    """Returns a tensor, to the bit, that XLA cannot have before these squares.

    XLA knows no control dependencies; this depends on what it does not infer, that none
    of them is negative.
    """
    return tf.where(tf.reduce_any(squares < 0), other, tensor)
