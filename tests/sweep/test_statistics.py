"""Wilson's interval and the streaming medians, against other ways to find them."""

import math

import numpy as np
import pytest

from xorlab.sweep.statistics import medians, wilson


@pytest.mark.parametrize("trials", [1, 7, 256, 1000, 10**6])
@pytest.mark.parametrize("part", [0, 0.1, 0.5, 1])
def test_wilson_ends_are_shares_that_the_count_just_fails_to_reject(trials, part):
    successes = round(part * trials)
    z = 1.959963984540054
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    # The interval's definition: the true share p whose normal test is on the edge.
    for p in {low, high} - {0.0, 1.0}:
        error = math.sqrt(p * (1 - p) / trials)
        assert abs(successes / trials - p) / error == pytest.approx(z, rel=1e-9)


def test_wilson_ends_at_zero_and_one_exactly():
    assert wilson(0, 20)[0] == 0
    assert wilson(20, 20)[1] == 1


@pytest.mark.parametrize("rows", [1, 2, 3, 100, 1001])
def test_medians_are_exact_whatever_the_batches(rows):
    random = np.random.default_rng(rows)
    values = np.exp(random.normal(0, 9, (rows, 4))).astype(np.float32)
    values[:, 1] = random.integers(0, 5, rows)
    values[random.random((rows, 4)) < 0.3] = np.nan
    values[:, 2] = np.nan
    values[0, 3] = np.inf

    found = medians(lambda: np.array_split(values, 3))

    for column, median in zip(values.T, found, strict=True):
        present = column[~np.isnan(column)].astype(np.float64)
        expected = np.median(present) if present.size else np.nan
        np.testing.assert_equal(median, expected)
