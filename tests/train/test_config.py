"""A run's settings check themselves, in words that help."""

import inspect

import keras
import pytest

from xorlab.models import OPTIMIZERS
from xorlab.train import Config


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("activation", "rellu", "did you mean 'relu'"),
        ("activation", "ReLU", "did you mean 'relu'"),
        ("network", "deeper", "did you mean 'deep'"),
        ("initializer", "he", "did you mean 'he_normal'"),
        ("optimizer", "sdg", "did you mean 'sgd'"),
        ("depth", 1, "at least 2; received 1"),
        ("width", 0, "at least 1; received 0"),
        ("steps", 0, "at least 1; received 0"),
        ("steps", 2.5, "whole number .* received 2.5"),
        ("log_every", -5, "at least 1; received -5"),
        ("seed", -1, "at least 0; received -1"),
        ("seed", 2**63, "less than 9223372036854775808"),
        ("steps", 10**30, "less than 9223372036854775808"),
        ("depth", 10**20, "less than 9223372036854775808"),
        ("run_name", "a\nb", "text of one line; received 'a.nb'; leave out '.n'"),
        ("run_name", "a\x1b[31m", "text of one line"),
        ("run_name", "a\udcff", "text of one line"),
        ("run_name", "a\u2028b", "text of one line"),
        ("logdir", "a\x00", "text of one line"),
        ("learning_rate", 0.0, "positive finite number; received 0.0"),
        ("learning_rate", float("nan"), "positive finite number; received nan"),
        ("learning_rate", float("inf"), "positive finite number; received inf"),
        ("init_scale", -1.0, "positive finite number; received -1.0"),
        ("run_name", "../elsewhere", "one folder; received '../elsewhere'"),
        ("run_name", "..", "one folder; received '..'"),
    ],
)
def test_a_wrong_setting_is_named_with_its_mend(field, value, words):
    with pytest.raises(ValueError, match=f"^{field}: expected .*{words}"):
        Config(**{field: value})


def test_defaults_are_the_lecture_s():
    config = Config()
    assert (config.activation, config.network) == ("relu", "deep")
    assert (config.depth, config.width) == (11, 5)
    assert (config.initializer, config.init_scale) == ("uniform", 1)
    assert (config.optimizer, config.learning_rate) == ("sgd", 0.1)
    assert (config.steps, config.log_every) == (200_000, 2_000)


def test_a_run_is_named_after_what_it_is():
    assert Config(activation="elu", seed=7).run_dir.as_posix() == "logs/deep-elu-seed7"
    assert Config(network="shallow", run_name="mine").run_dir.name == "mine"


def test_the_handmade_network_is_always_sigmoid():
    assert Config(network="handmade").run_name.startswith("handmade-sigmoid")


def test_optimizer_names_are_keras_s():
    # Two wrap other optimizers, and Optimizer is their base.
    wrappers = {"LossScaleOptimizer", "MultiOptimizer", "Optimizer"}
    known = {
        name
        for name, member in vars(keras.optimizers).items()
        if inspect.isclass(member) and issubclass(member, keras.optimizers.Optimizer)
    }
    newest = {"ScheduleFreeAdamW"}  # Since Keras 3.15.
    classes = {kind for kind, _ in OPTIMIZERS.values()}
    assert classes == (known - wrappers) | newest


def test_an_optimizer_that_this_keras_has_not_is_refused(monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda package: "3.12.1")
    Config(optimizer="adam")
    with pytest.raises(ValueError, match="Keras 3.12.1 has .* install Keras 3.15"):
        Config(optimizer="schedulefreeadamw")


@pytest.mark.parametrize("rate", [1e-300, 1e-39, 1e39])
def test_a_number_that_single_precision_cannot_hold_is_refused(rate):
    with pytest.raises(ValueError, match="learning_rate: .* single precision can hold"):
        Config(learning_rate=rate)
