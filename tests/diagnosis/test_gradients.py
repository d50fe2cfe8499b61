"""Of a model's layers the sick are named, and measured by those that are well."""

import math

import pytest

from xorlab.diagnosis import (
    first_to_last,
    judge_gradients,
)
from xorlab.diagnosis.gradients import VANISHING


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
