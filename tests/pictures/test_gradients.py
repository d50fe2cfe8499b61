"""The lecture in one picture shows the gradients that were recorded, layer by layer."""

import math

import numpy as np
import pytest
from oracles.figures import check_texts

from xorlab import pictures

LAYERS = [*(f"layer{n}" for n in range(1, 11)), "last"]
SIGMOID = {0: {x: 10.0 ** (n - 9) for n, x in enumerate(LAYERS)}}
SIGMOID[200_000] = {x: 3e-9 for x in LAYERS}
RELU = {0: dict.fromkeys(LAYERS, 0.02), 200_000: dict.fromkeys(LAYERS, 1e-6)}
BOTH = {"sigmoid, stuck": SIGMOID, "relu, learned": RELU}


def test_every_layer_s_gradient_is_drawn_on_one_log_scale():
    figure = pictures.gradients_by_layer(BOTH)
    check_texts(figure)
    assert [axes.get_title() for axes in figure.axes] == list(BOTH)
    assert {axes.get_yscale() for axes in figure.axes} == {"log"}
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    for axes, run in zip(figure.axes, BOTH.values(), strict=True):
        for line, rms in zip(axes.lines, run.values(), strict=False):
            np.testing.assert_allclose(line.get_ydata(), list(rms.values()))
        shown = [label.get_text() for label in axes.get_xticklabels()]
        assert shown == LAYERS and axes.get_xlabel() == "layer, from the input"
    assert "RMS (cost per unit of weight)" in figure.axes[0].get_ylabel()


def test_layers_that_receive_nearly_the_same_look_so():
    [axes] = pictures.gradients_by_layer({"": {0: {"layer1": 0.2, "last": 0.21}}}).axes
    bottom, top = axes.get_ylim()
    assert top / bottom >= 1e3


def test_a_line_is_a_thousandth_of_the_last_layer_s_at_the_first_step():
    for axes, run in zip(
        pictures.gradients_by_layer(BOTH).axes, BOTH.values(), strict=True
    ):
        (height, _), dash = axes.lines[-1].get_ydata(), axes.lines[-1].get_linestyle()
        assert height == pytest.approx(run[0]["last"] / 1000) and dash == ":"


def test_lines_of_two_steps_differ_in_more_than_colour():
    first, later, _ = pictures.gradients_by_layer({"relu": RELU}).axes[0].lines
    assert first.get_marker() != later.get_marker()
    assert first.get_linestyle() != later.get_linestyle()


def test_an_exact_zero_is_a_cross_at_the_edge():
    dead = dict.fromkeys(LAYERS, 0.0) | {"last": 0.5}
    figure = pictures.gradients_by_layer({"relu": {0: dead}})
    check_texts(figure)
    [axes] = figure.axes
    curve, crosses, _ = axes.lines
    assert np.isnan(curve.get_ydata()[:-1]).all() and curve.get_ydata()[-1] == 0.5
    assert list(crosses.get_xdata()) == list(range(10))
    assert set(crosses.get_ydata()) == {axes.get_ylim()[0]}
    [legend] = figure.legends
    # Of the line at 0.0005, which is below the edge, there is no word.
    assert [x.get_text() for x in legend.get_texts()] == ["step 0", "step 0: exactly 0"]


def test_a_layer_that_a_step_is_not_of_has_no_point_there():
    # As of two networks that are trained by turns.
    run = {0: {"one": 0.5, "two": 0.25, "last": 1.0}, 1: {"two": 0.125, "late": 2.0}}
    figure = pictures.gradients_by_layer({"by turns": run})
    [axes] = figure.axes
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert shown == ["one", "two", "last", "late"]
    first, second, _ = (line.get_ydata() for line in axes.lines)
    np.testing.assert_array_equal(first, [0.5, 0.25, 1.0, math.nan])
    np.testing.assert_array_equal(second, [math.nan, 0.125, math.nan, 2.0])
    pictures.gradients_over_time(run)


@pytest.mark.parametrize("rms", [0.0, math.nan, math.inf])
def test_a_network_without_one_usable_gradient_is_drawn(rms):
    gradients = {0: dict.fromkeys(LAYERS, rms)}
    check_texts(pictures.gradients_by_layer({"relu": gradients}))
    check_texts(pictures.gradients_over_time(gradients))


def test_many_long_names_can_be_read():
    names = [f"encoder/block_{n}/attention/query_projection" for n in range(60)]
    gradients = {step: dict.fromkeys(names, 0.1) for step in range(0, 10**7, 10**5)}
    by_layer = pictures.gradients_by_layer({"model": {0: gradients[0]}})
    over_time = pictures.gradients_over_time(gradients)
    for figure, ticks in (
        (by_layer, by_layer.axes[0].get_xticklabels()),
        (over_time, over_time.axes[0].get_yticklabels()),
    ):
        check_texts(figure)
        shown = [label.get_text() for label in ticks]
        assert len(shown) > 9 and len(set(shown)) == len(shown)


@pytest.mark.parametrize("layers", [1, 2])
def test_few_layers_leave_room_for_what_is_written_beside_them(layers):
    rms = {0: dict.fromkeys(LAYERS[:layers], math.nan) | {"last": 0.1}}
    check_texts(pictures.gradients_over_time(rms))
    [axes] = pictures.gradients_by_layer({"relu": rms}).axes
    # Inside, and not upon the edge, a layer without a point, too.
    assert axes.get_xlim() == (-0.5, layers + 0.5)


def test_what_is_not_finite_is_a_star_at_the_upper_edge():
    lost = {"a": math.nan, "b": math.inf, "c": 0.1}
    figure = pictures.gradients_by_layer({"relu": {0: lost}})
    check_texts(figure)
    [axes] = figure.axes
    curve, stars, _ = axes.lines
    assert list(stars.get_xdata()) == [0, 1]
    assert set(stars.get_ydata()) == {axes.get_ylim()[1]}
    assert np.isnan(curve.get_ydata()).tolist() == [True, True, False]
    assert "step 0: not finite" in [x.get_text() for x in figure.legends[0].get_texts()]


def test_over_time_a_row_is_a_layer_and_a_column_a_step():
    figure = pictures.gradients_over_time(SIGMOID)
    check_texts(figure)
    axes, bar = figure.axes
    [image] = axes.images
    table = np.array([[rms[layer] for rms in SIGMOID.values()] for layer in LAYERS])
    np.testing.assert_allclose(image.get_array(), table)
    low, high = image.get_clim()
    assert low <= table.min() and high >= table.max()
    assert [label.get_text() for label in axes.get_yticklabels()] == LAYERS
    assert [x.get_text() for x in axes.get_xticklabels()] == ["0", "200,000"]
    assert axes.get_xlabel() == "step" and "gradient RMS" in bar.get_ylabel()


def test_over_time_zero_and_nan_are_told_from_small_numbers():
    gradients = {0: {"a": 0.0, "b": math.nan, "c": 1e-9}}
    figure = pictures.gradients_over_time(gradients)
    [image] = figure.axes[0].images
    zero, nan, small = image.to_rgba(image.get_array())[:, 0]
    assert len({tuple(zero), tuple(nan), tuple(small)}) == 3
    [legend] = figure.legends
    said = [text.get_text() for text in legend.get_texts()]
    assert said == ["exactly 0", "none, or not finite"]
