"""Tensors of any shapes laid out in one matrix, to be measured by few operations."""

import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

# Values to a row.
_ROW = 32


def flat(tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Returns each as a vector, by no more operations than that takes."""
    one_row = tf.constant([-1])
    return [x if x.shape.rank == 1 else tf.reshape(x, one_row) for x in tensors]


def in_rows(
    tensors: Sequence[tf.Tensor], fill: bool = False
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Lays T tensors out in one matrix, each from a row's beginning.

    Args:
        tensors: T of them.
        fill: fill it up to one of the sizes that the shared programs are of, with rows
            of the tensor -1 and tensors without rows; sizes are known.

    Returns:
        The number of the tensor that each row is of, `[R]`; how many zeros follow each
        tensor's values, `[T]`; and the matrix, `[R, _ROW]`, in double precision if one
        of the tensors is.
    """
    double = any(tensor.dtype == tf.float64 for tensor in tensors)
    dtype = tf.float64 if double else tf.float32
    values, rows, padding = [], [], []

    @functools.cache
    def zeros(number):
        return tf.constant(np.zeros(number, dtype.as_numpy_dtype))

    for tensor in flat(tensors):
        size = tensor.shape[0]
        if size is None:
            size = tf.size(tensor)
        padding.append(-size % _ROW)
        rows.append((size + padding[-1]) // _ROW)
        values.append(tf.cast(tensor, dtype))
        if tf.is_tensor(size):
            values.append(tf.zeros([padding[-1]], dtype))
        elif padding[-1]:
            values.append(zeros(padding[-1]))
    numbers = list(range(len(tensors)))
    if fill:
        more = _filled(sum(rows)) - sum(rows)
        values.append(tf.zeros([more * _ROW], dtype))
        numbers.append(-1)
        rows.append(more)
        padding += [0] * (_filled(len(tensors)) - len(tensors))
    if any(map(tf.is_tensor, rows)):
        owner = tf.repeat(numbers, tf.stack(rows))
    else:
        owner = tf.constant(np.repeat(np.array(numbers, np.int32), rows))
    return owner, tf.stack(padding), tf.reshape(tf.concat(values, 0), [-1, _ROW])


def _filled(number):
    """The next of 8, 10, 12, 14, 16, 20, 24, 28, 32, …: a quarter more at the most."""
    power = 1 << max(3, (number - 1).bit_length() - 1)
    return -(-number // (power // 4)) * (power // 4) if number > 8 else 8
