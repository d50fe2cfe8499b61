"""Training without `fit` is logged as `fit` is, and changed as little."""

import keras
import numpy as np
import pytest
from keras import layers, optimizers
from oracles import callback_oracle as oracle

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(11)
X = RNG.normal(size=(12, 3)).astype("float32")
Y = RNG.normal(size=(12, 2)).astype("float32")
BATCHES = oracle.batches_of(X, Y)


def network(optimizer=None, jit=False, kind=keras.Sequential, name="network"):
    model = kind([keras.Input((3,)), layers.Dense(4, "tanh"), layers.Dense(2)])
    model.name = name
    model.compile(optimizer or optimizers.SGD(0.1, 0.9), "mse", jit_compile=jit)
    return model


def by_hand(model, callback=None, epochs=1, tells_epochs=True):
    """Trains batch by batch, calling a callback as `fit` would."""
    callback = callback or keras.callbacks.Callback()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch in range(epochs):
        if tells_epochs:
            callback.on_epoch_begin(epoch)
        for number, (x, y) in enumerate(BATCHES):
            callback.on_train_batch_begin(number)
            loss = model.train_on_batch(x, y)
            callback.on_train_batch_end(number, {"loss": loss})
        if tells_epochs:
            callback.on_epoch_end(epoch, {"loss": loss})
    callback.on_train_end()
    return model


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
def test_callbacks_may_be_driven_by_hand(jit, tmp_path):
    callback = oracle.watching(tmp_path, histogram_steps=2)
    ours = by_hand(oracle.fresh(lambda: network(jit=jit)), callback)
    plain = by_hand(oracle.fresh(lambda: network(jit=jit)))
    oracle.assert_same(ours, plain)
    oracle.assert_left_alone(ours)
    assert "train_on_batch" not in vars(ours)
    _, steps = oracle.true_steps(lambda: network(jit=jit), X, Y, BATCHES)
    oracle.assert_true(oracle.read(tmp_path), steps, [0, 2])


def test_the_graph_and_an_unbuilt_model_are_seen_batch_by_batch(tmp_path):
    model = keras.Sequential([layers.Dense(2)])
    model.compile("sgd", "mse", jit_compile=False)
    callback = oracle.watching(tmp_path, write_graph=True)
    by_hand(model, callback, epochs=2, tells_epochs=False)
    log = oracle.read(tmp_path)
    assert len(log.graph.node) > 10
    # The first; nothing tells of another epoch.
    assert list(log.scalars["gradient_norm"]) == [0]
    assert list(log.texts["verdict"]) == [0]


def test_what_a_failed_loop_has_asked_for_is_not_told_to_a_fit(tmp_path):
    model = network()
    callback = oracle.watching(tmp_path, histogram_steps=1)
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_train_batch_begin(0)
    oracle.fit(model, X, Y)
    oracle.assert_left_alone(model)
