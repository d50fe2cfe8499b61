"""The gradients read from the training step are the true ones."""

import keras
import numpy as np
import pytest
from oracles.numpy_network import cost_and_gradients

from xorlab import models
from xorlab.models import data
from xorlab.models.activations import ACTIVATIONS
from xorlab.models.fused import FusedModel
from xorlab.models.layers import Affine
from xorlab.steps import StepTap, rms_by_layer


def tapped(model, steps=1, jit=True, labels=data.LABELS):
    """Trains, and returns the weights before the last step and the tap's reading."""
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"], jit_compile=jit)
    tap = StepTap(model, rows=4)
    with tap.attached():
        model.steps_per_execution = steps
        history = model.fit(data.INPUTS, labels, verbose=0)
    return tap.read(), history.history["loss"][-1]


def assert_equal(ours, expected):
    for one, other in zip(ours, expected, strict=True):
        # Sums of terms that cancel are as good as their largest term.
        np.testing.assert_allclose(
            one, other, rtol=1e-4, atol=1e-4 * np.abs(other).max()
        )


def assert_equal_in_a_deep_network(activation, depth, jit):
    """Returns the gradients that were read."""
    model = models.deep(activation, depth, seed=3)
    before = model.get_weights()
    reading, cost = tapped(model, jit=jit)
    expected_cost, hypothesis, gradients = cost_and_gradients(
        before, data.INPUTS, data.LABELS, activation
    )
    assert cost == pytest.approx(expected_cost, rel=1e-5)
    np.testing.assert_allclose(reading.activations["last"], hypothesis, rtol=1e-5)
    assert_equal(reading.gradients.values(), gradients)
    return reading.gradients


@pytest.mark.slow
def test_they_equal_numpy_s_backpropagation_in_a_deep_network():
    assert_equal_in_a_deep_network("relu", 11, jit=False)


@pytest.mark.slow
def test_they_are_true_where_they_are_tiny():
    read = assert_equal_in_a_deep_network("sigmoid", 15, jit=True)
    assert 0 < np.abs(read["layer1/kernel"]).max() < 1e-8


@pytest.mark.slow
@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
def test_they_equal_numpy_s_backpropagation_for_every_activation(jit):
    # XLA takes seconds for each; `test_fused.py` has it compile them all.
    names = ("sigmoid", "relu", "maxout") if jit else ACTIVATIONS
    # Side by side in one model, since each would be compiled for seconds.
    x = keras.Input((2,))
    outputs = []
    for name in names:
        hidden = Affine(5, name, name=f"{name}_first")(x)
        outputs.append(Affine(1, "sigmoid", name=f"{name}_last")(hidden))
    model = FusedModel(x, keras.layers.Concatenate()(outputs))
    parts = ("_first/kernel", "_first/bias", "_last/kernel", "_last/bias")
    before = {}
    for name in names:
        before[name] = models.deep(name, depth=2, seed=3).get_weights()
        for part, value in zip(parts, before[name], strict=True):
            [weight] = [v for v in model.weights if v.path == name + part]
            weight.assign(value)
    labels = np.repeat(data.LABELS, len(before), axis=1)
    reading, cost = tapped(model, jit=jit, labels=labels)
    costs = []
    for name, weights in before.items():
        expected_cost, hypothesis, gradients = cost_and_gradients(
            weights, data.INPUTS, data.LABELS, name
        )
        costs.append(expected_cost)
        activation = reading.activations[f"{name}_last"]
        np.testing.assert_allclose(activation, hypothesis, rtol=1e-5)
        # The cost is the mean of theirs.
        ours = [len(before) * reading.gradients[name + part] for part in parts]
        assert_equal(ours, gradients)
    assert cost == pytest.approx(np.mean(costs), rel=1e-5)


@pytest.fixture(scope="module")
def of_many_steps():
    """A network that was tapped for 20 steps, the tap's reading, and the cost."""
    model = models.deep("tanh", depth=3, seed=3)
    return model, *tapped(model, steps=20)


@pytest.mark.slow
def test_the_reading_is_of_the_last_step_and_of_one_network(of_many_steps):
    _, reading, cost = of_many_steps
    expected_cost, hypothesis, gradients = cost_and_gradients(
        list(reading.weights.values()), data.INPUTS, data.LABELS, "tanh"
    )
    assert cost == pytest.approx(expected_cost, rel=1e-5)
    np.testing.assert_allclose(reading.activations["last"], hypothesis, rtol=1e-4)
    for ours, expected in zip(reading.gradients.values(), gradients, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_the_tap_leaves_the_training_as_it_is(of_many_steps):
    with_tap, *_ = of_many_steps
    without = models.deep("tanh", depth=3, seed=3)
    without.compile("sgd", "binary_crossentropy", jit_compile=True)
    without.steps_per_execution = 20
    without.fit(data.INPUTS, data.LABELS, verbose=0)
    for ours, theirs in zip(with_tap.get_weights(), without.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert "apply" not in vars(with_tap.optimizer)
    assert not any("call" in vars(layer) for layer in with_tap.layers)
    before = with_tap.get_weights()[0]
    with_tap.fit(data.INPUTS, data.LABELS, verbose=0)
    assert not np.array_equal(with_tap.get_weights()[0], before)


def test_nothing_is_read_before_the_first_step():
    model = models.deep(depth=2)
    reading = StepTap(model, rows=4).read()
    paths = ["layer1/kernel", "layer1/bias", "last/kernel", "last/bias"]
    assert list(reading.weights) == list(reading.gradients) == paths
    # The input is no layer's output.
    assert list(reading.activations) == ["layer1", "last"]
    for arrays in (reading.weights, reading.gradients, reading.activations):
        # A zero would read as a layer that is dead.
        assert all(np.isnan(array).all() for array in arrays.values())
    assert reading.activations["layer1"].shape == (4, 5)


def test_rms_is_over_all_entries_of_a_layer():
    rms = rms_by_layer(
        {"a/kernel": np.full((2, 2), 3.0), "a/bias": np.zeros(5), "b/kernel": [4.0]}
    )
    assert rms == {"a": pytest.approx(2.0), "b": pytest.approx(4.0)}


def test_rms_does_not_underflow():
    assert rms_by_layer({"a/kernel": np.float32([1e-30])}) == {
        "a": pytest.approx(1e-30, rel=1e-6, abs=0)
    }
