"""Leaving a step as it is, to the bit and in memory, while its gradients are read.

TensorFlow's graph optimizer and XLA both rearrange a step by what else reads its
tensors. What keeps them from it stands here.
"""

import tensorflow as tf

# From so many values on memory counts: XLA's compiler alone takes 100 MB.
BIG = 2**22


def is_big(tensor: tf.Tensor) -> bool:
    """Whether so many values are known of that copies of them matter."""
    return (tensor.shape.num_elements() or 0) >= BIG


def read_again(tensor: tf.Tensor) -> tf.Tensor:
    """Multiplies anew where a gradient is a product, and returns any other as it is.

    TensorFlow's graph optimizer reorders the product of a gradient and the learning
    rate, and so its last bit, if nothing else reads the gradient. To leave the step as
    it is, this reads the factors instead. It has to be made under a control
    dependency, or the optimizer merges the two products.
    """
    if tf.executing_eagerly() or tensor.op.type != "Mul":
        return tensor
    left, right = map(read_again, tensor.op.inputs)
    return tf.raw_ops.Mul(x=left, y=right)


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
        and not tf.executing_eagerly()
        and gradient.op.type != "Mul"
        and is_big(gradient)
    )
    if not is_free:
        return gradient
    return tf.nest.map_structure(tf.identity, gradient, expand_composites=True)


def after(squares: tf.Tensor, tensor: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Returns a tensor, to the bit, that XLA cannot have before these squares.

    XLA knows no control dependencies; this depends on what it does not infer, that none
    of them is negative.

    Args:
        squares: from `measure`, or `measure_change`.
        tensor: of any shape and dtype.
        other: of the same; what would be returned if one were.
    """
    return tf.where(tf.reduce_any(squares < 0), other, tensor)
