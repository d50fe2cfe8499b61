"""The lecture's pictures show the numbers they are given, and can be read."""

import math

import numpy as np
import pytest
from oracles.figures import check_texts
from oracles.numpy_network import FUNCTIONS

from xorlab import models, pictures
from xorlab.models import data
from xorlab.steps import histograms


def labels(legend):
    return [text.get_text() for text in legend.get_texts()]


def test_cost_and_accuracy_are_curves_below_each_other():
    cost = {"sigmoid": {0: 0.75, 2000: 0.69}, "relu": {0: 0.7, 2000: 0.01}}
    accuracy = {"sigmoid": {0: 0.5, 2000: 0.75}, "relu": {0: 0.5, 2000: 1.0}}
    figure = pictures.learning_curves({"cost": cost, "accuracy": accuracy})
    check_texts(figure)
    for axes, panel in zip(figure.axes, (cost, accuracy), strict=True):
        for line, numbers in zip(axes.lines, panel.values(), strict=True):
            assert dict(line.get_xydata().tolist()) == numbers
    assert [axes.get_ylabel() for axes in figure.axes] == ["cost", "accuracy"]
    assert figure.axes[1].get_xlabel() == "step"
    assert labels(figure.legends[0]) == ["sigmoid", "relu"]
    low, high = figure.axes[1].get_ylim()
    assert low <= 0 and high >= 1


def test_a_run_that_the_first_panel_does_not_show_is_named():
    panels = {"accuracy": {"cnn": {0: 0.5}}, "loss": {"cnn": {0: 1}, "one": {0: 2}}}
    figure = pictures.learning_curves(panels)
    assert labels(figure.legends[0]) == ["cnn", "one"]


def test_there_is_no_half_of_an_epoch():
    loss = {"loss": {"cnn": {0: 0.7, 1: 0.6, 2: 0.5, 3: 0.4}}}
    [axes] = pictures.learning_curves(loss, "epoch").axes
    assert axes.get_xlabel() == "epoch"
    assert all(tick.is_integer() for tick in axes.get_xticks().tolist())


def test_a_cost_that_is_nan_is_a_star_and_one_step_is_on_a_whole_number():
    figure = pictures.learning_curves({"cost": {"run": {7: 0.5, 8: math.nan}}})
    check_texts(figure)
    star = figure.axes[0].lines[1]
    assert list(star.get_xdata()) == [8]
    assert labels(figure.legends[0]) == ["run", "run: not finite"]
    [axes] = pictures.learning_curves({"loss": {"one epoch": {0: 0.5}}}, "epoch").axes
    left, right = axes.get_xlim()
    assert [x for x in axes.get_xticks().tolist() if left <= x <= right] == [0]


def test_a_network_that_is_nan_is_said_to_be():
    nan = np.full([4, 1], np.nan)
    [title] = [x.get_title() for x in pictures.surfaces({5: nan}).axes if x.get_title()]
    assert title == "step 5\nNaN or infinity"
    rows = pictures.rows_by_layer({"layer1": np.eye(4), "last": nan}).axes[0]
    assert [x.get_text() for x in rows.texts] == ["4\ndifferent", "not\nfinite"]
    [lost] = histograms.rows(histograms.count([nan]))
    [axes] = pictures.histograms_by_layer({"weights": {"last": lost}}).axes
    assert [x.get_text() for x in axes.texts] == ["NaN or infinity alone"]


def test_rounding_is_not_drawn_as_pits():
    stuck = {step: 0.69314718 + 6e-8 * (step % 3) for step in range(100)}
    [axes] = pictures.learning_curves({"cost": {"sigmoid": stuck}}).axes
    low, high = axes.get_ylim()
    # Less than a hundredth of a pixel.
    assert 1.2e-7 / (high - low) * axes.bbox.height < 0.01
    assert low < 0.69314718 < high


@pytest.mark.slow
def test_the_gallery_shows_every_activation_of_the_table_and_its_slope():
    figure = pictures.activation_gallery(models.ACTIVATIONS)
    check_texts(figure)
    panels = dict(zip(models.ACTIVATIONS, figure.axes, strict=True))
    for name, axes in panels.items():
        activation = models.ACTIVATIONS[name]
        assert axes.get_title().startswith(f"{name}\n{activation.formula}\n")
        value, slope = axes.lines[:2]
        x = value.get_xdata().astype(float)
        # The stand-in maps of maxout have slopes 1 and -1/2.
        assert np.abs(slope.get_ydata()).max() == pytest.approx(
            activation.largest_slope, rel=2e-2
        )
        if activation.pieces == 1:
            f, f_prime = FUNCTIONS[name]
            np.testing.assert_allclose(value.get_ydata(), f(x), rtol=1e-4, atol=1e-6)
            smooth = np.abs(x) > 1e-3
            slopes = slope.get_ydata()[smooth]
            np.testing.assert_allclose(slopes, f_prime(x)[smooth], rtol=1e-4, atol=1e-5)
    # On one scale, or sigmoid's quarter would look as steep as ReLU's one.
    assert len({axes.get_ylim() for axes in figure.axes}) == 1


