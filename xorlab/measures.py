"""Counts and squared norms of tensors, taken inside a training step."""

import functools
from collections.abc import Sequence

import tensorflow as tf

from xorlab.histograms import BUCKETS, buckets

# Bigger tensors are measured in parts of so many values: all at once, they would need
# memory for several copies. A size that is not known when a step is traced, as of
# outputs where batches differ, counts as small.
PART = 2**17
# From so many values on memory counts: XLA's compiler alone takes 100 MB.
BIG = 2**22
# Values to a row of the matrix that tensors are laid out in.
_ROW = 16


def has_big(tensors: Sequence[tf.Tensor]) -> bool:
    """Whether one of them is so big that memory counts."""
    return any((tensor.shape.num_elements() or 0) >= BIG for tensor in tensors)


def _compiled_if_small(measure):
    """Makes one XLA program of a measure: its operations take twice as long.

    Not of big tensors, unless the step that they are in is compiled anyway.
    """
    program = tf.function(functools.partial(measure, by_xla=True), jit_compile=True)

    @functools.wraps(measure)
    def choose(*lists, by_xla):
        if by_xla or not any(map(has_big, lists)):
            return program(*lists)
        return measure(*lists, by_xla=False)

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
    counts, squares = [], []

    def of_part(part):
        return _measure_together([part], by_xla)

    for group in _groups(tensors):
        if len(group) == 1:
            of_group = _sum_over_parts(of_part, *group)
        else:
            of_group = _measure_together(group, by_xla)
        counts.append(of_group[0])
        squares.append(of_group[1])
    return tf.concat(counts, 0), tf.concat(squares, 0)


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

    def of_part(after, before):
        return _measure_change_together([after], [before])

    groups = list(_groups(after)), list(_groups(before))
    squares = [
        _sum_over_parts(of_part, *after, *before)
        if len(after) == 1
        else _measure_change_together(after, before)
        for after, before in zip(*groups, strict=True)
    ]
    return tf.concat(squares, 0)


@_compiled_if_small
def measure_update(
    gradients: Sequence[tf.Tensor],
    before: Sequence[tf.Tensor],
    after: Sequence[tf.Tensor],
    *,
    by_xla: bool,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Measures T gradients and weights, and how the weights changed, all at once.

    Returns:
        What `measure` returns of gradients and weights: `[2T, BUCKETS]` and `[2T]`;
        and what `measure_change` returns: `[T]`.
    """
    counts, squares = measure([*gradients, *before], by_xla=by_xla)
    return counts, squares, measure_change(after, before, by_xla=by_xla)


def _groups(tensors):
    """Splits a list where a tensor is to be measured in parts."""
    group = []
    for tensor in tensors:
        if (tensor.shape.num_elements() or 0) > PART:
            yield from ([group] if group else [])
            yield [tensor]
            group = []
        else:
            group.append(tensor)
    yield from ([group] if group else [])


def _sum_over_parts(of_part, *tensors):
    """Adds up what `of_part` returns of parts, `[n]`, of each of the tensors.

    Copies of the whole are never made; the tensors are of one shape.
    """
    flat = [tf.reshape(tensor, [-1]) for tensor in tensors]
    size = flat[0].shape[0]
    if size is None or size <= PART:
        return of_part(*flat)
    parts = size // PART

    def add(part, total):
        # Sliced in here: what a loop is given, XLA copies.
        more = of_part(*(tf.slice(x, [part * PART], [PART]) for x in flat))
        return part + 1, tf.nest.map_structure(tf.add, total, more)

    rest = of_part(*(x[parts * PART :] for x in flat))
    return tf.while_loop(lambda part, _: part < parts, add, (tf.constant(0), rest))[1]


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
    sums = tf.reduce_sum(tf.square(tf.cast(rows, tf.float64)), axis=1)
    return tf.math.unsorted_segment_sum(sums, owner, tensors)
