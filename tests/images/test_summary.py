"""What is said of a table: made by hand here, so every number is known."""

import numpy as np
import pytest

from xorlab import pictures
from xorlab.images.grid import Cell
from xorlab.images.statistics import paired, student
from xorlab.images.summary import Trained, pairs, summarise, verdicts

WELL, SICK = "Every layer receives a gradient of its own size.", "- **a** starves: x."


def trained(activation, initializer, rate, accuracy, diverged=(), verdict=WELL):
    lost = np.isin(np.arange(len(accuracy)), diverged)
    cell = Cell("digits", activation, initializer, rate, 32, 20)
    return Trained(cell, np.array(accuracy), 0 * lost, lost, verdict, 2.0)


def test_each_network_has_the_rate_that_is_best_for_the_others():
    # For seed 0 the others are better at 0.1, for seeds 1 and 2 at 0.01.
    low = trained("relu", "lsuv", 0.01, [0.9, 0.5, 0.5])
    high = trained("relu", "lsuv", 0.1, [0.1, 0.6, 0.6], verdict=SICK)
    [summary] = summarise([low, high])
    assert summary.rates == (0.1, 0.01, 0.01)
    assert summary.accuracy == (0.1, 0.5, 0.5)
    assert summary.rate == 0.01 and summary.verdict == WELL
    assert summary.seconds == 4.0
    assert summary.mean == pytest.approx(1.1 / 3)
    assert summary.spread == pytest.approx(np.std([0.1, 0.5, 0.5], ddof=1))


@pytest.mark.parametrize(
    ("accuracy", "diverged", "shown"),
    [
        ([0.9, 0.8, 0.7], [], "80.0 ± 10.0"),
        ([0.9, 0.9, 0.1], [], "63.3 ± 46.2, 1 n/c"),
        ([0.9, 0.1, 0.1], [], "n/c (1 of 3)"),
        ([0.9, 0.9, 0.9], [0, 1], "n/c (1 of 3)"),
        ([0.9], [], "90.0 ± nan"),
    ],
)
def test_a_cell_of_which_most_did_not_converge_has_no_mean(accuracy, diverged, shown):
    [summary] = summarise([trained("relu", "lsuv", 0.01, accuracy, diverged)])
    assert summary.shown() == shown
    assert sum(summary.diverged) == len(diverged)


def test_a_picture_shows_each_cell_in_its_row_and_column():
    table = summarise(
        [
            trained("relu", "lsuv", 0.01, [0.9, 0.8, 0.7]),
            trained("tanh", "he_normal", 0.01, [0.9, 0.1, 0.1]),
        ]
    )
    axes = pictures.accuracies(table).axes[0]
    [image] = axes.images
    expected = [[0.8, np.nan], [np.nan, 1.1 / 3]]
    np.testing.assert_allclose(np.ma.filled(image.get_array(), np.nan), expected)
    said = {text.get_position(): text.get_text() for text in axes.texts}
    assert said == {(0, 0): "80.0 ± 10.0", (1, 1): "n/c (1 of 3)"}


def test_cells_are_compared_seed_by_seed_within_what_they_share():
    table = summarise(
        [
            trained("relu", "lsuv", 0.01, [0.9, 0.8, 0.7]),
            trained("relu", "he_normal", 0.01, [0.8, 0.7, 0.6]),
            trained("tanh", "lsuv", 0.01, [0.9, 0.1, 0.5]),
        ]
    )
    first, second = pairs(table)
    assert (first.within, first.first, first.second) == ("relu", "lsuv", "he_normal")
    # The cells overlap, and yet one is better on every seed by the same.
    np.testing.assert_allclose(first.difference, 0.1)
    assert first.difference.is_beyond_chance
    assert (second.within, second.first, second.second) == ("lsuv", "relu", "tanh")
    assert not second.difference.is_beyond_chance


def test_verdicts_are_counted_beside_how_networks_ended():
    counts = verdicts(
        [
            trained("relu", "lsuv", 0.01, [0.9, 0.1]),
            trained("tanh", "lsuv", 0.01, [0.9, 0.9], [1], verdict=SICK),
        ]
    )
    assert counts[True, True] == 1 and counts[True, False] == 1
    assert counts[False, True] == 1 and counts[False, False] == 1


def test_intervals_are_student_s():
    # From the printed tables.
    for freedom, point in (
        (1, 12.706),
        (2, 4.303),
        (4, 2.776),
        (9, 2.262),
        (99, 1.984),
    ):
        assert student(freedom) == pytest.approx(point, rel=3e-4)
    mean, low, high = paired([1, 2, 3, 4, 5], [0, 0, 0, 0, 0])
    assert mean == 3
    half = 2.776 * (2.5 / 5) ** 0.5
    assert (high - mean, mean - low) == pytest.approx((half, half), rel=1e-3)
