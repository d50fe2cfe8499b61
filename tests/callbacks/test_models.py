"""Whatever the model, the true gradients are logged and the training stays the same."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from oracles import callback_oracle as oracle

from xorlab.steps import exact, measures

pytestmark = pytest.mark.slow

# Of these numbers a product in another order shows, in the last bit.
RNG = np.random.default_rng(3)
FEATURES = RNG.normal(size=(12, 3)).astype("float32")
IMAGES = RNG.normal(size=(12, 6, 6, 2)).astype("float32")
SEQUENCES = RNG.normal(size=(12, 5, 3)).astype("float32")
WORDS = RNG.integers(0, 9, size=(12, 5)).astype("int32")
TARGETS = RNG.normal(size=(12, 3)).astype("float32")


def mlp():
    x = keras.Input((3,))
    hidden = layers.Dense(5, activation="tanh", name="hidden")(x)
    return keras.Model(x, layers.Dense(3, name="last")(hidden))


def sequential():
    return keras.Sequential([keras.Input((3,)), layers.Dense(3)])


def unbuilt_sequential():
    return keras.Sequential([layers.Dense(3)])


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [layers.Dense(3, activation="tanh")]
        self.shift = self.add_weight(shape=(3,), initializer="ones", name="shift")

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x + self.shift


class ItsOwnStep(Subclassed):
    """A custom `train_step`, with a loss of its own."""

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.abs(self(x, training=True) - y) ** 3)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return {"cubic": loss}


def inner(name):
    x = keras.Input((3,))
    layer = layers.Dense(3, activation="tanh", name="hidden")
    return keras.Model(x, layer(x), name=name)


def nested():
    x = keras.Input((3,))
    return keras.Model(x, Subclassed()(inner("inner")(x)))


def shared():
    x = keras.Input((3,))
    layer = layers.Dense(3, activation="tanh", name="shared")
    return keras.Model(x, layer(layer(layer(x))))


def equal_names():
    x = keras.Input((3,))
    return keras.Model(x, inner("second")(inner("first")(x)))


def partly_used():
    """A layer whose output reaches no loss: its weights get no gradient."""
    x = keras.Input((3,))
    idle = layers.Dense(2, name="idle")(x)
    return keras.Model(x, [layers.Dense(3, name="used")(x), idle])


def recurrent(kind):
    return keras.Sequential([keras.Input((5, 3)), kind(3)])


def attentive():
    x = keras.Input((5, 3))
    attended = layers.MultiHeadAttention(num_heads=2, key_dim=3, dropout=0.2)(x, x)
    normed = layers.LayerNormalization()(attended + x)
    return keras.Model(x, layers.GlobalAveragePooling1D()(normed))


def side_by_side():
    """Has a branch of each of the other kinds of layers."""
    images, words = keras.Input((6, 6, 2)), keras.Input((5,), dtype="int32")
    features = keras.Input((3,))
    normed = layers.BatchNormalization()(layers.Conv2D(3, 3, use_bias=False)(images))
    frozen = layers.Dense(4)
    frozen.trainable = False
    shared = layers.Dense(3, activation="tanh")
    regularised = layers.Dense(5, kernel_regularizer="l2", activity_regularizer="l1")
    branches = [
        layers.GlobalAveragePooling2D()(layers.ReLU()(normed)),
        layers.GlobalAveragePooling1D()(layers.Embedding(9, 4)(words)),
        frozen(features),
        shared(shared(shared(features))),
        layers.Dropout(0.5)(regularised(features)),
    ]
    outputs = layers.Dense(3)(layers.Concatenate()(branches))
    return keras.Model([images, words, features], outputs)


def in_and_out():
    first, second = keras.Input((3,), name="first"), keras.Input((5, 3), name="second")
    joined = layers.Concatenate()([first, layers.Flatten()(second)])
    near, far = (
        layers.Dense(3, name="near")(joined),
        layers.Dense(1, name="far")(joined),
    )
    return keras.Model([first, second], {"near": near, "far": far})


def cubic_tape(model, scale, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.abs(model(x, training=True) - y) ** 3)
    return [g.numpy() for g in tape.gradient(loss, model.trainable_variables)]


# (model, inputs, further arguments of `true_steps`)
MODELS = {
    "sequential": (sequential, FEATURES, {}),
    "functional": (mlp, FEATURES, {}),
    "subclassed": (Subclassed, FEATURES, {}),
    "unbuilt": (unbuilt_sequential, FEATURES, {}),
    "nested": (
        nested,
        FEATURES,
        {
            "tags": [
                "inner/hidden/kernel",
                "inner/hidden/bias",
                "subclassed/shift",
                "subclassed/dense/kernel",
                "subclassed/dense/bias",
            ]
        },
    ),
    "shared layer": (shared, FEATURES, {}),
    "equal names": (
        equal_names,
        FEATURES,
        {
            "tags": [
                "first/hidden/kernel",
                "first/hidden/bias",
                "second/hidden/kernel",
                "second/hidden/bias",
            ]
        },
    ),
    "LSTM": (lambda: recurrent(layers.LSTM), SEQUENCES, {}),
    "GRU": (lambda: recurrent(layers.GRU), SEQUENCES, {}),
    "MultiHeadAttention": (attentive, SEQUENCES, {}),
    "side by side": (side_by_side, [IMAGES, WORDS, FEATURES], {}),
    "custom train_step": (ItsOwnStep, FEATURES, {"tape": cubic_tape}),
}


def compiled(make, loss="mse"):
    model = make()
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer, loss, jit_compile=False)
    return model


@functools.cache
def truth_of(name):
    """A plain training and its true steps, once: both tests below only read them."""
    make, x, truth = MODELS[name]
    batches = oracle.batches_of(x, TARGETS)
    return oracle.true_steps(lambda: compiled(make), x, TARGETS, batches, **truth)


def check(tmp_path, make, x, y, loss="mse", truth=None, every=2):
    """Trains with and without; steps 0 and 2 are logged, step 1 is Keras's own."""
    callback = oracle.watching(tmp_path, histogram_steps=every, write_activations=True)
    ours = oracle.train(lambda: compiled(make, loss), x, y, [callback])
    plain, steps = truth or oracle.true_steps(
        lambda: compiled(make, loss), x, y, oracle.batches_of(x, y)
    )
    oracle.assert_same(ours, plain)
    oracle.assert_left_alone(ours)
    log = oracle.read(tmp_path)
    oracle.assert_true(log, steps, range(0, 3, every))
    return ours, log


