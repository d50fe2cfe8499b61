"""The least and the greatest value of each of many tensors, found inside a step."""

import tensorflow as tf


def ends(
    owner: tf.Tensor, padding: tf.Tensor, rows: tf.Tensor, has_zeros: tf.Tensor
) -> tf.Tensor:
    """Finds the outermost values of T tensors that are laid out in rows.

    Args:
        owner: the number of the tensor that each row is of, `[R]`.
        padding: how many zeros follow each tensor's values, `[T]`.
        rows: their values, `[R, C]`, float32 or float64.
        has_zeros: which of them hold some of their own, `[T]`.

    Returns:
        The greatest of `-x` and of `x`, `[T, 2]`, float64.
    """
    # As integers in the same order: XLA takes five times as long to compare floats.
    kind = tf.int64 if rows.dtype == tf.float64 else tf.int32
    order = _flipped(tf.bitcast(rows, kind))
    known = tf.get_static_value(padding)
    if known is not None and known.tolist() == [0]:  # A part of a big tensor.
        both = [tf.reduce_max(tf.bitwise.invert(order)), tf.reduce_max(order)]
        return _as_floats(tf.stack([both]), rows.dtype)
    least = _flipped(tf.bitcast(tf.constant(rows.dtype.min, rows.dtype), kind))
    # Zeros are left out, as those of the padding are, unless the tensor has some.
    low = tf.where(rows == 0, least, tf.bitwise.invert(order))
    high = tf.where(rows == 0, least, order)
    both = tf.stack([tf.reduce_max(low, axis=1), tf.reduce_max(high, axis=1)], axis=1)
    both = tf.math.unsorted_segment_max(both, owner, padding.shape[0])
    # Of a tensor without rows that is the least integer, which is no number.
    both = tf.maximum(both, least)
    both = tf.where(has_zeros[:, tf.newaxis], tf.maximum(both, 0), both)
    return _as_floats(both, rows.dtype)


def _as_floats(order, dtype):
    return tf.cast(tf.bitcast(_flipped(order), dtype), tf.float64)


def _flipped(bits):
    """Turns the bits of floats into integers in the same order, and those back."""
    return tf.where(bits < 0, tf.bitwise.bitwise_xor(bits, bits.dtype.max), bits)
