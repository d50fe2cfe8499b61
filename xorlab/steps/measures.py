"""Counts, squared norms and ends of tensors, taken inside a training step."""

import contextlib
import itertools
import math
import threading
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from xorlab.steps import exact, parts
from xorlab.steps.ends import ends
from xorlab.steps.histograms import BUCKETS, ZERO, buckets
from xorlab.steps.rows import flat, in_rows

# Of at most so many values, as biases have, copies do not matter.
SMALL = 2**12


def is_small(tensor: tf.Tensor) -> bool:
    """Whether a tensor is known to have few values."""
    size = tensor.shape.num_elements()
    return size is not None and size <= SMALL


def measure(
    tensors: Sequence[tf.Tensor], *, by_xla: bool
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Counts values by bucket, sums up their squares, and finds the outermost.

    Args:
        tensors: T, of any shapes and floating dtypes.
        by_xla: whether XLA compiles the step.

    Returns:
        Counts by `histograms.buckets`, `[T, BUCKETS]`, int64; squared 2-norms, `[T]`,
        float64; and the greatest of `-x` and of `x`, `[T, 2]`, float64.
    """
    if not tensors:
        none = tf.zeros([0, BUCKETS], tf.int64)
        return none, tf.zeros([0], tf.float64), tf.zeros([0, 2], tf.float64)
    shared = _is_for_shared_program(tensors, by_xla)

    def in_turn(tensors):
        measured = parts.in_turn(parts.count, parts.join, tensors)
        return list(map(tf.stack, zip(*measured, strict=True)))

    def together(tensors):
        owner, padding, rows = in_rows(tensors, fill=shared)
        if not shared:
            return _count(owner, padding, rows)
        return [x[: len(tensors)] for x in _program_count(owner, padding, rows)]

    if not (by_xla or shared):
        return _by_size(together, in_turn, tensors)
    return _in_parts(together, parts.join, tensors)


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
    if not after:
        return tf.zeros([0], tf.float64)
    shared = _is_for_shared_program([*after, *before], by_xla)

    def in_turn(after, before):
        return tf.stack(parts.in_turn(parts.change, tf.add, after, before))

    def together(after, before):
        owner, padding, after_rows = in_rows(after, fill=shared)
        _, _, before_rows = in_rows(before, fill=shared)
        change = _program_change if shared else _change
        return change(owner, padding, after_rows, before_rows)[: len(after)]

    if not (by_xla or shared):
        return _by_size(together, in_turn, after, before)
    return _in_parts(together, tf.add, after, before)


def compile_ahead(weights: Sequence[tf.TensorSpec]) -> threading.Thread:
    """Begins to compile what measures weights and their gradients, in a thread.

    XLA takes a second for it, in which the step itself is traced. What a process has
    compiled ahead it does not again: models of about one size share it.
    """

    # As a step calls them: what is called eagerly, XLA compiles for that alone.
    @tf.function(autograph=False)
    def both(of_all, owner, padding, rows):
        return _program_count(*of_all), _program_change(owner, padding, rows, rows)

    def compile():
        # What is wrong, the step itself will say.
        with contextlib.suppress(Exception):
            if _is_for_shared_program([*weights, *weights], by_xla=False):
                zeros = [tf.zeros(x.shape, x.dtype) for x in weights]
                laid_out = [in_rows(x, fill=True) for x in ([*zeros, *zeros], zeros)]
                sizes = tuple(
                    (len(padding), len(owner), rows.dtype)
                    for owner, padding, rows in laid_out
                )
                if sizes not in _AHEAD:
                    both(laid_out[0], *laid_out[1])
                    _AHEAD.add(sizes)

    thread = threading.Thread(target=compile)
    thread.start()
    return thread


def _by_size(together, in_turn, *lists):
    """Measures lists of T tensors: the small ones by few operations, together.

    Args:
        together, in_turn: of such lists, return tensors `[T, ...]`.
        *lists: of tensors of the same shapes.
    """
    small = list(map(is_small, lists[0]))
    sizes = [x.shape.num_elements() for x in itertools.compress(lists[0], small)]
    # Together, they are no more than is measured of a big one at once.
    if sum(sizes) > parts.PART:
        small = [False for _ in small]
    numbers, measured = [], []
    for measure_all, are_small in ((together, True), (in_turn, False)):
        chosen = [row for row, each in enumerate(small) if each == are_small]
        if chosen:
            numbers += chosen
            of_chosen = ([tensors[row] for row in chosen] for tensors in lists)
            measured.append(measure_all(*of_chosen))
    order = np.argsort(numbers)
    return tf.nest.map_structure(
        lambda *kinds: tf.gather(tf.concat(kinds, 0), order), *measured
    )


def _in_parts(of_together, join, *lists):
    """Measures lists of T tensors all together; if big, most of each in parts.

    Args:
        of_together: of such lists, returns tensors `[T, ...]`.
        join: of those of two parts, returns those of both.
        *lists: of tensors of the same shapes; of whole big ones no copies are made.
    """
    vectors = list(map(flat, lists))
    part = parts.PART if exact.is_big(*vectors[0]) else math.inf
    numbers = [int((tensor.shape[0] or 0) // part) for tensor in vectors[0]]
    rests = [
        [x[n * parts.PART :] if n else x for x, n in zip(tensors, numbers, strict=True)]
        for tensors in vectors
    ]
    measured = of_together(*rests)
    for row, n in enumerate(numbers):
        if n:
            of_row = [x[row] for x in vectors]
            measured = _join_parts(measured, row, of_together, join, n, of_row)
    return measured


def _join_parts(measured, row, of_together, join, number_of_parts, tensors):
    """Joins to a row what `of_together` returns of the parts of that row's tensors."""

    def go_on(number, total):
        # Sliced in here: what a loop is given, XLA copies.
        size = parts.PART
        part = ([tf.slice(x, [number * size], [size])] for x in tensors)
        return number + 1, join(total, of_together(*part))

    begin = tf.constant(0), tf.nest.map_structure(lambda x: x[row : row + 1], measured)
    _, total = tf.while_loop(lambda number, _: number < number_of_parts, go_on, begin)
    return tf.nest.map_structure(
        lambda x, new: tf.tensor_scatter_nd_update(x, [[row]], new), measured, total
    )


def _count(owner, padding, rows):
    """Measures the rows of each of T tensors, laid out by `in_rows`."""
    size = padding.shape[0] * BUCKETS
    places = owner[:, tf.newaxis] * BUCKETS + buckets(tf.cast(rows, tf.float32))
    counts = tf.math.unsorted_segment_sum(tf.ones_like(places), places, size)
    zeros = padding[:, tf.newaxis] * tf.one_hot(buckets(0.0), BUCKETS, dtype=tf.int32)
    counts = tf.cast(tf.reshape(counts, [-1, BUCKETS]) - zeros, tf.int64)
    found = ends(owner, padding, rows, has_zeros=counts[:, ZERO] > 0)
    return [counts, _squares(owner, padding, rows), found]


def _change(owner, padding, after_rows, before_rows):
    """Sums up how the rows of each of T tensors differ from others."""
    change = tf.cast(after_rows, tf.float64) - tf.cast(before_rows, tf.float64)
    return _squares(owner, padding, change)


def _squares(owner, padding, rows):
    sums = parts.square(rows, axis=1)
    return tf.math.unsorted_segment_sum(sums, owner, padding.shape[0])


# XLA's programs take half the time of the operations. What it has compiled stays in
# memory for good, so models share the programs, of a few sizes.
_program_count = tf.function(_count, jit_compile=True, autograph=False)
_program_change = tf.function(_change, jit_compile=True, autograph=False)
PROGRAMS = (_program_count, _program_change)
_AHEAD: set[tuple] = set()  # The sizes that these were compiled ahead for.


def _is_for_shared_program(tensors, by_xla):
    """Whether a shared program is worth it, in a step that XLA does not compile.

    It is not where sizes are not known; nor for big tensors, whose memory counts, but
    on a GPU, where operations take ten times as long.
    """
    unknown = any(x.shape.num_elements() is None for x in tensors)
    too_big = exact.is_big(*tensors) and not parts.has_gpu()
    return not (by_xla or unknown or too_big)
