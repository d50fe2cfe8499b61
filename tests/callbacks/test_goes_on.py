"""What cannot be watched trains on, with one warning that says what is missing."""

import functools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers
from oracles import callback_oracle as oracle

from xorlab.eventlog import eventfile, stepwriter
from xorlab.steps import (
    exact,
    measures,
    monitor,
    naming,
    schedule,
    updates,
    watched,
)
from xorlab.watching import verdicts

RNG = np.random.default_rng(6)
X = RNG.normal(size=(8, 2)).astype("float32")
Y = RNG.normal(size=(8, 1)).astype("float32")
GOES_ON = "no gradients are written from now on, and training goes on: "


def small(kind=keras.Sequential, optimizer="sgd"):
    model = kind([keras.Input((2,)), layers.Dense(1)])
    model.compile(optimizer, "mse", jit_compile=False)
    return model


@functools.cache
def small_and_plain():
    """A `small` trained without the callback, once: it is only read."""
    return oracle.train(small, X, Y, epochs=2)


def assert_same_weights(ours, plain):
    for one, other in zip(ours.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def assert_goes_on(make, tmp_path, match):
    callback = oracle.watching(tmp_path, histogram_steps=1, write_activations=True)
    with pytest.warns(UserWarning, match=match) as told:
        ours = oracle.train(make, X, Y, [callback], epochs=2)
    assert [w.category for w in told].count(UserWarning) == 1
    oracle.assert_left_alone(ours)
    assert_same_weights(ours, oracle.train(make, X, Y, epochs=2))


class OwnApply(optimizers.SGD):
    """Applies gradients its own way."""

    def apply(self, grads, trainable_variables=None):
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            variable.assign_sub(0.1 * gradient)


@pytest.mark.slow
def test_with_an_optimizer_without_a_hook(tmp_path):
    words = "received OwnApply; derive yours from it, .* or leave write_grads out"
    words = GOES_ON + ".*" + words
    assert_goes_on(lambda: small(optimizer=OwnApply()), tmp_path, words)


@pytest.mark.slow
def test_if_gradients_no_longer_pass_by_the_hook(tmp_path, monkeypatch):
    def changed(self, grads, trainable_variables=None):
        self.iterations.assign_add(1)

    monkeypatch.setattr(optimizers.Optimizer, "apply", changed)
    assert_goes_on(small, tmp_path, GOES_ON + r".*_clip_gradients once .*received \[\]")


ROOMS = [
    (naming, "weights_of"),
    (updates, "kept"),
    (monitor.StepMonitor, "before_update"),
    (monitor.StepMonitor, "at_output"),
    (monitor.StepMonitor, "after_update"),
    (monitor.StepMonitor, "read"),
    (measures, "measure"),
    (measures, "measure_change"),
    (exact, "read_again"),
    (exact.Copies, "of"),
    (watched, "StepMonitor"),
    (schedule.Schedule, "begin_epoch"),
    (schedule.Schedule, "begin"),
    (schedule.Schedule, "end"),
    (stepwriter.StepWriter, "add"),
    (eventfile.EventFile, "write"),
    (verdicts, "judge"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("owner", "name"), ROOMS, ids=lambda x: getattr(x, "__name__", x)
)
def test_whatever_of_ours_fails(owner, name, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise KeyError("ours")

    with monkeypatch.context() as broken:
        # Until the end, that is: the thread that writes earlier fails aloud.
        broken.setattr(stepwriter, "_LONGEST_WAIT", 60)
        broken.setattr(owner, name, fail)
        callback = oracle.watching(tmp_path, histogram_steps=1, write_activations=True)
        with pytest.warns(UserWarning, match=GOES_ON + "KeyError in .*ours") as told:
            ours = oracle.train(small, X, Y, [callback], epochs=2)
    assert [w.category for w in told].count(UserWarning) == 1
    oracle.assert_left_alone(ours)
    oracle.assert_same(ours, small_and_plain())


# What can be watched though it is not called as a whole, or makes its weights late.


class AutoEncoder(keras.Model):
    """Has a step of its own and no call, as many examples do."""

    def __init__(self):
        super().__init__()
        self.enc = keras.Sequential([keras.Input((2,)), layers.Dense(3)], name="enc")
        self.dec = keras.Sequential([keras.Input((3,)), layers.Dense(2)], name="dec")

    def train_step(self, data):
        x = tf.nest.flatten(data)[0]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self.dec(self.enc(x)) - x) ** 2)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(
            zip(gradients, self.trainable_weights, strict=True)
        )
        return {"loss": loss}


class HeadInTraining(keras.Model):
    """Has a head that is built when its step is traced, and used nowhere else."""

    def __init__(self):
        super().__init__()
        self.body = layers.Dense(3, name="body")
        self.head = layers.Dense(1, name="head")

    def build(self, shape):
        self.body.build(shape)

    def call(self, x):
        return self.body(x)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self.head(self(x)) - y) ** 2)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return {"loss": loss}


