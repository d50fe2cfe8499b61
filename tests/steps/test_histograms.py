"""Buckets hold what they say, counted and their rows show it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.plugins.distribution import compressor

from xorlab.steps import histograms

floats = st.floats(width=32, allow_nan=True, allow_infinity=True, allow_subnormal=False)
arrays_of_floats = st.lists(st.lists(floats, max_size=20), min_size=1, max_size=4)


@given(arrays_of_floats)
def test_each_finite_value_lies_in_its_bucket(arrays):
    arrays = [np.array(values, np.float32) for values in arrays]
    counts = histograms.count(arrays)
    lost = histograms.count_not_finite(counts)
    for values, rows, missing in zip(
        arrays, histograms.rows(counts), lost, strict=True
    ):
        finite = values[np.isfinite(values)].astype(float)
        assert finite.size == values.size - missing
        if not finite.size:
            np.testing.assert_array_equal(rows, [[np.inf, np.nan, missing]])
            continue
        assert rows[:, 2].sum() == finite.size
        assert (rows[1:, 0] == rows[:-1, 1]).all()
        for left, right, count in rows:
            if left < 0 < right:
                inside = finite == 0
            elif left >= 0:
                inside = (left <= finite) & (finite < right)
            else:
                inside = (left < finite) & (finite <= right)
            assert inside.sum() == count


@given(arrays_of_floats)
def test_a_histogram_reaches_from_the_least_value_to_the_greatest(arrays):
    arrays = [np.array(values, np.float32) for values in arrays]
    counts = histograms.count(arrays)
    tables = histograms.rows(counts, histograms.find_ends(arrays))
    for values, rows, whole in zip(
        arrays, tables, histograms.rows(counts), strict=True
    ):
        if values.size and np.isfinite(values).all():
            assert (rows[0, 0], rows[-1, 1]) == (values.min(), values.max())
            whole[0, 0], whole[-1, 1] = rows[0, 0], rows[-1, 1]
        if not np.isinf(values).any() or np.isnan(values).any():
            np.testing.assert_array_equal(rows, whole)


def test_what_is_not_finite_leaves_the_other_end():
    values = [np.float32([1.1, 2.2, np.inf])]
    [rows] = histograms.rows(histograms.count(values), histograms.find_ends(values))
    assert rows[0, 0] == values[0][0] and rows[-1, 1] == 2.5


@pytest.mark.parametrize("value", [0.0, -0.0, 0.5, -3.0])
def test_a_value_that_all_share_is_no_block(value):
    values = [np.full(7, value)]
    [rows] = histograms.rows(histograms.count(values), histograms.find_ends(values))
    assert rows.tolist() == [[value, value, 7]]
    drawn = np.array(compressor.compress_histogram(rows))[:, 1]
    assert (drawn == value).all()


def test_buckets_tell_tiny_values_from_small_ones_and_from_zero():
    [rows] = histograms.rows(
        histograms.count([np.array([1e-9, 1e-9, -1e-3, 0.0, -0.0, 1.0])])
    )
    filled = rows[rows[:, 2] > 0]
    assert filled[:, 2].tolist() == [1, 2, 2, 1]
    assert filled[2, 0] <= 1e-9 < filled[2, 1] < 1.3e-9
    # A bucket reaches at most a quarter beyond where it starts.
    assert filled[3, 1] / filled[3, 0] <= 1.25


@pytest.mark.parametrize("values", [[np.nan, np.inf], [-np.inf], []])
def test_what_is_not_finite_never_looks_like_zero(values):
    finite, rows = histograms.rows(histograms.count([np.ones(3), np.array(values)]))
    drawn = np.array(compressor.compress_histogram(rows))[:, 1]
    assert np.isnan(drawn).all()
    drawn = np.array(compressor.compress_histogram(finite))[:, 1]
    assert ((1 <= drawn) & (drawn <= 1.25)).all()
