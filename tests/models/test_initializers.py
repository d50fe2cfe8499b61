"""Starts: where they come from, and that they can be made again."""

import subprocess
import sys

import numpy as np
import pytest

from xorlab.models import data
from xorlab.models.initializers import INITIALIZERS, draw_kernel, initial_weights

# Which moment or property each distribution is defined by, at I = 40, O = 60.
LIMITS = {
    "uniform": 1.0,
    "data_dependent": 1.0,
    "glorot_uniform": np.sqrt(6 / 100),
}
DEVIATIONS = {"he_normal": np.sqrt(2 / 40), "lecun_normal": np.sqrt(1 / 40)}


def make(name, seed=0, widths=(2, 5, 5, 1), **kwargs):
    return initial_weights(name, seed, widths, data.INPUTS, np.tanh, **kwargs)


@pytest.mark.parametrize("name", LIMITS)
def test_uniform_starts_fill_their_interval(name):
    kernel = draw_kernel(name, seed=1, layer=1, inputs=40, outputs=60)
    limit = LIMITS[name]
    assert np.abs(kernel).max() <= limit
    assert np.abs(kernel).max() > 0.99 * limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.05)


@pytest.mark.parametrize("name", DEVIATIONS)
def test_normal_starts_have_their_deviation(name):
    kernel = draw_kernel(name, seed=1, layer=1, inputs=40, outputs=60)
    assert kernel.std() == pytest.approx(DEVIATIONS[name], rel=0.05)
    assert kernel.mean() == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("shape", [(5, 5), (2, 5), (5, 1)])
def test_orthogonal_kernels_are_orthogonal(shape):
    kernel = draw_kernel("orthogonal", 1, 1, *shape)
    small = min(shape)
    product = kernel.T @ kernel if shape[0] >= shape[1] else kernel @ kernel.T
    np.testing.assert_allclose(product, np.eye(small), atol=1e-12)


def test_orthogonal_kernels_are_not_all_of_one_sign():
    # Without the sign correction QR would leave the diagonal's sign fixed.
    corners = [draw_kernel("orthogonal", s, 1, 3, 3)[0, 0] for s in range(50)]
    assert 10 < np.sum(np.array(corners) > 0) < 40


@pytest.mark.parametrize("name", INITIALIZERS)
def test_two_seeds_or_layers_never_share_weights(name):
    seeds = (0, 1, 2, 2**32, 2**62, 2**63 - 2, 2**63 - 1)
    firsts = {make(name, seed=seed)[0].tobytes() for seed in seeds}
    assert len(firsts) == len(seeds)
    weights = make(name, widths=(2, 5, 5, 5))
    assert not np.array_equal(weights[2], weights[4])


@pytest.mark.parametrize("name", INITIALIZERS)
def test_weights_are_float32_as_models_hold_them(name):
    assert {weight.dtype for weight in make(name)} == {np.dtype("float32")}


@pytest.mark.slow
@pytest.mark.parametrize("name", INITIALIZERS)
def test_another_process_makes_the_same_weights(name):
    code = (
        "import numpy as np; from xorlab.models import data;"
        "from xorlab.models.initializers import initial_weights;"
        f"w = initial_weights({name!r}, 7, [2, 5, 1], data.INPUTS, np.tanh);"
        "print(np.concatenate([a.ravel() for a in w]).tobytes().hex())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    here = make(name, seed=7, widths=(2, 5, 1))
    assert printed.strip() == np.concatenate([a.ravel() for a in here]).tobytes().hex()


@pytest.mark.parametrize("name", INITIALIZERS[:-2])
def test_scale_multiplies_the_kernels_and_biases_are_zero(name):
    plain, scaled = make(name), make(name, scale=2.5)
    for before, after in zip(plain[::2], scaled[::2], strict=True):
        np.testing.assert_allclose(after, 2.5 * before, rtol=1e-6)
    assert not any(bias.any() for bias in scaled[1::2])


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_data_dependent_start_centres_units_and_scales_layers(pieces, scale):
    def activate(z):
        return np.maximum(z[:, :5], z[:, 5:]) if pieces == 2 else np.tanh(z)

    weights = initial_weights(
        "data_dependent", 3, [2, 5, 5, 1], data.INPUTS, activate, scale, pieces
    )
    rows = data.INPUTS
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        sums = rows @ kernel + bias
        np.testing.assert_allclose(sums.mean(0), 0, atol=1e-5)
        assert np.sqrt(np.mean(sums**2)) == pytest.approx(scale, rel=1e-4)
        if kernel.shape[1] > 1:
            rows = activate(sums)


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_lsuv_gives_every_layer_unit_variance_and_no_bias(pieces, scale):
    def activate(z):
        return np.maximum(z[:, :5], z[:, 5:]) if pieces == 2 else np.tanh(z)

    weights = initial_weights(
        "lsuv", 3, [2, 5, 5, 1], data.INPUTS, activate, scale, pieces
    )
    rows = data.INPUTS
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        sums = rows @ kernel
        assert np.std(sums) == pytest.approx(scale, rel=1e-5)
        assert not bias.any()
        if kernel.shape[1] > 1:
            rows = activate(sums)
    first = draw_kernel("orthogonal", 3, 1, 2, 5, pieces)
    np.testing.assert_allclose(weights[0] / weights[0][0, 0], first / first[0, 0], 1e-5)


@pytest.mark.parametrize("name", INITIALIZERS[-2:])
def test_starts_that_look_at_the_data_survive_a_dead_layer(name):
    weights = initial_weights(name, 0, [2, 5, 5, 1], data.INPUTS, np.zeros_like)
    assert all(np.isfinite(w).all() for w in weights)


def test_each_map_of_a_maxout_layer_is_drawn_apart():
    kernel = draw_kernel("orthogonal", 0, 1, 5, 5, pieces=2)
    for half in (kernel[:, :5], kernel[:, 5:]):
        np.testing.assert_allclose(half.T @ half, np.eye(5), atol=1e-12)
    assert not np.allclose(kernel[:, :5], kernel[:, 5:])
