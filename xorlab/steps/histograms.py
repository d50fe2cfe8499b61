"""Buckets that resolve every magnitude of a float32, counted on the host or in a step.

The bits of a float32 already are a logarithmic scale: sign, exponent, and the first
bits of the fraction. A value's bucket is the number that its first 11 bits spell, put
in ascending order, so each power of two has 4 buckets, 1e-9 and 1e-3 lie 80 buckets
apart, and zeros, NaN and infinity have buckets of their own.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

# 1 bit of sign, 8 of exponent, 2 of fraction.
_DROPPED_BITS = 21
BUCKETS = 2**11
ZERO = BUCKETS // 2  # The bucket of zero.


def count(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Counts each array's values by bucket: `[T, BUCKETS]` for T arrays."""
    flat = np.concatenate([np.ravel(array) for array in arrays])
    bits = flat.astype(np.float32).view(np.int32) >> _DROPPED_BITS
    bucket = np.where(bits < 0, -bits, bits + ZERO)  # -0.0 is -ZERO, and joins 0.0.
    owner = np.repeat(np.arange(len(arrays)), [np.size(array) for array in arrays])
    counts = np.bincount(owner * BUCKETS + bucket, minlength=len(arrays) * BUCKETS)
    return counts.reshape(len(arrays), BUCKETS)


def find_ends(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Returns each array's least and greatest value: `[T, 2]`; NaN of none."""
    some = (np.ravel(array) if np.size(array) else [math.nan] for array in arrays)
    return np.array([[np.min(x), np.max(x)] for x in some], np.float64)


def buckets(values: tf.Tensor) -> tf.Tensor:
    """Returns the bucket of each float32, int32, inside a step."""
    bits = tf.bitwise.right_shift(tf.bitcast(values, tf.int32), _DROPPED_BITS)
    return tf.where(bits < 0, -bits, bits + ZERO)


def patterns(values: tf.Tensor) -> tf.Tensor:
    """Returns the number that each float32's first bits spell, int32, inside a step."""
    bits = tf.bitcast(values, tf.uint32)
    dropped = tf.constant(_DROPPED_BITS, tf.uint32)
    return tf.bitcast(tf.bitwise.right_shift(bits, dropped), tf.int32)


def of_patterns(counts: tf.Tensor) -> tf.Tensor:
    """Puts counts by `patterns` in the order of `buckets`, inside a step."""
    positive, negative = counts[:ZERO], counts[ZERO:]  # Each from its zero on.
    zeros = positive[:1] + negative[:1]
    nothing = tf.zeros_like(zeros)
    return tf.concat([nothing, negative[:0:-1], zeros, positive[1:]], 0)


def _edges():
    """Returns where each bucket begins; NaN before the finite ones and after."""
    patterns = (np.arange(ZERO, dtype=np.uint32) << _DROPPED_BITS).view("f4")
    # The bucket of the largest values ends where float32 does.
    bounds = np.append(patterns[1:][np.isfinite(patterns[1:])].astype(float), 2.0**128)
    edges = np.full(BUCKETS, math.nan)
    edges[ZERO + 1 - len(bounds) :][: len(bounds)] = -bounds[::-1]
    edges[ZERO + 1 :][: len(bounds)] = bounds
    return edges


_EDGES = _edges()
# The buckets of finite values; those outside are of NaN and infinity.
_FIRST, *_, _END = np.flatnonzero(np.isfinite(_EDGES)).tolist()
# Of the middle of each of these, where zeros are zero.
_SQUARES = (_EDGES[_FIRST:_END] / 2 + _EDGES[_FIRST + 1 : _END + 1] / 2) ** 2
_SQUARES[ZERO - _FIRST] = 0


def rows(counts: np.ndarray, ends: np.ndarray | None = None) -> list[np.ndarray]:
    """Turns counts into the rows of TensorBoard's histograms.

    Args:
        counts: `[T, BUCKETS]`, from `count` or from a step.
        ends: `[T, 2]`, the least and the greatest value of each; where that is not
            known, or not finite, the outermost bucket is shown whole.

    Returns:
        For each of the T, `[K, 3]` float64: left, right and count of each bucket,
        ascending and without gaps, from the least value to the greatest. So a value
        that all share has one row, of no width, as `tf.summary.histogram` writes it.
        The bucket around zero holds zeros, and subnormal numbers up to 2.9e-39. NaN
        and infinity are left out: see `count_not_finite`. Where nothing else is, one
        row from infinity to NaN counts them: of no rows TensorBoard makes zeros, and
        beside a left edge that is NaN its Time Series page shows no other step.

    >>> values = [np.array([0.0, 0.0, 1e-9])]
    >>> [histogram] = rows(count(values), find_ends(values))
    >>> histogram[[0, -1], 2].tolist()
    [2.0, 1.0]
    """
    filled = counts != 0
    filled[:, :_FIRST] = filled[:, _END:] = False
    # Flat, because `nonzero` of two dimensions takes eight times as long.
    filled = filled.ravel()
    used = filled.copy()
    used[1:] |= filled[:-1]
    edge = np.flatnonzero(used)
    # The remainder by a power of two; `%` takes several times longer.
    bound = _EDGES.take(edge & (BUCKETS - 1))
    # A gap is one row: the bucket that begins it is empty.
    joined = np.empty([len(edge), 3])
    joined[:, 0] = bound
    joined[:-1, 1] = bound[1:]
    joined[:, 2] = counts.take(edge)
    begins = np.searchsorted(edge, np.arange(len(counts) + 1) * BUCKETS)
    is_any = begins[1:] > begins[:-1]
    if ends is not None:
        _cut(joined, begins[:-1][is_any], begins[1:][is_any] - 2, ends[is_any])
    # The last bound of each begins nothing.
    tables = [joined[i : j - 1] for i, j in itertools.pairwise(begins.tolist())]
    empty = np.flatnonzero(~is_any)
    for row, lost in zip(empty, count_not_finite(counts[empty]), strict=True):
        tables[row] = np.array([[math.inf, math.nan, lost]])
    return tables


def _cut(rows, first, last, ends):
    """Has each table's first row begin, and its last one end, with its values."""
    least, greatest = ends.T
    # Within the row, and as it is where that is NaN.
    rows[first, 0] = np.fmax(rows[first, 0], np.minimum(rows[first, 1], least))
    rows[last, 1] = np.fmin(rows[last, 1], np.maximum(rows[last, 0], greatest))


def rms(counts: np.ndarray) -> np.ndarray:
    """Returns the root mean square of the values that are finite, to a tenth of it.

    Args:
        counts: `[T, BUCKETS]`.

    Returns:
        `[T]`; NaN where no value is finite.
    """
    finite = counts[:, _FIRST:_END]
    with np.errstate(invalid="ignore"):
        return np.sqrt(finite @ _SQUARES / finite.sum(axis=1))


def count_not_finite(counts: np.ndarray) -> np.ndarray:
    """Returns how many values were NaN or infinite: `[T]` for `[T, BUCKETS]`."""
    return counts[:, :_FIRST].sum(axis=1) + counts[:, _END:].sum(axis=1)
