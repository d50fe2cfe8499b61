"""The lecture's claims, and where they end."""

import functools

import keras
import numpy as np
import pytest

from xorlab import models, train
from xorlab.models import data
from xorlab.steps import StepTap, rms_by_layer
from xorlab.train import Config


@pytest.fixture(scope="module")
def lecture(tmp_path_factory):
    """The runs of the lecture in full, by their settings, each done once."""
    logdir = str(tmp_path_factory.mktemp("lecture"))

    @functools.cache
    def run(**settings):
        return train.run(Config(**settings, histograms=False, logdir=logdir))

    return run


@pytest.mark.slow
def test_deep_sigmoid_does_not_learn(lecture):
    result = lecture(activation="sigmoid")
    assert result["steps_done"] == 200_000
    assert round(result["cost"], 4) == 0.6931
    assert np.abs(np.array(result["hypothesis"]) - 0.5).max() < 0.001
    assert result["accuracy"] in (0.5, 0.75)
    start = result["gradient_rms"]["start"]
    assert start["layer1"] * 1e6 < start["last"]


@pytest.mark.slow
def test_deep_relu_learns_on_the_default_seed(lecture):
    result = lecture(activation="relu")
    assert result["accuracy"] == 1.0
    assert result["cost"] < 0.001


@pytest.mark.slow
def test_deep_relu_fails_on_another_seed(lecture):
    result = lecture(activation="relu", seed=0, steps=20_000)
    assert result["accuracy"] < 1.0


@pytest.mark.slow
def test_shallow_sigmoid_learns(lecture):
    result = lecture(activation="sigmoid", network="shallow")
    assert result["accuracy"] == 1.0
    assert result["cost"] < 0.001


@pytest.mark.slow
def test_deep_sigmoid_learns_from_a_better_start():
    def start(seed):
        return models.deep("sigmoid", seed=seed, initializer="data_dependent")

    model, solved = start(0), 0  # One program for all seeds.
    model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy", jit_compile=True)
    model.steps_per_execution = 20_000
    for seed in range(10):
        model.set_weights(start(seed).get_weights())
        model.fit(data.INPUTS, data.LABELS, verbose=0)
        hypothesis = model(data.INPUTS).numpy()
        solved += ((hypothesis > 0.5) == data.LABELS).all()
    assert solved >= 9


@pytest.mark.slow
def test_sigmoid_s_gradient_shrinks_with_every_layer_towards_the_input(lecture):
    rms = list(lecture(activation="sigmoid")["gradient_rms"]["start"].values())
    assert len(rms) == 11
    # σ' is at most 1/4: with weights below 1 no layer hands on as much as it got.
    assert all(nearer < farther for nearer, farther in zip(rms, rms[1:], strict=False))


@pytest.mark.slow
def test_tanh_s_gradient_stays_within_two_decades():
    model = models.deep("tanh", seed=22)
    model.compile("sgd", "binary_crossentropy", jit_compile=False)
    tap = StepTap(model, rows=4)
    with tap.attached():
        model.fit(data.INPUTS, data.LABELS, verbose=0)
    rms = rms_by_layer(tap.read().gradients).values()
    assert max(rms) / min(rms) < 100
