"""Trains on two virtual CPUs, with and without the callback."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from oracles import callback_oracle as oracle
from oracles import two_cpus

two_cpus.make()
STRATEGY = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

RNG = np.random.default_rng(5)
X = RNG.integers(0, 9, size=(12, 5)).astype("int32")
Y = RNG.normal(size=(12, 3)).astype("float32")


def compiled(optimizer):
    words = keras.Input((5,), dtype="int32")
    mean = layers.GlobalAveragePooling1D()(layers.Embedding(9, 4)(words))
    model = keras.Model(words, layers.Dense(3, activation="relu")(mean))
    model.compile(optimizer, "mse", jit_compile=False)
    return model


def clipped():
    return keras.optimizers.SGD(0.1, momentum=0.9, clipnorm=0.01)


def loss_scaled():
    return keras.optimizers.LossScaleOptimizer(clipped(), initial_scale=2.0**10)


def check(log_dir, make_optimizer, every):
    def mirrored():
        with STRATEGY.scope():
            return compiled(make_optimizer())

    callback = oracle.watching(log_dir, histogram_steps=every, write_activations=True)
    ours = oracle.train(mirrored, X, Y, [callback])
    assert ours.distribute_strategy.num_replicas_in_sync == 2
    # The tape sees the global batch on one device.
    batches = oracle.batches_of(X, Y)
    plain, steps = oracle.true_steps(mirrored, X, Y, batches)
    oracle.assert_same(ours, plain)
    oracle.assert_left_alone(ours)
    log = oracle.read(log_dir)
    oracle.assert_true(log, steps, range(0, 3, every))
    assert log.histograms["dense/activation"][0][:, 2].sum() == oracle.ROWS * 3
    by_replica = set()
    for step in (0, 2):
        embedding, kernel, bias = steps[step].before.values()
        x = batches[step % len(batches)][0]
        output = np.maximum(embedding[x].mean(axis=1) @ kernel + bias, 0)
        dead = np.all(output == 0, axis=0).mean()
        assert log.scalars["dead_units/dense"][step] == pytest.approx(dead)
        by_replica |= {
            np.all(x == 0, axis=0).mean() - dead for x in (output[:2], output[2:])
        }
    # A replica alone says something else.
    assert by_replica != {0}
    return ours


def check_places(log_dir, trained):
    """A value that only the second replica is given spoils the step of both.

    There is no graph, either.
    """
    y = Y.copy()
    y[6] = np.nan
    options = {"histogram_steps": 1, "write_activations": True, "write_graph": True}
    with (
        pytest.warns(UserWarning, match="no op graph is written"),
        pytest.warns(UserWarning, match="step 4: .* first seen in y of the batch"),
    ):
        oracle.fit(trained, X, y, [oracle.watching(log_dir, **options)])


def main(folder):
    # Keras accumulates no gradients under this strategy. A step that is left to Keras
    # takes a trace of its own: once will do.
    trained = check(f"{folder}/clipped", clipped, every=2)
    check_places(f"{folder}/places", trained)
    check(f"{folder}/loss_scaled", loss_scaled, every=1)
