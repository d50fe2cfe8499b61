"""Measures tensors of any size inside a step, with memory for a part of one.

For a step that XLA does not compile. It is by functions that TensorFlow does not write
out in it: of each loop in a step, its graph optimizer takes a tenth of a second. But
what a function was given may live on after its call, so for big tensors it is by loops.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from xorlab.steps import exact
from xorlab.steps.histograms import BUCKETS, of_patterns, patterns

# Values that are measured at once: of a whole big tensor, it takes several copies.
PART = 2**19


def in_turn(
    of_part: Callable, join: Callable, *lists: Sequence[tf.Tensor]
) -> list[Any]:
    """Measures T tensors, the last one first: as its gradient is known first.

    Args:
        of_part: returns what it measures of a part of a tensor of each list.
        join: of what is measured of two parts, returns that of both.
        *lists: of T tensors of the same shapes.

    Returns:
        What is measured of each of the T.
    """
    measured: list[Any] = [[]]
    one_row = tf.constant([-1])
    for tensors in reversed(list(zip(*lists, strict=True))):
        with tf.control_dependencies(tf.nest.flatten(measured[-1])):
            # Else a tape that is about would have measuring differentiated.
            flat = [tf.reshape(tf.stop_gradient(x), one_row) for x in tensors]
            program = _program(
                of_part, join, flat[0].dtype, PART, exact.is_big(flat[0])
            )
            measured.append(program(*flat))
    return measured[:0:-1]


@functools.cache
def _program(of_part, join, dtype, part, is_big):
    def measure(*tensors):
        def of(begin):
            return of_part(*(x[begin : begin + part] for x in tensors))

        _, total = tf.while_loop(
            lambda begin, _: begin < tf.size(tensors[0]),
            lambda begin, total: (begin + part, join(total, of(begin))),
            (tf.constant(part), of(0)),
            parallel_iterations=1,
        )
        return total

    number = len(inspect.signature(of_part).parameters)
    as_it_is = {"_noinline": not is_big}
    function = tf.function(measure, autograph=False, experimental_attributes=as_it_is)
    with tf.init_scope():  # It is of no step.
        return function.get_concrete_function(*[tf.TensorSpec([None], dtype)] * number)


def count(values: tf.Tensor) -> list[tf.Tensor]:
    """Measures one tensor `[N]`, as `measures.measure` does each of several."""
    if values.dtype != tf.float64:
        values = tf.cast(values, tf.float32)
    places = patterns(tf.cast(values, tf.float32))
    if has_gpu():
        # A bincount there refuses to be deterministic.
        counts = tf.math.unsorted_segment_sum(tf.ones_like(places), places, BUCKETS)
    else:
        no_weights = tf.zeros([0], tf.int32)
        counts = tf.raw_ops.DenseBincount(
            input=places, size=BUCKETS, weights=no_weights
        )
    ends = tf.stack([-tf.reduce_min(values), tf.reduce_max(values)])
    counts = tf.cast(of_patterns(counts), tf.int64)
    return [counts, square(values), tf.cast(ends, tf.float64)]


def join(one: list[tf.Tensor], other: list[tf.Tensor]) -> list[tf.Tensor]:
    """Joins what is measured of two parts."""
    return [one[0] + other[0], one[1] + other[1], tf.maximum(one[2], other[2])]


def change(after: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
    """Sums up the squares of the differences.

    Of differences in float32, which take less time, TensorFlow would keep another copy.
    """
    return square(tf.cast(after, tf.float64) - tf.cast(before, tf.float64))


def square(values: tf.Tensor, axis: int | None = None) -> tf.Tensor:
    """Sums up squares, in float64.

    In float32 the square of 1e-30 is zero, and so is what the last of many small
    numbers adds to their sum.
    """
    values = tf.cast(values, tf.float64)
    if axis is None:
        return 2 * tf.raw_ops.L2Loss(t=values)  # In one pass.
    return tf.reduce_sum(tf.square(values), axis)


def has_gpu() -> bool:
    return bool(tf.config.list_logical_devices("GPU"))
