"""A network's step tells what one of which each number was measured alone does."""

import math
import pickle

import numpy as np
import pytest

from xorlab.diagnosis import LayerStep, StepEvidence
from xorlab.sweep.networksteps import NetworkSteps

NAMES = ["layer1", "layer2", "layer3", "last"]
NETWORKS = 300
LOSSES = [0.5] * (NETWORKS - 2) + [math.inf, math.nan]
PROPERTIES = {x for x, value in vars(LayerStep).items() if isinstance(value, property)}
ASKED = sorted({*LayerStep._fields, *PROPERTIES})


def drawn():
    """Numbers of which some are zero, some infinite, and some were not measured."""
    rng = np.random.default_rng(5)
    numbers = {
        name: rng.choice([0.0, 0.25, 1.0, 3.0], size=(len(NAMES), NETWORKS))
        for name in LayerStep._fields
        if name != "rank"
    }
    for name, array in numbers.items():
        if name.endswith("not_finite"):
            array[rng.random(array.shape) < 0.8] = 0
            array[:, 0] = 0
        else:
            if name == "gradient_zeros":
                array[array > 1] = 0.5
            array[rng.random(array.shape) < 0.2] = np.nan
    numbers["update_norm"][0, :5] = np.inf
    numbers["weight_norm"][:, 7] = np.nan
    numbers["dead"] = numbers["dead"][:3]  # Of the hidden layers alone.
    return numbers


def plain(numbers, network):
    layers = {
        name: LayerStep(
            **{
                attribute: float(array[layer, network])
                for attribute, array in numbers.items()
                if layer < len(array) and not np.isnan(array[layer, network])
            }
        )
        for layer, name in enumerate(NAMES)
    }
    return StepEvidence(3, layers, loss=LOSSES[network], learning_rate=0.1)


@pytest.fixture(scope="module")
def steps():
    """Of each network: its step, and what it is to tell."""
    numbers = drawn()
    for array in numbers.values():
        array[:, -2:] = array[:, :1]  # The last two are as the first, but for the loss.
    told = NetworkSteps(3, 0.1, LOSSES, NAMES, numbers)
    return list(zip(told, (plain(numbers, x) for x in range(NETWORKS)), strict=True))


@pytest.mark.parametrize("attribute", ASKED)
def test_each_number_is_told_as_if_alone(steps, attribute):
    for step, alone in steps:
        told, expected = step.of_layers(attribute), alone.of_layers(attribute)
        assert list(told) == list(expected)
        np.testing.assert_allclose(list(told.values()), list(expected.values()))


def test_whether_it_is_finite_and_how_far_it_moves(steps):
    for step, alone in steps:
        assert step.is_finite == alone.is_finite
        assert step.update_ratio == alone.update_ratio
    assert steps[0][0].is_finite and not steps[-1][0].is_finite
    assert steps[7][1].update_ratio is None


def test_what_a_file_keeps_is_one_network_s(steps):
    for step, alone in steps[:9]:
        kept = pickle.loads(pickle.dumps(step))
        assert kept == alone and type(kept) is StepEvidence


def test_what_no_layer_has_is_not_nothing(steps):
    for step in steps[0]:
        with pytest.raises(AttributeError, match="gradient_rsm"):
            step.of_layers("gradient_rsm")
