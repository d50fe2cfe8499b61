"""A logged step is the one that Keras has traced, or it is left to Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from oracles import callback_oracle as oracle

from xorlab.steps import traces

RNG = np.random.default_rng(8)
X = RNG.normal(size=(12, 2)).astype("float32")
Y = RNG.normal(size=(12, 1)).astype("float32")
CHANGED = "the model was changed after its training step had been traced"


def make():
    dense, dropout = layers.Dense(1, name="dense"), layers.Dropout(0.5)
    norm = layers.BatchNormalization(name="norm")
    model = keras.Sequential([keras.Input((2,)), dense, norm, dropout])
    model.compile("sgd", "mse", jit_compile=False)
    return model


def freeze(model):
    model.get_layer("dense").trainable = False


def keep_other_statistics(model):
    model.get_layer("norm").momentum = 0.5


def drop_less(model):
    model.get_layer("dropout").rate = 0.1


def run_eagerly(model):
    model.run_eagerly = True


def fuse(model):
    model.jit_compile = True


@pytest.mark.slow
def test_a_step_is_compared_with_keras_s_once(tmp_path, monkeypatch):
    # To compare all their operations takes longer than a step.
    calls, alike = [], traces.trace_alike

    def noted(*args, **kwargs):
        calls.append(args)
        return alike(*args, **kwargs)

    monkeypatch.setattr(traces, "trace_alike", noted)
    oracle.train(make, X, Y, [oracle.watching(tmp_path, histogram_steps=1)])
    assert len(calls) == 1


SLOW = (keep_other_statistics, drop_less, run_eagerly, fuse)


@pytest.mark.parametrize(
    "change", [freeze, *(pytest.param(x, marks=pytest.mark.slow) for x in SLOW)]
)
def test_after_a_change_without_compile_keras_s_step_goes_on(change, tmp_path):
    def run(*callbacks):
        model = oracle.train(make, X, Y)
        change(model)
        for _ in range(2):
            oracle.fit(model, X, Y, callbacks)
        return model

    callback = oracle.watching(tmp_path, histogram_steps=2)
    with pytest.warns(UserWarning, match=CHANGED) as told:
        ours = run(callback)
    assert [w.category for w in told].count(UserWarning) == 2  # Once a fit.
    oracle.assert_same(ours, run())


@pytest.mark.slow
def test_what_was_traced_before_the_change_is_watched_on(tmp_path):
    class Freezing(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                freeze(self.model)

    def run(*callbacks):
        return oracle.train(make, X, Y, [*callbacks, Freezing()], epochs=2)

    ours = run(oracle.watching(tmp_path, histogram_steps=2))
    oracle.assert_same(ours, run())
    gradients = oracle.read(tmp_path).histograms
    [tag] = [tag for tag in gradients if tag.endswith("dense/kernel/gradient")]
    assert list(gradients[tag]) == [0, 2, 4]


@pytest.mark.slow
def test_batches_that_keras_has_traced_more_generally_are_watched(tmp_path):
    def run(*callbacks):
        model = oracle.train(make, X[:8], Y[:8])
        oracle.fit(model, X, Y, batch_size=5)
        oracle.fit(model, X, Y, callbacks, batch_size=6)
        return model

    ours = run(oracle.watching(tmp_path, histogram_steps=1))
    oracle.assert_same(ours, run())
    assert list(oracle.read(tmp_path).scalars["gradient_norm"]) == [5, 6]


class Noisy(layers.Layer):
    """Draws by an operation with a seed of its own."""

    def call(self, x):
        return x + tf.random.normal(tf.shape(x))


def test_random_numbers_that_logged_steps_draw_anew_are_told_of(tmp_path):
    def make():
        model = keras.Sequential([keras.Input((2,)), Noisy(), layers.Dense(1)])
        model.compile("sgd", "mse", jit_compile=False)
        return model

    callback = oracle.watching(tmp_path, histogram_steps=2)
    with pytest.warns(
        UserWarning, match="RandomStandardNormal draws by a count"
    ) as told:
        oracle.train(make, X, Y, [callback])
    assert [w.category for w in told].count(UserWarning) == 1
    assert list(oracle.read(tmp_path).scalars["gradient_norm"]) == [0, 2]
