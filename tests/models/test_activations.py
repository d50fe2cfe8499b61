"""Every activation against NumPy, where numbers are ordinary, large and missing."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from oracles.numpy_network import FUNCTIONS

from xorlab.models.activations import ACTIVATIONS

FUNCTION_NAMES = sorted(set(ACTIVATIONS) - {"maxout"})
ORDINARY = np.linspace(-6, 6, 241)
LARGE = np.array([-1e4, -100.0, -30.0, 30.0, 100.0, 1e4])
# Zero itself is apart: there the slopes of relu and leaky_relu are a choice.
CASES = {
    "ordinary": ORDINARY[ORDINARY != 0],
    "large": LARGE,
    "zero": np.zeros(1),
    "missing": np.array([1.0, np.nan, -1.0]),
}


@functools.cache
def of_cases(name, jit):
    """The arguments of each case in float32, and the values and slopes there.

    One program has them all: XLA compiles one for each length.
    """
    z = np.concatenate(list(CASES.values())).astype(np.float32)
    arrays = (z, *values_and_slopes(ACTIVATIONS[name], z, jit))
    ends = np.cumsum([len(case) for case in CASES.values()])[:-1]
    by_case = zip(*(np.split(array, ends) for array in arrays), strict=True)
    return dict(zip(CASES, by_case, strict=True))


def values_and_slopes(activation, z, jit):
    @tf.function(jit_compile=jit)
    def both(z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            a = activation(z)
        return a, tape.gradient(a, z)

    return [t.numpy() for t in both(tf.constant(z, tf.float32))]


def test_the_oracle_knows_every_function():
    assert sorted(FUNCTIONS) == FUNCTION_NAMES


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
@pytest.mark.parametrize("name", FUNCTION_NAMES)
def test_values_and_slopes_match_numpy(name, jit):
    for case in ("ordinary", "large"):
        z, a, slope = of_cases(name, jit)[case]
        f, f_slope = FUNCTIONS[name]
        np.testing.assert_allclose(a, f(z.astype(float)), rtol=1e-5, atol=2e-6)
        np.testing.assert_allclose(
            slope, f_slope(z.astype(float)), rtol=1e-5, atol=2e-6
        )


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
@pytest.mark.parametrize("name", FUNCTION_NAMES)
def test_slope_at_zero_is_the_same_in_and_out_of_xla(name, jit):
    _, _, [slope] = of_cases(name, jit)["zero"]
    expected = FUNCTIONS[name][1](np.zeros(1))[0]
    np.testing.assert_allclose(slope, expected, rtol=1e-6)


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
@pytest.mark.parametrize("name", FUNCTION_NAMES)
def test_nan_stays_visible_and_touches_no_neighbour(name, jit):
    _, a, slope = of_cases(name, jit)["missing"]
    assert np.isnan(a).tolist() == [False, True, False]
    assert np.isfinite(slope[[0, 2]]).all()


@pytest.mark.parametrize("name", FUNCTION_NAMES)
def test_largest_slope_is_reached_and_not_exceeded(name):
    z = np.linspace(-20, 20, 400_001)
    largest = np.abs(FUNCTIONS[name][1](z)).max()
    assert largest == pytest.approx(ACTIVATIONS[name].largest_slope, rel=1e-6)


def test_leaky_relu_has_the_lecture_s_slope():
    assert ACTIVATIONS["leaky_relu"]([-1.0]).numpy() == pytest.approx(-0.1)


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
def test_maxout_takes_the_larger_map_and_hands_it_the_gradient(jit):
    z = [[1.0, 5.0, -1e4, 2.0, 5.0, 1e4]]  # Units (1, 2), (5, 5) and (-1e4, 1e4).
    a, slope = values_and_slopes(ACTIVATIONS["maxout"], z, jit)
    assert a.tolist() == [[2.0, 5.0, 1e4]]
    assert slope.tolist() == [[0.0, 1.0, 0.0, 1.0, 0.0, 1.0]]


def test_every_activation_says_where_it_comes_from():
    for name, activation in ACTIVATIONS.items():
        assert activation.name == name
        assert activation.formula and activation.source


@pytest.mark.parametrize("name", FUNCTION_NAMES)
def test_slope_is_the_oracle_s(name):
    slope = ACTIVATIONS[name].slope(ORDINARY[ORDINARY != 0]).numpy()
    expected = FUNCTIONS[name][1](ORDINARY[ORDINARY != 0])
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-8)