class BuiltByShape(HeadInTraining):
    """Is built by its shape alone, before any data."""

    def __init__(self):
        super().__init__()
        self.build((None, 2))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "first"), [(AutoEncoder, 0), (HeadInTraining, 1), (BuiltByShape, 1)]
)
def test_models_that_make_their_own_step_are_watched(kind, first, tmp_path):
    def make():
        model = kind()
        model.compile("sgd", jit_compile=False)
        return model

    callback = oracle.watching(tmp_path, histogram_steps=1)
    ours = oracle.train(make, X, Y, [callback], epochs=2)
    assert_same_weights(ours, oracle.train(make, X, Y, epochs=2))
    log = oracle.read(tmp_path)
    assert list(log.scalars["gradient_norm"]) == list(range(first, 4))
    assert len(oracle.names(log.scalars, "gradient_rms/")) == 2


def test_what_we_try_of_an_unbuilt_model_is_not_warned_of(tmp_path):
    class Unbuilt(AutoEncoder):
        def __init__(self):
            super().__init__()
            self.enc = keras.Sequential([layers.Dense(3)])

    def make():
        model = Unbuilt()
        model.compile("sgd", run_eagerly=True)
        return model

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        oracle.train(make, X, Y, [oracle.watching(tmp_path, histogram_steps=1)])
    assert not [w for w in told if "build()" in str(w.message)]


def test_batches_may_be_triplets(tmp_path):
    class Triplets(AutoEncoder):
        def train_step(self, data):
            return super().train_step(data[0])

    def make():
        model = Triplets()
        model.compile("sgd", jit_compile=False)
        return model

    rows = tf.data.Dataset.from_tensor_slices((X, X + 1, X + 2, X + 3)).batch(4)
    callback = oracle.watching(tmp_path, histogram_steps=1)
    ours = oracle.train(make, rows, callbacks=[callback])
    assert_same_weights(ours, oracle.train(make, rows))
    assert list(oracle.read(tmp_path).scalars["gradient_norm"]) == [0, 1]


class WithConstant(layers.Layer):
    """Returns what no step computes, too."""

    def __init__(self):
        super().__init__()
        self.constant = tf.constant([1.0, 2.0])

    def call(self, x):
        return x, self.constant


@pytest.mark.slow
def test_layers_may_return_constants(tmp_path):
    def make():
        x = keras.Input((2,))
        hidden, constant = WithConstant()(layers.Dense(2)(x))
        model = keras.Model(x, layers.Dense(1)(hidden * constant))
        model.compile("sgd", "mse", jit_compile=False)
        return model

    callback = oracle.watching(tmp_path, histogram_steps=1, write_activations=True)
    ours = oracle.train(make, X, Y, [callback])
    oracle.assert_same(ours, oracle.train(make, X, Y))
    log = oracle.read(tmp_path)
    assert log.histograms["with_constant/activation"][0][:, 2].sum() == 4 * 2 + 2


# Keras's word on data whose length it does not know beforehand.
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_steps_that_are_begun_where_the_data_end_are_not_taken_for_skipped(tmp_path):
    def make():
        scaled = optimizers.LossScaleOptimizer(optimizers.SGD(), initial_scale=8.0)
        return small(optimizer=scaled)

    rows = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4).filter(lambda *_: True)
    callback = oracle.watching(tmp_path, histogram_steps=1)
    oracle.train(make, rows, callbacks=[callback], epochs=3)
    log = oracle.read(tmp_path)
    assert set(log.scalars["skipped_steps"].values()) == {0.0}
    assert set(log.scalars["loss_scale"].values()) == {8.0}
