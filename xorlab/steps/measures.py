"""Counts and squared norms of tensors, taken inside a training step."""

import functools
from collections.abc import Sequence

import tensorflow as tf

from xorlab.steps import exact
from xorlab.steps.histograms import BUCKETS, buckets

# Big tensors are measured in parts of so many values: all at once, they would need
# memory for several copies. A size that is not known when a step is traced, as of
# outputs where batches differ, counts as small.
PART = 2**17
# Values to a row of the matrix that tensors are laid out in.
_ROW = 32


def _compiled_if_small(measure):
    """Makes one XLA program of a measure: its operations take twice as long.

    Not of big tensors, nor of those that would need one for every size, unless the step
    that they are in is compiled anyway.
    """
    program = tf.function(functools.partial(measure, by_xla=True), jit_compile=True)

    @functools.wraps(measure)
    def choose(*lists, by_xla):
        tensors = [tensor for tensors in lists for tensor in tensors]
        unknown = any(x.shape.num_elements() is None for x in tensors)
        if by_xla or unknown or any(map(exact.is_big, tensors)):
            return measure(*lists, by_xla=by_xla)
        return program(*lists)

    return choose


@_compiled_if_small
def measure(
    tensors: Sequence[tf.Tensor], *, by_xla: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """Counts values by bucket, and sums up their squares.

    Args:
        tensors: T, of any shapes and floating dtypes.
        by_xla: whether XLA compiles the step.

    Returns:
        Counts by `histograms.buckets`, `[T, BUCKETS]`, int32; and squared 2-norms,
        `[T]`, float64.
    """
    return _in_parts(lambda tensors: _measure_together(tensors, by_xla), tensors)


@_compiled_if_small
def measure_change(
    after: Sequence[tf.Tensor], before: Sequence[tf.Tensor], *, by_xla: bool
) -> tf.Tensor:
    """Sums up the squares of the differences of two lists of T tensors.

    Args:
        after: of any shapes and floating dtypes.
        before: of the same.
        by_xla: whether XLA compiles the step.

    Returns:
        Squared 2-norms `[T]`, float64.
    """
    del by_xla  # Both ways are the same.
    return _in_parts(_measure_change_together, after, before)


def _in_parts(of_together, *lists):
    """Measures lists of T tensors: all together, but most of a big one in parts.

    Args:
        of_together: of such lists, returns tensors `[T, ...]` that add up over parts.
        *lists: of tensors of the same shapes; of whole big ones no copies are made.
    """
    flat = [[tf.reshape(tensor, [-1]) for tensor in tensors] for tensors in lists]
    parts = [(tensor.shape[0] or 0) // PART for tensor in flat[0]]
    rests = [
        [x[n * PART :] if n else x for x, n in zip(tensors, parts, strict=True)]
        for tensors in flat
    ]
    sums = of_together(*rests)
    for row, n in enumerate(parts):
        if n:
            sums = _add_parts(sums, row, of_together, n, [x[row] for x in flat])
    return sums


def _add_parts(sums, row, of_together, parts, tensors):
    """Adds to a row what `of_together` returns of the parts of that row's tensors."""

    def add(number, total):
        # Sliced in here: what a loop is given, XLA copies.
        part = ([tf.slice(x, [number * PART], [PART])] for x in tensors)
        return number + 1, tf.nest.map_structure(tf.add, total, of_together(*part))

    nothing = tf.nest.map_structure(lambda x: tf.zeros_like(x[:1]), sums)
    begin = tf.constant(0), nothing
    _, total = tf.while_loop(lambda number, _: number < parts, add, begin)
    return tf.nest.map_structure(
        lambda x, more: tf.tensor_scatter_nd_add(x, [[row]], more), sums, total
    )


def _measure_together(tensors, by_xla):
    # All in one matrix: each alone would take longer to call than to run.
    rows, owner, padding = _in_rows(tensors)
    places = owner[:, tf.newaxis] * BUCKETS + buckets(tf.cast(rows, tf.float32))
    size = len(tensors) * BUCKETS
    if by_xla:
        # It compiles no bincount.
        counts = tf.math.unsorted_segment_sum(tf.ones_like(places), places, size)
    else:
        flat, no_weights = tf.reshape(places, [-1]), tf.zeros([0], tf.int32)
        counts = tf.raw_ops.DenseBincount(input=flat, size=size, weights=no_weights)
    zeros = padding[:, tf.newaxis] * tf.one_hot(buckets(0.0), BUCKETS, dtype=tf.int32)
    counts = tf.reshape(counts, [len(tensors), BUCKETS]) - zeros
    return counts, _squares(rows, owner, len(tensors))


def _measure_change_together(after, before):
    (after_rows, owner, _), (before_rows, _, _) = _in_rows(after), _in_rows(before)
    change = tf.cast(after_rows, tf.float64) - tf.cast(before_rows, tf.float64)
    return _squares(change, owner, len(after))


def _in_rows(tensors):
    """Lays T tensors out in one matrix, each from a row's beginning.

    Returns:
        `[R, _ROW]`, with zeros after each tensor's last value, in double precision if
        one of them is; the number of the tensor that each row is of, `[R]`; how many
        zeros follow each, `[T]`.
    """
    double = any(tensor.dtype == tf.float64 for tensor in tensors)
    dtype = tf.float64 if double else tf.float32
    rows, owner, padding = [], [], []
    for number, tensor in enumerate(tensors):
        flat = tf.reshape(tf.cast(tensor, dtype), [-1])
        padding.append(-tf.size(flat) % _ROW)
        rows.append(tf.reshape(tf.pad(flat, [[0, padding[-1]]]), [-1, _ROW]))
        owner.append(tf.fill([tf.shape(rows[-1])[0]], number))
    return tf.concat(rows, 0), tf.concat(owner, 0), tf.stack(padding)


def _squares(rows, owner, tensors):
    # In float64: in float32 the square of 1e-30 is zero, and so is what the last of
    # many small numbers adds to their sum.
    squares = tf.square(tf.cast(rows, tf.float64))
    sums = tf.reduce_sum(squares, axis=1)
    return tf.math.unsorted_segment_sum(sums, owner, tensors)