@pytest.mark.parametrize("name", MODELS)
def test_it_works_with(name, tmp_path):
    make, x, _ = MODELS[name]
    check(tmp_path, make, x, TARGETS, truth=truth_of(name))


# What is done for a big weight depends on the operations that make its gradient.
GRADIENTS = {
    "LSTM": "While",
    "MultiHeadAttention": "Einsum",
    "side by side": "MatMul, Sum, AddN, AddV2, Conv2DBackpropFilter, IndexedSlices",
    "custom train_step": "of a tape of its own",
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_big_weights_are_watched_in_little_memory_alike(name, tmp_path, monkeypatch):
    monkeypatch.setattr(exact, "BIG", 1)
    monkeypatch.setattr(measures, "SMALL", 4)  # As biases are.
    make, x, _ = MODELS[name]
    # All steps are logged: one of Keras's own takes a trace more, and is tried above.
    check(tmp_path, make, x, TARGETS, truth=truth_of(name), every=1)


def test_it_works_with_several_inputs_and_outputs(tmp_path):
    x = {"first": FEATURES, "second": SEQUENCES}
    y = {"near": TARGETS, "far": TARGETS[:, :1]}
    check(tmp_path, in_and_out, x, y, {"near": "mse", "far": "mae"})


def test_a_weight_without_a_gradient_is_not_logged(tmp_path):
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        _, log = check(
            tmp_path, partly_used, FEATURES, [TARGETS, TARGETS[:, :2]], ["mse", None]
        )
    assert set(log.scalars) >= {"gradient_rms/used"}
    assert not [tag for tag in log.histograms if tag.startswith("idle/ker")]


class InTurns(Subclassed):
    """Updates its weights by several calls."""

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        variables = self.trainable_variables
        gradients = tape.gradient(loss, variables)
        for i in range(0, len(variables), 2):
            self.optimizer.apply(gradients[i : i + 2], variables[i : i + 2])
        return {"loss": loss}


def test_updates_of_one_step_are_told_of_together(tmp_path):
    def logged(kind):
        model = oracle.fresh(kind)
        model(FEATURES)
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
        model.optimizer.build(model.trainable_variables)
        callback = oracle.watching(
            tmp_path / kind.__name__, histogram_steps=1, write_activations=True
        )
        oracle.fit(model, FEATURES, TARGETS, [callback])
        return oracle.read(tmp_path / kind.__name__)

    once, in_turns = logged(Subclassed), logged(InTurns)
    ratios = [tag for tag in once.scalars if tag.startswith("update_ratio/")]
    for tag in ("gradient_norm", *ratios):
        same = in_turns.scalars[tag.replace("subclassed", "in_turns")]
        assert list(same.values()) == list(once.scalars[tag].values())
    outputs = [tag for tag in once.histograms if tag.endswith("/activation")]
    for tag in outputs:
        same = in_turns.histograms[tag.replace("subclassed", "in_turns")]
        for rows, expected in zip(
            same.values(), once.histograms[tag].values(), strict=True
        ):
            np.testing.assert_array_equal(rows, expected)
    assert outputs
