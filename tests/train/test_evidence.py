"""What a run has shown of its network is judged by what is known, and no more."""

import numpy as np
import pytest

from xorlab.steps.tap import Reading
from xorlab.train import Config
from xorlab.train.evidence import Seen, evidence_of

RNG = np.random.default_rng(4)
GRADIENT = np.float32([[3.0, 0.0], [0.0, 4.0]])


def last_step(**settings):
    """What is said of a step whose first layer has a gradient of norm 5."""
    weights = {
        name: RNG.normal(size=(2, 2)) for name in ("layer1/kernel", "last/kernel")
    }
    outputs = {"layer1": RNG.normal(size=(4, 2)), "last": RNG.uniform(size=(4, 1))}
    reading = Reading(weights, dict.fromkeys(weights, GRADIENT), outputs)
    config = Config(learning_rate=0.5, **settings)
    [step] = evidence_of(config, [Seen(0, 0.7, 0.5, reading)]).steps
    return step


@pytest.mark.parametrize(("optimizer", "norm"), [("sgd", 2.5), ("adam", None)])
def test_an_update_is_the_rate_times_the_gradient_by_sgd_alone(optimizer, norm):
    # Adam moves weights by about its rate, however small their gradient: no rate would
    # be too small for it, or too large, by the gradient.
    assert last_step(optimizer=optimizer).layers["layer1"].update_norm == norm


def test_rows_are_told_apart_in_hidden_layers():
    # Answers are near one another wherever little was learned yet; the cost says so.
    layers = last_step().layers
    assert layers["layer1"].separation > 0 and layers["last"].separation is None
