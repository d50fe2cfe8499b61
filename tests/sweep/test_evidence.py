"""What a sweep's networks tell of themselves, against the NumPy oracle."""

import functools

import numpy as np
import pytest
from oracles.numpy_network import cost_and_gradients

from xorlab.models import data
from xorlab.sweep import evidence
from xorlab.sweep.engine import first_weights, program
from xorlab.sweep.evidence import known, look
from xorlab.sweep.grid import Grid
from xorlab.trial.facts import with_data


@pytest.mark.slow
def test_a_look_is_of_the_coming_step_and_makes_none():
    grid = Grid(activations=("tanh",), depths=(3,), learning_rates=(0.5,), seeds=2)
    [cell] = grid.cells
    networks = program(cell)
    weights = [first_weights(cell, seed) for seed in range(networks.networks)]
    # Of one, hardly any gradient comes to the first layer.
    weights[0][2::2] = [np.float32(1e-12) * kernel for kernel in weights[0][2::2]]
    state = networks.start(weights)
    steps = list(look(networks, state, cell))
    assert int(state.step) == 0 and len(steps) == networks.networks
    cost, _, gradients = cost_and_gradients(
        weights[1], data.INPUTS, data.LABELS, "tanh"
    )
    np.testing.assert_allclose(steps[1].loss, cost, rtol=1e-5)
    assert list(steps[1].layers) == [x.name for x in known(cell).layers]
    for row, layer in enumerate(steps[1].layers.values()):
        gradient = np.concatenate([np.ravel(x) for x in gradients[2 * row :][:2]])
        weight = np.concatenate([np.ravel(x) for x in weights[1][2 * row :][:2]])
        rms = np.sqrt(np.mean(gradient**2))
        np.testing.assert_allclose(layer.gradient_rms, rms, rtol=1e-4)
        np.testing.assert_allclose(
            layer.update_norm, 0.5 * np.linalg.norm(gradient), rtol=1e-3
        )
        np.testing.assert_allclose(layer.weight_norm, np.linalg.norm(weight), rtol=1e-5)
    # What has a square that is no float32 is small, and not zero.
    _, _, gradients = cost_and_gradients(weights[0], data.INPUTS, data.LABELS, "tanh")
    rms = np.sqrt(np.mean(np.concatenate([np.ravel(x) for x in gradients[:2]]) ** 2))
    first = next(iter(steps[0].layers.values()))
    np.testing.assert_allclose(first.gradient_rms, rms, rtol=1e-3)
    assert 0 < rms < 1e-23
    # Of the first layer, by hand: rows (0, 0) and (1, 1) against the other two.
    hidden = np.tanh(data.INPUTS @ weights[1][0] + weights[1][1])
    apart = [np.linalg.norm(hidden[a] - hidden[b]) for a in (0, 3) for b in (1, 2)]
    first, _, last = steps[1].layers.values()
    np.testing.assert_allclose(
        first.separation, min(apart) / np.abs(hidden).max(), rtol=1e-4
    )
    np.testing.assert_allclose(first.spread, hidden.std(0).max(), rtol=1e-4)
    # Of the last one, that of the scores, many of which are below zero.
    scores = np.tanh(hidden @ weights[1][2] + weights[1][3]) @ weights[1][4]
    assert (scores + weights[1][5]).min() < 0
    np.testing.assert_allclose(last.spread, scores.std(), rtol=1e-4)


def test_what_is_said_of_the_data_is_what_asking_them_tells():
    [cell] = Grid(activations=("relu",), depths=(3,)).cells
    told = known(cell)
    assert with_data(told, data.INPUTS, data.LABELS) == told


@pytest.mark.parametrize(
    ("activation", "width"), [("maxout", 5), ("sigmoid", 5), ("tanh", 32)]
)
def test_outputs_are_those_of_the_network_that_trains(activation, width):
    [cell] = Grid(activations=(activation,), depths=(4,), widths=(width,)).cells
    networks = program(cell)
    weights = [first_weights(cell, seed) for seed in range(networks.networks)]
    state = networks.start(weights)
    hidden, last = evidence._outputs(networks.each(state.weights), networks.activation)
    *layers, scores = networks._outputs(state.weights)
    same = functools.partial(np.testing.assert_allclose, rtol=0, atol=2e-6)
    if activation == "maxout":  # Of which each sum is made in the same order.
        same = np.testing.assert_array_equal
    for one, other in zip(hidden, layers, strict=True):
        same(one, np.moveaxis(other, networks.layout.axis, -1))
    [last] = last
    same(last[:, 0], scores)


def test_a_network_that_is_lost_changes_none_of_the_others():
    [cell] = Grid(activations=("tanh",), depths=(3,), learning_rates=(0.5,)).cells
    networks = program(cell)
    weights = [first_weights(cell, seed) for seed in range(networks.networks)]
    before = list(look(networks, networks.start(weights), cell))
    weights[1][2][0, 0] = np.nan  # Of the second layer.
    steps = list(look(networks, networks.start(weights), cell))
    assert steps[0] == before[0] and steps[2:] == before[2:]
    first, second, _ = steps[1].layers.values()
    assert (first.weight_not_finite, second.weight_not_finite) == (0, 1)
    well = before[1].layers["layer1"]
    assert (first.output_rms, first.weight_norm) == (well.output_rms, well.weight_norm)
    assert second.weight_norm is None and second.output_not_finite == 4
    assert not steps[1].is_finite and steps[0].is_finite
