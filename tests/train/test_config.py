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
    assert Config(network="handmade").run_name == "handmade-sigmoid-seed22"


@pytest.mark.parametrize(
    ("network", "field", "value"),
    [
        ("shallow", "depth", 5),
        ("shallow", "width", 6),
        ("handmade", "activation", "tanh"),
        ("handmade", "depth", 3),
        ("handmade", "width", 3),
        ("handmade", "initializer", "he_normal"),
        ("handmade", "init_scale", 2.0),
        ("handmade", "seed", 1),
        ("handmade", "remedies", True),
    ],
)
def test_what_a_network_would_ignore_is_refused(network, field, value):
    with pytest.raises(ValueError, match=f"^{field}: .*as network {network} has; "):
        Config(network=network, **{field: value})
    Config(**{field: value})


def test_no_two_experiments_have_one_folder():
    others = {
        "activation": "tanh",
        "network": "shallow",
        "depth": 5,
        "width": 6,
        "initializer": "he_normal",
        "init_scale": 1.0 + 1e-9,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "steps": 1000,
        "log_every": 10,
        "seed": 1,
        "histograms": False,
        "device": "GPU:0",
        "jit": False,
    }
    no_part = {"logdir", "run_name", "overwrite", "remedies"}
    assert others.keys() == Config.__dataclass_fields__.keys() - no_part
    dirs = {Config(**{name: value}).run_dir for name, value in others.items()}
    assert len(dirs | {Config().run_dir}) == 1 + len(others)
    name = Config(depth=5, initializer="he_normal", learning_rate=0.01, jit=False)
    assert name.run_name == "deep-relu-seed22-depth5-he_normal-learning_rate0.01-nojit"
    assert Config(overwrite=True, remedies=True).run_dir == Config().run_dir


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
