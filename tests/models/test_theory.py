"""Mean-field theory against networks: it holds where they are wide."""

import numpy as np
import pytest
from oracles.numpy_network import _forward, cost_and_gradients

from xorlab.models import data
from xorlab.models.activations import ACTIVATIONS
from xorlab.models.initializers import (
    INITIALIZERS,
    draw_kernel,
    initial_weights,
    variance,
)
from xorlab.models.theory import mean_field

DEPTH, SEEDS = 5, 8
# Every activation from one start, and every start with one activation.
STARTS = [(name, "he_normal") for name in ACTIVATIONS]
STARTS += [("tanh", name) for name in INITIALIZERS if name != "he_normal"]


def measured_rms(activation, width, initializer):
    """Root mean square over networks of each layer's gradient RMS, by the oracle."""
    squares = []
    for seed in range(SEEDS):
        weights = initial_weights(
            initializer,
            seed,
            [2] + [width] * (DEPTH - 1) + [1],
            data.INPUTS,
            lambda z: _forward(activation, z),
            pieces=ACTIVATIONS[activation].pieces,
        )
        _, _, gradients = cost_and_gradients(
            weights, data.INPUTS, data.LABELS, activation
        )
        pairs = zip(gradients[::2], gradients[1::2], strict=True)
        layers = [np.concatenate([np.ravel(x) for x in pair]) for pair in pairs]
        squares.append([np.mean(layer**2) for layer in layers])
    return np.sqrt(np.mean(squares, axis=0))


def error_of_ratios(activation, width, initializer):
    """The largest error of a hidden layer's RMS by the last hidden layer's, above 1."""
    predicted = mean_field(activation, DEPTH, width, initializer=initializer)
    off = measured_rms(activation, width, initializer) / predicted.gradient_rms
    ratios = off[:-1] / off[-2]
    return max(ratios.max(), 1 / ratios.min())


@pytest.mark.parametrize(("activation", "initializer"), STARTS)
def test_wide_networks_start_as_predicted_within_a_third(activation, initializer):
    assert error_of_ratios(activation, 128, initializer) < 4 / 3


def test_networks_of_the_lecture_s_width_do_not():
    assert error_of_ratios("silu", 5, "he_normal") > 1.5


@pytest.mark.parametrize("initializer", ["uniform", "he_normal", "lecun_normal"])
def test_gradients_themselves_are_as_predicted(initializer):
    predicted = mean_field("relu", DEPTH, 128, initializer=initializer).gradient_rms
    measured = measured_rms("relu", 128, initializer)
    np.testing.assert_allclose(measured, predicted, rtol=0.25)


def test_sizes_of_the_start_that_papers_name_keep_gradients():
    # He et al. 2015; LeCun et al. 1998 with no non-linearity; Goodfellow's maxout.
    for activation, initializer in [
        ("relu", "he_normal"),
        ("identity", "lecun_normal"),
        ("maxout", "lecun_normal"),
    ]:
        chi = mean_field(activation, 6, 20, initializer=initializer).chi
        np.testing.assert_allclose(chi, 1, rtol=1e-3)


def test_the_lecture_s_start_shrinks_sigmoid_s_gradient_below_its_bound():
    start = mean_field("sigmoid", 11, 5)
    # width · Var(U(-1, 1)) · (1/4)².
    np.testing.assert_allclose(start.bound, [5 / 3 / 16] * 9)
    assert all(0.08 < chi < 0.1 for chi in start.chi)
    assert start.gradient_rms[0] / start.gradient_rms[-1] < 1e-5


@pytest.mark.parametrize("initializer", INITIALIZERS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_no_factor_is_above_its_bound(name, initializer):
    start = mean_field(name, 4, 5, initializer=initializer, init_scale=2.0)
    pairs = zip(start.chi, start.bound, strict=True)
    assert all(0 < chi <= bound * (1 + 1e-6) for chi, bound in pairs)


@pytest.mark.parametrize("shape", [(40, 60), (60, 40)])
@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_variance_of_a_start_is_that_of_its_draws(name, shape):
    kernels = [draw_kernel(name, seed, 1, *shape) for seed in range(5)]
    assert np.var(kernels) == pytest.approx(variance(name, *shape), rel=0.05)
