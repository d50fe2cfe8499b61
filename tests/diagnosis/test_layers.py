"""Of a model's layers the sick are named, and measured by those that are well."""

import math

import pytest

from xorlab.diagnosis import (
    VANISHING,
    first_to_last,
    judge_gradients,
    judge_layers,
    judge_units,
)


def lines(gradient_rms, **not_finite):
    nothing = dict.fromkeys(gradient_rms, 0)
    return judge_layers(gradient_rms, nothing | not_finite).splitlines()


def test_layers_that_are_well_are_not_named():
    # However small, if all are: an optimizer's rate is for all of them.
    for scale in (1e-12, 1.0, 1e12):
        [line] = lines({"a": 0.002 * scale, "b": 1.0 * scale})
        assert line == "Every layer receives a gradient of its own size."


def test_a_layer_that_starves_is_told_by_the_one_that_receives_most():
    [line] = lines({"a": 1e-6, "b": 0.5, "c": 2.0})
    assert line.startswith("- **a** starves: its gradient, 1.0e-06, is less than")
    assert "of that of c, 2." in line


def test_a_layer_without_a_gradient_is_dead_and_does_not_starve():
    [line] = lines({"a": 0.0, "b": 1.0})
    assert line.startswith("- **a** receives no gradient at all: its units are dead")


def test_where_no_layer_receives_anything_all_are_named():
    assert [line[:7] for line in lines({"a": 0.0, "b": 0.0})] == ["- **a**", "- **b**"]


@pytest.mark.parametrize("rms", [math.nan, math.inf, 1e9])
def test_a_layer_that_is_not_finite_is_named_with_how_many_and_measures_no_other(rms):
    [line] = lines({"a": rms, "b": 0.5, "c": 0.1}, a=12)
    assert line.startswith("- **a** has 12 NaN or infinite entries in its gradient")


def test_where_all_layers_are_not_finite_all_are_named():
    named = lines({"a": math.nan, "b": math.nan}, a=1, b=2)
    assert [line[:11] for line in named] == ["- **a** has", "- **b** has"]


def test_weights_that_are_not_finite_are_no_dead_units():
    # A ReLU of NaN may return zero, and pass on none of the gradient.
    rms, nothing = {"a": 0.0, "b": 0.5}, {"a": 0, "b": 0}
    [line] = judge_layers(rms, nothing, {"a": 16, "b": 0}).splitlines()
    assert line.startswith("- **a** has 16 NaN or infinite weights")


def test_a_layer_that_has_lost_weights_and_gradients_is_told_of_once():
    lines = judge_layers({"a": math.nan}, {"a": 3}, {"a": 4}).splitlines()
    assert [line[:25] for line in lines] == ["- **a** has 4 NaN or infi"]


def test_layers_of_dead_units_are_told_and_others_are_not():
    shares = {"dead_units/a": 0.5, "dead_units/b/c": 0.98, "dead_units/d": 0.49}
    words = judge_units({**shares, "saturated_units/e": 1.0}).splitlines()
    told = [line.partition(" dead")[0] for line in words]
    assert told == ["- **a** is 50%", "- **b/c** is 98%"]
    assert judge_units({}) == ""


def test_a_ratio_needs_a_last_gradient_that_is_a_number():
    for last in (0.0, math.inf, math.nan):
        assert math.isnan(first_to_last({"a": 1.0, "last": last}))


@pytest.mark.parametrize("over", [0.99, 1.01])
def test_the_bounds_of_vanishing_and_exploding_are_those_that_are_said(over):
    reaches = "The gradient reaches the input"
    words = judge_gradients({"a": VANISHING * over, "last": 1.0})
    assert words.startswith("The gradient vanishes" if over < 1 else reaches)
    words = judge_gradients({"a": over / VANISHING, "last": 1.0})
    assert words.startswith(reaches if over < 1 else "The gradient explodes")


def test_a_single_strong_layer_is_enough_not_to_stand_still():
    words = judge_gradients({"a": 1e-9, "last": 1e-3})
    assert words.startswith("The gradient vanishes")
