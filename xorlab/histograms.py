"""Buckets that resolve every magnitude of a float32, counted on the host or in a step.

The bits of a float32 already are a logarithmic scale: sign, exponent, and the first
bits of the fraction. A value's bucket is the number that its first 12 bits spell, put
in ascending order, so each power of two has 8 buckets, 1e-9 and 1e-3 lie 160 buckets
apart, and zeros, NaN and infinity have buckets of their own.
"""

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

# 1 bit of sign, 8 of exponent, 3 of fraction.
_DROPPED_BITS = 20
BUCKETS = 2**12
_ZERO = BUCKETS // 2

# Up to so many values are counted in one operation; more would need memory for several
# copies of a big tensor.
CHUNK = 2**17


def count(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Counts each array's values by bucket: `[T, BUCKETS]` for T arrays."""
    flat = np.concatenate([np.ravel(array) for array in arrays])
    bits = flat.astype(np.float32).view(np.int32) >> _DROPPED_BITS
    bucket = np.where(bits < 0, -bits, bits + _ZERO)  # -0.0 is -_ZERO, and joins 0.0.
    owner = np.repeat(np.arange(len(arrays)), [np.size(array) for array in arrays])
    counts = np.bincount(owner * BUCKETS + bucket, minlength=len(arrays) * BUCKETS)
    return counts.reshape(len(arrays), BUCKETS)


def count_in_step(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
    """Counts each tensor's values by bucket, inside a step that XLA compiles.

    Args:
        tensors: of any shapes and floating dtypes.

    Returns:
        `[T, BUCKETS]` for T tensors, int32.
    """
    rows = []
    small = []
    for tensor in [*tensors, None]:
        big = tensor is not None and (tensor.shape.num_elements() or 0) > CHUNK
        if small and (big or tensor is None):
            # One scatter for all: each would take longer to call than to run.
            owner = [tf.fill([tf.size(x)], row) for row, x in enumerate(small)]
            joined = [tf.cast(tf.reshape(x, [-1]), tf.float32) for x in small]
            rows.append(_count(tf.concat(joined, 0), tf.concat(owner, 0), len(small)))
            small = []
        if big:
            rows.append(sum_over_parts(_count, tensor))
        elif tensor is not None:
            small.append(tensor)
    return tf.concat(rows, axis=0)


def sum_over_parts(measure: Callable[..., tf.Tensor], *tensors: tf.Tensor) -> tf.Tensor:
    """Adds up a measure of the parts of big tensors, without copies of the whole.

    Args:
        measure: takes a part of each tensor, `[n]`.
        tensors: of one shape.

    Returns:
        What `measure` returns, of all entries.
    """
    flat = [tf.reshape(tensor, [-1]) for tensor in tensors]
    size = flat[0].shape[0]
    if size is None or size <= CHUNK:
        return measure(*flat)
    parts = size // CHUNK

    def add(part, total):
        # Sliced in here: what a loop is given, XLA copies.
        return part + 1, total + measure(
            *(tf.slice(x, [part * CHUNK], [CHUNK]) for x in flat)
        )

    rest = measure(*(x[parts * CHUNK :] for x in flat))
    return tf.while_loop(lambda part, _: part < parts, add, (tf.constant(0), rest))[1]


def _count(values, owner=0, owners=1):
    bits = tf.bitcast(tf.cast(values, tf.float32), tf.int32)
    bits = tf.bitwise.right_shift(bits, _DROPPED_BITS)
    bucket = tf.where(bits < 0, -bits, bits + _ZERO)
    # bincount and histogram_fixed_width do not compile under XLA; this does.
    counts = tf.math.unsorted_segment_sum(
        tf.ones_like(bucket), owner * BUCKETS + bucket, owners * BUCKETS
    )
    return tf.reshape(counts, [owners, BUCKETS])


def _edges():
    """Returns where each bucket begins; NaN before the finite ones and after."""
    patterns = (np.arange(_ZERO, dtype=np.uint32) << _DROPPED_BITS).view("f4")
    # The bucket of the largest values ends where float32 does.
    bounds = np.append(patterns[1:][np.isfinite(patterns[1:])].astype(float), 2.0**128)
    edges = np.full(BUCKETS, math.nan)
    edges[_ZERO + 1 - len(bounds) :][: len(bounds)] = -bounds[::-1]
    edges[_ZERO + 1 :][: len(bounds)] = bounds
    return edges


_EDGES = _edges()
# The buckets of finite values; those outside are of NaN and infinity.
_FIRST, *_, _END = np.flatnonzero(np.isfinite(_EDGES)).tolist()


def rows(counts: np.ndarray) -> list[np.ndarray]:
    """Turns counts into the rows of TensorBoard's histograms.

    Args:
        counts: `[T, BUCKETS]`, from `count` or `count_in_step`.

    Returns:
        For each of the T, `[K, 3]` float64: left, right and count of each bucket,
        ascending and without gaps, from the first to the last that is not empty. The
        bucket around zero holds zeros, and subnormal numbers up to 1.4e-39. NaN and
        infinity are left out: see `count_not_finite`.

    >>> [histogram] = rows(count([np.array([0.0, 0.0, 1e-9])]))
    >>> histogram[[0, -1], 2].tolist()
    [2.0, 1.0]
    """
    filled = counts != 0
    filled[:, :_FIRST] = filled[:, _END:] = False
    used = filled.copy()
    used[:, 1:] |= filled[:, :-1]
    # Flat, because `nonzero` of two dimensions takes eight times as long.
    edge = np.flatnonzero(used)
    bound = _EDGES.take(edge % BUCKETS)
    # A gap is one row: the bucket that begins it is empty.
    joined = np.stack([bound[:-1], bound[1:], counts.take(edge[:-1])], axis=1)
    begins = np.searchsorted(edge, np.arange(len(counts) + 1) * BUCKETS)
    # The last bound of each begins nothing.
    return [joined[i : max(i, j - 1)] for i, j in itertools.pairwise(begins.tolist())]


def count_not_finite(counts: np.ndarray) -> np.ndarray:
    """Returns how many values were NaN or infinite: `[T]` for `[T, BUCKETS]`."""
    return counts[:, :_FIRST].sum(axis=1) + counts[:, _END:].sum(axis=1)
