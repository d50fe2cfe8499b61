"""Figures show the numbers they are given, under the names of what they are of."""

import errno
import os

import numpy as np
import pytest
from matplotlib.font_manager import get_font_names
from oracles.figures import check_texts
from oracles.summaries import summary

from xorlab import pictures
from xorlab.pictures import png


def texts(axes):
    return {tuple(text.get_position()): text.get_text() for text in axes.texts}


def labels(ticks):
    return [tick.get_text() for tick in ticks]


def test_a_phase_diagram_shows_the_share_solved_where_its_cell_is():
    summaries = [
        summary("sigmoid", 2, 90),
        summary("sigmoid", 11, 0),
        summary("relu", 2, 75),
        summary("relu", 11, 30),
    ]
    axes, colours = pictures.phase_diagram(summaries).axes
    [image] = axes.images
    shares = [[0.9, 0.0], [0.75, 0.3]]
    np.testing.assert_allclose(image.get_array(), shares)
    assert image.get_clim() == (0, 1)
    assert texts(axes) == {
        (column, row): f"{share:.2f}"
        for row, line in enumerate(shares)
        for column, share in enumerate(line)
    }
    assert labels(axes.get_xticklabels()) == ["2 layers", "11 layers"]
    assert labels(axes.get_yticklabels()) == ["sigmoid", "relu"]
    assert axes.get_title() == "Share of 100 networks that solve XOR in 2,000 steps"
    assert colours.get_ylabel() == "share solved"


def test_numbers_are_readable_on_their_colour():
    axes = pictures.phase_diagram([summary("relu", 2, 100), summary("relu", 3, 0)])
    bright, dark = axes.axes[0].texts
    # Viridis ends in yellow and begins in a dark violet.
    assert (bright.get_color(), dark.get_color()) == ("black", "white")


def test_a_combination_that_was_not_tried_is_left_empty():
    axes = pictures.phase_diagram(
        [summary("sigmoid", 2, 90), summary("relu", 11, 30)]
    ).axes[0]
    assert set(texts(axes)) == {(0, 0), (1, 1)}
    assert np.isnan(np.ma.filled(axes.images[0].get_array(), np.nan)[0, 1])


def test_columns_are_named_by_all_that_differs_and_nothing_else():
    summaries = [
        summary("relu", 3, 10, init_scale=0.5, learning_rate=0.1),
        summary("relu", 3, 20, init_scale=0.5, learning_rate=1.0),
        summary("relu", 3, 30, init_scale=2.0, learning_rate=0.1),
    ]
    axes = pictures.phase_diagram(summaries).axes[0]
    names = ["× 0.5\nrate 0.1", "× 0.5\nrate 1", "× 2\nrate 0.1"]
    assert labels(axes.get_xticklabels()) == names


def test_where_only_activations_differ_columns_are_named_by_depth():
    axes = pictures.phase_diagram([summary("relu", 3, 10), summary("tanh", 3, 10)])
    assert labels(axes.axes[0].get_xticklabels()) == ["3 layers"]


def test_a_title_spans_numbers_that_differ():
    summaries = [summary("relu", 2, 10, n=100), summary("relu", 3, 10, n=1200)]
    title = pictures.phase_diagram(summaries).axes[0].get_title()
    assert title.startswith("Share of 100 to 1,200 networks")


def test_gradients_are_drawn_from_the_input_on_a_log_scale():
    summaries = [
        summary("sigmoid", 3, 0),
        summary("sigmoid", 4, 0),
        summary("relu", 3, 0),
        summary("tanh", 3, 0),
    ]
    figure = pictures.gradients_by_depth(summaries)
    panels = figure.axes
    # Three of the four places of a square.
    assert [axes.get_title() for axes in panels] == ["sigmoid", "relu", "tanh"]
    assert {axes.get_yscale() for axes in panels} == {"log"}
    assert [len(axes.lines) for axes in panels] == [2, 1, 1]
    shallow, deep = panels[0].lines
    assert list(deep.get_xdata()) == [1, 2, 3, 4]
    # A zero has no logarithm, and is left out.
    np.testing.assert_allclose(deep.get_ydata(), [np.nan, 1e-1, 1e-2, 1e-3])
    assert shallow.get_color() != deep.get_color()
    assert shallow.get_color() == panels[1].lines[0].get_color()
    [legend] = figure.legends
    assert labels(legend.get_texts()) == ["3 layers", "4 layers"]


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    for name in ("one.png", "other.png"):
        pictures.save(pictures.phase_diagram([summary("relu", 2, 10)]), tmp_path / name)
    one, other = sorted(path.read_bytes() for path in tmp_path.iterdir())
    assert one == other and one.startswith(b"\x89PNG")


def test_names_in_korean_have_letters():
    fonts = [x for x in get_font_names() if x in png.MORE_LETTERS]
    if not fonts:
        pytest.skip("no font with Korean letters is installed")
    # What has none is warned of, and warnings are errors.
    curve = {"cost": {"시그모이드": {0: 0.7, 1: 0.69}}}
    assert pictures.encoded(pictures.learning_curves(curve))


def test_a_picture_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    def fail(file):
        raise OSError(errno.ENOSPC, "disk full")

    path = tmp_path / "one.png"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        pictures.save(pictures.phase_diagram([summary("relu", 2, 10)]), path)
    assert path.read_bytes() == b"old"


def test_long_names_of_starts_do_not_touch():
    starts = ["uniform", "glorot_uniform", "he_normal", "orthogonal", "data_dependent"]
    cells = [
        summary("leaky_relu", 11, 30, initializer=start, init_scale=scale)
        for start in starts
        for scale in (1.0, 4.0)
    ]
    for draw in pictures.OF_SWEEPS:
        check_texts(draw(cells))
