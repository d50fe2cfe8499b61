"""Of a loss that is a sum, each part's pull is logged; training stays as it is."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from oracles import callback_oracle as oracle

RNG = np.random.default_rng(5)
X = RNG.normal(size=(12, 4)).astype("float32")
Y = RNG.normal(size=(12, 4)).astype("float32")
HOW = {
    "graph": {"jit_compile": False},
    "xla": {"jit_compile": True},
    "eager": {"run_eagerly": True},
}


class Spread(layers.Layer):
    """Adds a loss of its own."""

    def call(self, x):
        self.add_loss(0.1 * keras.ops.mean(x**2))
        return x


def two_outputs(how):
    def make():
        x = keras.Input((4,))
        # XLA draws other numbers than the tape, which runs eagerly.
        dropped = layers.Dropout(0.5 * (how != "xla"))(x)
        hidden = Spread(name="spread")(layers.LayerNormalization()(dropped) + x)
        heads = {"a": "l2", "b": None}
        outputs = [
            layers.Dense(4, kernel_regularizer=penalty, name=name)(hidden)
            for name, penalty in heads.items()
        ]
        model = keras.Model(x, outputs)
        losses = {"loss": ["mse", "mae"], "loss_weights": [2.0, 0.5]}
        model.compile("sgd", **losses, **HOW[how])
        return model

    return make


def norm(gradients):
    flat = [np.ravel(tf.convert_to_tensor(x)) for x in gradients if x is not None]
    return np.linalg.norm(np.concatenate(flat).astype(float))


@pytest.mark.slow
@pytest.mark.parametrize("how", HOW)
def test_each_part_of_a_loss_is_that_of_a_tape(how, tmp_path):
    true = []

    def taped(model, scale, x, y):
        with tf.GradientTape(persistent=True) as tape:
            a, b = model(x, training=True)
            added, regularization = model.losses
            parts = {
                "a_loss": 2 * tf.reduce_mean((a - y[0]) ** 2),
                "b_loss": 0.5 * tf.reduce_mean(tf.abs(b - y[1])),
                "spread_loss": added,
                "regularization_loss": regularization,
            }
        weights = model.trainable_variables
        true.append({x: norm(tape.gradient(y, weights)) for x, y in parts.items()})
        return [tf.zeros_like(v) for v in weights]

    make = two_outputs(how)
    # XLA takes seconds to compile a step that is left to Keras.
    every = 1 if how == "xla" else 2
    callback = oracle.watching(tmp_path, histogram_steps=every, write_loss_grads=True)
    ours = oracle.train(make, X, (Y, -Y), [callback])
    batches = oracle.batches_of(X, (Y, -Y))
    plain, _ = oracle.true_steps(make, X, (Y, -Y), batches, tape=taped)
    oracle.assert_same(ours, plain)
    oracle.assert_left_alone(ours)
    scalars = oracle.read(tmp_path).scalars
    assert oracle.names(scalars, "gradient_norm/") == set(true[0])
    for name in true[0]:
        logged = scalars[f"gradient_norm/{name}"]
        assert list(logged) == list(range(0, 3, every))
        for step, value in logged.items():
            np.testing.assert_allclose(value, true[step][name], rtol=1e-4)


@pytest.mark.slow
def test_parts_are_told_without_the_scale_that_a_loss_is_given(tmp_path):
    def make():
        model = keras.Sequential([keras.Input((4,)), layers.Dense(4)])
        sgd = keras.optimizers.SGD()
        scaled = keras.optimizers.LossScaleOptimizer(sgd, initial_scale=1024.0)
        model.compile(scaled, "mse", **HOW["eager"])
        return model

    callback = oracle.watching(tmp_path, histogram_steps=1, write_loss_grads=True)
    oracle.train(make, X[:4], Y[:4], [callback])
    scalars = oracle.read(tmp_path).scalars
    # Of one part, it is that of the whole.
    whole = scalars["gradient_norm"][0]
    assert scalars["gradient_norm/data_loss"][0] == pytest.approx(whole, rel=1e-5)


def test_of_a_single_output_the_loss_is_told_from_what_is_added(tmp_path):
    def make():
        penalty = {"activity_regularizer": "l2", "kernel_regularizer": "l2"}
        dense = layers.Dense(4, name="dense", **penalty)
        model = keras.Sequential([keras.Input((4,)), dense])
        model.compile("sgd", "mse", run_eagerly=True)
        return model

    model = oracle.fresh(make)
    x, y = X[:4], Y[:4]
    kernel, _ = oracle.arrays(model.weights)
    with tf.GradientTape(persistent=True) as tape:
        loss = tf.reduce_mean((model(x) - y) ** 2)
        # Of the outputs: in Keras 3.12 their sum, later the mean over the batch.
        added, _ = model.losses
    data, added = (norm(tape.gradient(part, model.weights)) for part in (loss, added))
    callbacks = [
        oracle.watching(tmp_path / "a", write_loss_grads=True),
        oracle.watching(tmp_path / "b"),
    ]
    oracle.fit(model, x, y, callbacks)
    scalars = oracle.read(tmp_path / "a").scalars
    oracle.close(scalars["gradient_norm/data_loss"][0], data)
    oracle.close(
        scalars["gradient_norm/regularization_loss"][0],
        np.linalg.norm(0.01 * 2 * kernel),
    )
    oracle.close(scalars["gradient_norm/dense_loss"][0], added)
    # A callback beside it that was not asked for it does not write it.
    assert not oracle.names(oracle.read(tmp_path / "b").scalars, "gradient_norm/")


class OwnStep(keras.Sequential):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(x) - y) ** 2)
        weights = self.trainable_weights
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return {"loss": loss}


def own_step():
    model = OwnStep([keras.Input((4,)), layers.Dense(4)])
    model.compile("sgd", run_eagerly=True)
    return model


def recurrent():
    sequence = [keras.Input((4,)), layers.Reshape((4, 1)), layers.SimpleRNN(4)]
    model = keras.Sequential(sequence)
    model.compile("sgd", "mse", jit_compile=False)
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "why"), [(own_step, "calls no compute_loss"), (recurrent, "the While")]
)
def test_where_parts_are_not_known_all_else_is_logged(make, why, tmp_path):
    callback = oracle.watching(tmp_path, write_loss_grads=True, histogram_steps=1)
    with pytest.warns(UserWarning, match=f"not written by loss: .*{why}") as told:
        ours = oracle.train(make, X, Y, [callback])
    assert [w.category for w in told].count(UserWarning) == 1
    oracle.assert_same(ours, oracle.train(make, X, Y))
    scalars = oracle.read(tmp_path).scalars
    assert list(scalars["gradient_norm"]) == [0, 1, 2]
    assert not oracle.names(scalars, "gradient_norm/")
