"""However `fit` is fed, what is logged is true."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from oracles import callback_oracle as oracle
from oracles.small_fits import RNG, X, Y, compiled, make

WEIGHTS = RNG.uniform(0.5, 2, size=12).astype("float32")


def eager():
    # Where the rows come from is the same to a traced step, which takes longer.
    return make(run_eagerly=True)


def endless():
    while True:
        yield from oracle.batches_of(X, Y)


def without_weights():
    for x, y in endless():
        yield x, y, None


def dataset():
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(oracle.ROWS)


SOURCES = {
    "arrays": (make, lambda: (X, Y), {"batch_size": oracle.ROWS}),
    "tf.data and validation data": (
        make,
        lambda: (dataset(), None),
        {"validation_data": (X, Y)},
    ),
    "generator": (make, lambda: (endless(), None), {"steps_per_epoch": 3}),
    "generator of None": (
        make,
        lambda: (without_weights(), None),
        {"steps_per_epoch": 3},
    ),
    "sample weights and validation split": (
        eager,
        lambda: (np.tile(X, (2, 1)), np.tile(Y, (2, 1))),
        {"sample_weight": np.tile(WEIGHTS, 2), "validation_split": 0.5},
    ),
}


@functools.cache
def truth():
    """A plain training on the arrays and its true steps, once, to be read only."""
    return oracle.true_steps(make, X, Y, oracle.batches_of(X, Y), epochs=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
def test_it_works_with(name, tmp_path):
    make, source, options = SOURCES[name]
    ours = oracle.train(
        make,
        *source(),
        callbacks=[oracle.watching(tmp_path, histogram_steps=2)],
        epochs=2,
        **options,
    )
    if make is eager:
        batches = oracle.batches_of(X, Y, WEIGHTS)
        plain, steps = oracle.true_steps(make, *source(), batches, epochs=2, **options)
    else:
        plain, steps = truth()  # The same rows, wherever they come from.
    oracle.assert_same(ours, plain)
    oracle.assert_left_alone(ours)
    oracle.assert_true(oracle.read(tmp_path), steps, [0, 2, 4])


class Unsupervised(keras.Model):
    """Is built by its first batch, and has a loss without targets."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3, name="dense")

    def call(self, x):
        y = self.dense(x)
        self.add_loss(keras.ops.mean(keras.ops.square(y)))
        return y


@pytest.mark.slow
def test_a_generator_may_leave_the_targets_out(tmp_path):
    def make():
        model = Unsupervised()
        model.compile("sgd", jit_compile=False)
        return model

    def source():
        return ((x, None) for x, _ in endless())

    callback = oracle.watching(tmp_path, histogram_steps=1, write_graph=True)
    ours = oracle.train(make, source(), callbacks=[callback], steps_per_epoch=3)
    plain = oracle.train(make, source(), steps_per_epoch=3)
    oracle.assert_same(ours, plain)
    log = oracle.read(tmp_path)
    assert list(log.scalars["gradient_norm"]) == [0, 1, 2]
    assert any(node.name.startswith("inputs") for node in log.graph.node)


# Keras's word on data whose length it does not know beforehand.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_it_works_with_data_of_unknown_length(tmp_path):
    def run(*callbacks):
        source = dataset().filter(lambda x, y: True)
        return oracle.train(make, source, callbacks=callbacks, epochs=2)

    ours = run(oracle.watching(tmp_path, histogram_steps=2))
    keeper = oracle.StateCopies()
    oracle.assert_same(ours, run(keeper))
    made = [iteration for iteration, _, _ in keeper.copies[:-1]]
    logged = list(oracle.read(tmp_path).scalars["gradient_norm"])
    # Keras's iterations count a step without data at the end of each epoch: 3.
    assert made[:4] == [0, 1, 2, 3]
    assert logged == [step for step in made if step % 2 == 0]


@pytest.mark.slow
def test_it_works_with_class_weights(tmp_path):
    labels = RNG.integers(0, 3, size=12)
    weights = {0: 1.0, 1: 0.5, 2: 3.0}

    def classifier():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(3, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
        return model

    callback = oracle.watching(tmp_path, histogram_steps=2)
    ours = oracle.train(classifier, X, labels, [callback], class_weight=weights)
    by_row = np.float32([weights[label] for label in labels])
    batches = oracle.batches_of(X, labels, by_row)
    plain, steps = oracle.true_steps(
        classifier, X, labels, batches, class_weight=weights
    )
    oracle.assert_same(ours, plain)
    oracle.assert_true(oracle.read(tmp_path), steps, [0, 2])


class EverySecond(keras.Model):
    """Updates its weights at every second batch only, with a plain optimizer."""

    batches = 0

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
        self.batches += 1
        if self.batches % 2 == 0:
            variables = self.trainable_variables
            self.optimizer.apply(tape.gradient(loss, variables), variables)
        return {"loss": loss}


def every_second():
    x = keras.Input((6,))
    return compiled(EverySecond(x, layers.Dense(3)(x)), run_eagerly=True)


@pytest.mark.slow
def test_steps_are_updates_where_not_every_batch_is_one(tmp_path):
    x, y = np.tile(X, (6, 1)), np.tile(Y, (6, 1))  # 18 batches, 9 updates.
    callback = oracle.watching(tmp_path, histogram_steps=4)
    ours = oracle.train(every_second, x, y, [callback])
    oracle.assert_same(ours, oracle.train(every_second, x, y))
    assert list(oracle.read(tmp_path).scalars["gradient_norm"]) == [0, 4, 8]


def test_a_last_batch_that_is_no_update_is_not_warned_of(tmp_path):
    # 3 batches, an update at the second; warnings are errors.
    oracle.train(every_second, X, Y, [oracle.watching(tmp_path, histogram_steps=1)])
    assert list(oracle.read(tmp_path).scalars["gradient_norm"]) == [0]


@pytest.mark.slow
def test_two_callbacks_log_what_each_was_asked_for(tmp_path):
    callbacks = [
        oracle.watching(tmp_path / "a", write_grads=False, write_graph=True),
        oracle.watching(
            tmp_path / "c", histogram_steps=3, write_activations=True, write_graph=True
        ),
        oracle.watching(tmp_path / "b", histogram_steps=2),
    ]
    ours = oracle.train(make, X, Y, callbacks, epochs=2)
    plain, steps = truth()
    oracle.assert_same(ours, plain)
    oracle.assert_left_alone(ours)
    graph, every_two, every_three = (oracle.read(tmp_path / name) for name in "abc")
    oracle.assert_true(every_two, steps, [0, 2, 4])
    oracle.assert_true(every_three, steps, [0, 3])
    assert not graph.histograms and graph.graph and every_three.graph
    assert not any("activation" in tag for tag in every_two.histograms)
    outputs = {
        tag: {step: rows[:, 2].sum() for step, rows in histogram.items()}
        for tag, histogram in every_three.histograms.items()
        if tag.endswith("/activation")
    }
    assert outputs == {
        f"{layer}/activation": dict.fromkeys([0, 3], 4 * width)
        for layer, width in [("hidden", 5), ("dropout", 5), ("last", 3)]
    }
