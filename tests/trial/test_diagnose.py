"""`xorlab.diagnose`: what a clone tells, and that nothing else is touched."""

import itertools
import random
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import xorlab
from xorlab.diagnosis import recommended
from xorlab.trial import remedies
from xorlab.trial.batches import Batches

RANDOM = np.random.default_rng(0)
Y = RANDOM.integers(0, 2, 96)
X = (RANDOM.normal(size=(96, 4)) + 2 * Y[:, None]).astype("float32")


class NoConfig(keras.layers.Layer):
    """A user's own layer, which does not say how it is built."""

    def __init__(self, units):
        super().__init__(name="mine")
        self.inner = keras.layers.Dense(units)

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        raise NotImplementedError


def compiled(*hidden, optimizer="adam", ends="sigmoid"):
    keras.utils.set_random_seed(0)
    last = keras.layers.Dense(1, ends)
    model = keras.Sequential([keras.Input((4,)), *hidden, last])
    model.compile(optimizer, "binary_crossentropy")
    return model


def draw():
    return [tf.random.uniform([2]).numpy(), keras.random.uniform([2]).numpy()]


def random_state():
    """What the next random numbers will be, as far as they can be read."""
    return (
        random.getstate(),
        str(np.random.get_state()),
        tf.random.get_global_generator().state.numpy().tolist(),
    )


@pytest.mark.slow
def test_model_optimizer_and_random_numbers_stay_as_they_are(capsys):
    model = compiled(
        NoConfig(3), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)
    )
    model.train_on_batch(X, Y)
    variables = [*model.variables, *model.optimizer.variables]
    before = [np.array(v) for v in variables]
    train_function = model.train_function
    keras.utils.set_random_seed(7)
    expected = draw()
    keras.utils.set_random_seed(7)
    np.testing.assert_array_equal(draw(), expected)
    expected = draw()
    keras.utils.set_random_seed(7)
    draw()  # Now there is a global seed generator.
    state = random_state()
    verdict = xorlab.diagnose(model, X, Y, steps=5)
    assert random_state() == state
    np.testing.assert_array_equal(draw(), expected)
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(np.array(variable), value)
    assert model.train_function is train_function
    assert "do not rebuild them: mine" in verdict.not_seen[-1]
    assert verdict.words() in capsys.readouterr().out


@pytest.mark.slow
def test_what_vanishes_is_said_and_its_cure_is_tried(capsys):
    deep = [keras.layers.Dense(6, "sigmoid") for _ in range(6)]
    model = compiled(*deep, optimizer=keras.optimizers.SGD(0.3))
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    verdict = xorlab.diagnose(model, data, remedies=True, steps=60)
    assert verdict.cause == "vanishing"
    # Many that learn begin like that: nothing is said before it is seen to be stuck.
    assert "Before any update" not in capsys.readouterr().out
    as_it_is, *changes = verdict.tried
    assert (as_it_is.change, as_it_is.learned) == ("as it is", False)
    # Each kind that the finding advises, and none that it does not.
    kinds = {x for finding in verdict.findings for x in finding.remedies}
    assert {x.remedy for x in changes} == kinds
    assert "activation" in [x.remedy for x in recommended(verdict.tried)]
    for change in recommended(verdict.tried):
        assert change.change in verdict.words().splitlines()[-1]
        assert change.after < 0.5 * as_it_is.after


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are using a softmax over axis -1")
def test_an_output_that_does_not_fit_is_known_before_training(capsys):
    verdict = xorlab.diagnose(
        compiled(optimizer=keras.optimizers.Adam(0.05), ends="softmax"),
        X,
        Y,
        remedies=True,
        steps=10,
    )
    assert verdict.cause == "output"
    said = capsys.readouterr().out
    assert said.startswith("Before any update: A softmax over one")
    assert said.count("Before any update") == 1
    assert "sigmoid at the output" in [x.change for x in verdict.tried]


def slow():
    return compiled(optimizer=keras.optimizers.SGD(1e-7))


@pytest.mark.slow
def test_no_change_is_begun_when_the_time_is_over(capsys):
    given = {"remedies": True, "steps": 60, "seconds": 1e-9, "verbose": False}
    given["planned_steps"] = 100
    weights = np.full(len(X), 3.0)
    verdict = xorlab.diagnose(slow(), X, Y, sample_weight=weights, **given)
    assert capsys.readouterr() == ("", "")
    assert verdict.cause == "rate_too_small"
    # From the first that was seen to the last that is planned.
    assert verdict.findings[0].why.startswith("All 99 steps")
    [as_it_is] = verdict.tried
    assert as_it_is.change == "as it is"
    # Rows count what their weights say.
    x, y, _ = next(iter(Batches(X, Y, 32, 0)))
    p = np.array(slow()(x))[:, 0]
    loss = -np.mean(np.where(y, np.log(p), np.log(1 - p)))
    assert as_it_is.before == pytest.approx(3 * loss, rel=1e-4)


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_tried(monkeypatch):
    learned = []

    def tried_once(*arguments):
        learned.append(1)
        if len(learned) > 1:
            raise KeyboardInterrupt
        return remedies.Tried("rate ten times", "rate*10", 0.7, 0.7, 3)

    monkeypatch.setattr(remedies, "_tried", tried_once)
    verdict = xorlab.diagnose(slow(), X, Y, remedies=True, steps=60)
    assert [x.change for x in verdict.tried] == ["as it is", "rate ten times"]
    assert "None of these changes was seen to work." in verdict.words()


def test_after_ctrl_c_in_the_training_itself_nothing_is_tried(monkeypatch, capsys):
    module = sys.modules["xorlab.trial.diagnose"]
    watched = module.watched_steps

    def stopped(*arguments):
        yield from itertools.islice(watched(*arguments), 3)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "watched_steps", stopped)
    # What was seen is told all the same.
    verdict = xorlab.diagnose(slow(), X * np.nan, Y, remedies=True, steps=60)
    assert verdict.cause == "not_finite" and verdict.tried == ()
    assert "Trying" not in capsys.readouterr().out


def test_labels_that_are_no_classes_are_told_though_keras_refuses_them():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert xorlab.diagnose(model, X, Y + 1, steps=5).cause == "labels"


class OwnModel(keras.Model):
    """A model class whose config does not say how it is built."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def call(self, x):
        return self.layer(x)

    def get_config(self):
        raise NotImplementedError("no config")


def test_mistakes_are_told_before_any_work():
    model = compiled()
    own = OwnModel(keras.layers.Dense(1))
    own.compile("sgd", "mse")
    own(X)
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    for arguments, words in [
        ((keras.Sequential([keras.layers.Dense(1)]), X, Y), "compiled with one opti"),
        ((own, X, Y), "built anew from its config; received OwnModel"),
        (
            (model, X, Y[:5]),
            r"rows of each, and at least one; received \[5, 96",
        ),
        ((model, X[:0], Y[:0]), "at least one; received"),
        ((model, data, Y), "y: expected None beside a dataset"),
        ((model, data.take(0)), "received one that is empty"),
    ]:
        with pytest.raises(ValueError, match=words):
            xorlab.diagnose(*arguments)
    with pytest.raises(ValueError, match="sample_weight: expected None beside a data"):
        xorlab.diagnose(model, data, sample_weight=Y)
    with pytest.raises(ValueError, match=r"sample_weight: expected as many.*\[5, 96"):
        xorlab.diagnose(model, X, Y, sample_weight=Y[:5])
    with pytest.raises(ValueError, match="steps: expected a whole number"):
        xorlab.diagnose(model, X, Y, steps=1)
