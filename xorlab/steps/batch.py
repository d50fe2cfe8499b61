"""What a batch holds, in a few numbers that its step measures."""

import dataclasses
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# Shares of more classes, or of more labels to a row, are not kept.
MOST = 64
_NUMBERS = 8
SIZE = _NUMBERS + 2 * MOST


@dataclasses.dataclass(frozen=True)
class BatchFacts:
    """What a batch `(x, y)` or `(x, y, sample_weight)` of dense numbers holds.

    What is not known is NaN: of labels that are not N rows of at most `MOST` numbers,
    and of weights that are not one to a row. Means are weighted.

    Attributes:
        input_square: mean square of those inputs that are floating.
        rows: N.
        weight: the sum of the rows' weights.
        least, largest: of the labels.
        mean: of all labels.
        variance: within the batch; over the labels of a row its mean.
        deviation: mean absolute deviation from the mean, likewise.
        columns: mean of each of a row's labels, `[MOST]`; NaN after the last.
        classes: shares of the labels 0, 1, … among all, `[MOST]`.
    """

    input_square: float
    rows: float
    weight: float
    least: float
    largest: float
    mean: float
    variance: float
    deviation: float
    columns: np.ndarray
    classes: np.ndarray

    @classmethod
    def of(cls, numbers: np.ndarray) -> "BatchFacts":
        """Reads what `measured` returned."""
        shares = numbers[_NUMBERS:]
        values: list[Any] = [*numbers[:_NUMBERS].tolist(), shares[:MOST], shares[MOST:]]
        return cls(*values)


def measured(data: Any) -> tf.Tensor:
    """Measures what a step is given: float64 `[SIZE]`, NaN where nothing is known."""
    x, y, weights = None, None, None
    if isinstance(data, tuple) and len(data) in (2, 3):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
    unknown = tf.fill([SIZE - 1], tf.constant(math.nan, tf.float64))
    known = _of_labels(y, weights) if _are_labels(y, weights) else unknown
    return tf.concat([[_input_square(x)], known], 0)


def _input_square(x):
    parts = [
        part
        for part in keras.tree.flatten(x)
        if isinstance(part, tf.Tensor) and part.dtype.is_floating
    ]
    if not parts:
        return tf.constant(math.nan, tf.float64)
    # One operation, which makes no copy of the inputs.
    squares = [2 * tf.cast(tf.raw_ops.L2Loss(t=part), tf.float64) for part in parts]
    sizes = [tf.cast(tf.size(part), tf.float64) for part in parts]
    means = map(tf.math.divide_no_nan, squares, sizes)
    return tf.add_n(list(means)) / len(parts)


def _are_labels(y, weights):
    if not isinstance(y, tf.Tensor) or not y.shape.rank or y.dtype.is_complex:
        return False
    is_number = y.dtype.is_floating or y.dtype.is_integer or y.dtype.is_bool
    if not is_number or (y.shape[1:].num_elements() or MOST + 1) > MOST:
        return False
    if weights is None:
        return True
    is_one = isinstance(weights, tf.Tensor) and weights.shape.rank
    return bool(is_one) and weights.shape[1:].num_elements() == 1


def _of_labels(y, weights):
    n, columns = tf.shape(y)[0], y.shape[1:].num_elements()
    labels = tf.reshape(tf.cast(y, tf.float64), [n, columns])
    if weights is None:
        weights = tf.ones([n, 1], tf.float64)
    weights = tf.reshape(tf.cast(weights, tf.float64), [n, 1])
    total = tf.reduce_sum(weights)

    def mean_over_rows(numbers):
        return tf.math.divide_no_nan(tf.reduce_sum(weights * numbers, 0), total)

    means = mean_over_rows(labels)
    away = labels - means
    numbers = [
        tf.cast(n, tf.float64),
        total,
        tf.reduce_min(labels),
        tf.reduce_max(labels),
        tf.reduce_mean(means),
        tf.reduce_mean(mean_over_rows(tf.square(away))),
        tf.reduce_mean(mean_over_rows(tf.abs(away))),
    ]
    is_class = (labels >= 0) & (labels < MOST)
    places = tf.cast(tf.where(is_class, labels, MOST), tf.int32)
    shares = tf.math.unsorted_segment_sum(
        weights * tf.ones_like(labels) / columns, places, MOST + 1
    )
    return tf.concat(
        [
            tf.stack(numbers),
            tf.pad(means, [[0, MOST - columns]], constant_values=math.nan),
            tf.math.divide_no_nan(shares[:MOST], total),
        ],
        0,
    )
