"""The lecture's networks as Keras models."""

import keras
import numpy as np
import pytest
from oracles.numpy_network import cost_and_gradients

from xorlab import models
from xorlab.models import data
from xorlab.models.activations import ACTIVATIONS
from xorlab.models.layers import Affine
from xorlab.models.lecture import lecture_names
from xorlab.train import Config
from xorlab.train.training import network


def test_handmade_is_right_on_all_four_rows():
    hypothesis = models.handmade().predict(data.INPUTS, verbose=0)
    assert ((hypothesis > 0.5) == data.LABELS).all()
    assert np.abs(hypothesis - data.LABELS).max() < 0.03


def test_shallow_has_the_lecture_s_widths():
    shapes = [w.shape for w in models.shallow().get_weights()]
    assert shapes == [(2, 5), (5,), (5, 4), (4,), (4, 1), (1,)]


def test_deep_has_eleven_named_weight_layers():
    model = models.deep()
    named = [layer.name for layer in model.layers[1:]]
    assert named == [f"layer{n}" for n in range(1, 11)] + ["last"]
    kernels = [w.shape for w in model.get_weights()[::2]]
    assert kernels == [(2, 5)] + [(5, 5)] * 9 + [(5, 1)]


def test_a_network_of_two_layers_has_a_first_and_a_last():
    assert [x.name for x in models.deep(depth=2, width=3).layers[1:]] == [
        "layer1",
        "last",
    ]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_predictions_match_numpy(activation):
    model = models.deep(activation, depth=5, seed=1)
    _, hypothesis, _ = cost_and_gradients(
        model.get_weights(), data.INPUTS, data.LABELS, activation
    )
    np.testing.assert_allclose(
        model.predict(data.INPUTS, verbose=0), hypothesis, rtol=1e-5
    )


@pytest.mark.slow
def test_a_saved_model_comes_back_whole(tmp_path):
    x = keras.Input((2,))
    # Of one affine map a unit, and of two.
    outputs = Affine(1, "sigmoid")(Affine(4, "maxout")(Affine(3, "relu")(x)))
    model = models.FusedModel(x, outputs)
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=w.shape) for w in model.weights])
    momentum = keras.optimizers.SGD(0.1, momentum=0.9)  # Has a state of its own.
    model.compile(momentum, "binary_crossentropy")
    model.fit(data.INPUTS, data.LABELS, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded(data.INPUTS), model(data.INPUTS))
    for both in (model, loaded):
        both.fit(data.INPUTS, data.LABELS, epochs=3, verbose=0)
    assert loaded.jit_compile and int(loaded.optimizer.iterations) == 4
    for ours, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_same_seed_makes_the_same_network_again():
    first, again, other = models.deep(seed=5), models.deep(seed=5), models.deep(seed=6)
    for a, b, c in zip(
        *(m.get_weights()[::2] for m in (first, again, other)), strict=True
    ):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_a_config_makes_the_network_it_describes():
    config = Config(activation="elu", depth=4, width=3, seed=9, initializer="he_normal")
    wanted = models.deep("elu", 4, 3, seed=9, initializer="he_normal").get_weights()
    for a, b in zip(network(config).get_weights(), wanted, strict=True):
        np.testing.assert_array_equal(a, b)
    scaled = network(Config(activation="elu", depth=4, width=3, init_scale=0.5))
    wanted = models.deep("elu", 4, 3, init_scale=0.5).get_weights()
    for a, b in zip(scaled.get_weights(), wanted, strict=True):
        np.testing.assert_array_equal(a, b)
    shallow = network(Config(network="shallow", activation="tanh"))
    assert shallow.name == "shallow" and shallow.layers[1].activation.name == "tanh"
    assert network(Config(network="handmade")).name == "handmade"


def test_wrong_arguments_are_refused_in_words():
    with pytest.raises(ValueError, match="did you mean 'sigmoid'"):
        models.deep("sigmoyd")
    with pytest.raises(ValueError, match="depth: expected .* at least 2; received 1"):
        models.deep(depth=1)
    with pytest.raises(ValueError, match="width: expected .* at least 1; received 0"):
        models.deep(width=0)
    with pytest.raises(ValueError, match="did you mean 'uniform'"):
        models.shallow(initializer="uniforn")
    with pytest.raises(ValueError, match="seed: expected .* at least 0; received -1"):
        models.shallow(seed=-1)
    with pytest.raises(ValueError, match="init_scale: expected .* received 0"):
        models.shallow(init_scale=0)


def test_another_backend_is_refused(monkeypatch):
    x = keras.Input((2,))
    fused = models.FusedModel(x, keras.layers.Dense(1)(x))
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    for make in (models.handmade, models.shallow, models.deep, fused.compile):
        with pytest.raises(RuntimeError, match="expected tensorflow; received jax"):
            make()


@pytest.mark.parametrize("make", [models.shallow, models.deep])
def test_a_start_is_scaled_as_it_is_asked_to(make):
    plain, scaled = make(seed=4), make(seed=4, init_scale=2.5)
    for one, other in zip(plain.get_weights(), scaled.get_weights(), strict=True):
        np.testing.assert_allclose(other, 2.5 * one, rtol=1e-6)


def test_lecture_names_count_the_weights():
    names = lecture_names(models.deep())
    assert names["layer6/kernel"] == "Weight6"
    assert names["last/bias"] == "Bias11"
    assert len(set(names.values())) == 22