def test_the_surface_is_where_the_inputs_are():
    points = pictures.square(5)
    assert points.shape == (25, 2) and points.dtype == np.float32
    by_x1 = points[:, :1].copy()
    figure = pictures.surfaces({0: np.full([25, 1], 0.5), 10: by_x1})
    check_texts(figure)
    flat, slope, bar = figure.axes
    # Row 0 is x2 = 0, and drawn below.
    np.testing.assert_allclose(slope.images[0].get_array()[0], [0, 0.25, 0.5, 0.75, 1])
    assert slope.images[0].origin == "lower"
    assert slope.images[0].get_clim() == flat.images[0].get_clim() == (0, 1)
    assert flat.get_title() == "step 0" and slope.get_title() == "step 10"
    shown = {tuple(np.round(x.get_position())): x.get_text() for x in slope.texts}
    assert shown == {
        tuple(x): f"{y:.0f}" for x, [y] in zip(data.INPUTS, data.LABELS, strict=True)
    }
    # No boundary is drawn where all answers are 0.5.
    assert not flat.collections and slope.collections
    assert "hypothesis" in bar.get_ylabel()


def test_histograms_stand_in_the_order_of_the_model():
    [row] = histograms.rows(histograms.count([np.ones(3)]))
    of_all = {"conv": row, "pool": row, "dense": row}
    figure = pictures.histograms_by_layer(
        {"weights": {"conv": row, "dense": row}, "activations": of_all}
    )
    shown = [axes.get_ylabel() for axes in figure.axes]
    assert [name for name in shown if name] == list(of_all)


def test_rows_that_a_layer_makes_one_are_counted():
    told_apart = np.array([[0, 1], [1, 0], [2, 0], [3, 5.0]])
    three_alike = np.array([[0, 0], [0, 0], [0, 0], [0, 0.25]])
    dead = np.zeros([4, 3])
    outputs = {"layer1": told_apart, "layer2": three_alike, "last": dead}
    figure = pictures.rows_by_layer(outputs)
    check_texts(figure)
    rows, apart = figure.axes
    said = [text.get_text().replace("\n", " ") for text in rows.texts]
    assert said == ["4 different", "2 different", "all alike"]
    for at, (image, output) in enumerate(
        zip(rows.images, outputs.values(), strict=True)
    ):
        np.testing.assert_array_equal(image.get_array(), output)
        left, right, below, above = image.get_extent()
        assert left < at < right and above < below  # Row 0 is at the top.
    names = [label.get_text() for label in rows.get_yticklabels()]
    assert names == ["(0,0)→0", "(0,1)→1", "(1,0)→1", "(1,1)→0"]
    np.testing.assert_allclose(apart.lines[0].get_ydata(), [5, 0.25, np.nan])
    assert apart.get_yscale() == "log" and list(apart.lines[1].get_xdata()) == [2]


def test_histograms_keep_exact_zeros_apart_from_small_numbers():
    values = {"layer1": np.array([0, 0, 0, 1e-9, -1e-9, 1.0]), "last": np.full(7, 0.5)}
    arrays = [np.float32(x) for x in values.values()]
    counts, ends = histograms.count(arrays), histograms.find_ends(arrays)
    rows = dict(zip(values, histograms.rows(counts, ends), strict=True))
    figure = pictures.histograms_by_layer({"weights": rows, "gradients": rows})
    check_texts(figure)
    first, second, last, _ = figure.axes
    assert first.get_title() == "weights" and second.get_title() == "gradients"
    assert [first.get_ylabel(), last.get_ylabel()] == ["layer1", "last"]
    *bars, zeros = first.patches
    assert zeros.get_height() == 3 and zeros.get_hatch()
    assert zeros.get_x() + zeros.get_width() <= min(bar.get_x() for bar in bars)
    held = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]
    small = [
        bar.get_height()
        for bar, (low, high) in zip(bars, held, strict=True)
        if low <= np.log10(np.float32(1e-9)) <= high
    ]
    assert small == [1, 1]  # One of each sign.
    # One value is one narrow bar, which can be seen, and nothing at zero.
    [bar] = last.patches
    assert bar.get_height() == 7 and 0.03 < bar.get_width() < 0.2
    assert bar.get_x() <= np.log10(0.5) <= bar.get_x() + bar.get_width()
