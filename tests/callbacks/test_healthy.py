"""Networks that are well are not spoken of, from the first step to the last."""

import itertools
import random
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from xorlab.steps.requests import StepRequests
from xorlab.watching.verdicts import Verdicts
from xorlab.watching.witness import Witness

SEEDS, ROWS = 20, 64
# Steps that are judged: the last of them when all that is found is said.
LOOKS = 0, 1, 2, 3, 7, 15, 31, 50
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(ROWS, 8)).astype("float32")
LABELS = (NUMBERS[:, :1] > 0).astype("int32")
SIGNS = 2.0 * LABELS - 1
APART = 0.3 * NUMBERS + SIGNS
IMAGES = NUMBERS[:, :1, None, None] + RNG.normal(size=(ROWS, 6, 6, 1))
SEQUENCES = NUMBERS[:, :1, None] + RNG.normal(size=(ROWS, 4, 2))
# Even ones where the label is 0, odd ones where it is 1.
WORDS = 2 * RNG.integers(0, 2500, (ROWS, 4)) + LABELS


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Begins with a rate of zero."""

    def __call__(self, step):
        return 0.02 * keras.ops.minimum(keras.ops.cast(step, "float32") / 16, 1.0)


def compiled(inputs, hidden, rate=0.02, **last):
    model = keras.Model(inputs, layers.Dense(2, "softmax", **last)(hidden))
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    return model


def dense(activation, depth, *rate, **last):
    hidden = inputs = keras.Input((8,))
    for _ in range(depth):
        hidden = layers.Dense(8, activation)(hidden)
    return compiled(inputs, hidden, *rate, **last)


def normalized_cnn():
    hidden = inputs = keras.Input((6, 6, 1))
    for _ in range(2):
        hidden = layers.Conv2D(4, 3, use_bias=False)(hidden)
        hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
    return compiled(inputs, layers.Flatten()(hidden))


def transformer():
    inputs = keras.Input((4,), dtype="int32")
    x = layers.Embedding(16, 8)(inputs % 16)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(1, 8)(x, x))
    x = layers.LayerNormalization()(x + layers.Dense(8)(layers.Dense(16, "relu")(x)))
    return compiled(inputs, layers.GlobalAveragePooling1D()(x))


def gru():
    inputs = keras.Input((4, 2))
    return compiled(inputs, layers.GRU(8, unroll=True)(inputs))


def sparse_embedding():
    inputs = keras.Input((4,), dtype="int32")
    x = layers.Embedding(5000, 4)(inputs)
    return compiled(inputs, layers.GlobalAveragePooling1D()(x))


def learned(loss, scale):
    """A layer of features as it is drawn, and a last one that fits the labels."""
    inputs = keras.Input((8,))
    features, last = layers.Dense(32, "tanh"), layers.Dense(1)
    model = keras.Model(inputs, last(features(inputs)))
    model.compile("sgd", loss, jit_compile=False)
    outputs = np.tanh(APART @ keras.ops.convert_to_numpy(features.kernel))
    last.kernel.assign(scale * np.linalg.pinv(outputs) @ SIGNS)
    return model


KINDS = {
    "well-started tanh": (lambda: dense("tanh", 3), NUMBERS, LABELS),
    "CNN with BatchNormalization": (normalized_cnn, IMAGES, LABELS),
    "transformer": (transformer, WORDS, LABELS),
    "GRU": (gru, SEQUENCES, LABELS),
    "sparse embedding": (sparse_embedding, WORDS, LABELS),
    "last layer of zeros": (
        lambda: dense("relu", 2, WarmUp(), kernel_initializer="zeros"),
        NUMBERS,
        LABELS,
    ),
    "converged": (lambda: learned("mse", 1.0), APART, SIGNS),
    "satisfied hinge": (lambda: learned("hinge", 3.0), APART, SIGNS),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_said_of_a_network_that_is_well(kind):
    make, x, y = KINDS[kind]
    model = make()
    model.optimizer.build(model.trainable_variables)
    begun = [keras.ops.convert_to_numpy(v) for v in model.optimizer.variables]
    model.make_train_function()
    unwatched = steps_of(model)
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(ROWS, seed=1)
    batches = iter(data.batch(16).repeat())
    told_of = {}
    for seed in range(SEEDS):
        # What was traced serves all: TensorFlow's seed would have it optimized anew.
        random.seed(seed)
        assign(model.variables, make().variables)
        assign(model.optimizer.variables, begun)
        # Without outputs, dead units are told by gradients.
        said, cause = watched(model, batches, unwatched, kind != "last layer of zeros")
        if said or cause != "healthy":
            told_of[seed] = said, cause
    assert not told_of


def watched(model, batches, unwatched, outputs):
    """Trains; returns what is said on the way, and the cause at the end."""
    said, told = [], []
    verdicts = Verdicts(lambda: Witness.of(model), mock.Mock(), said.append)
    for step, following in itertools.pairwise([*LOOKS, LOOKS[-1] + 1]):
        rate = float(model.optimizer.learning_rate)
        StepRequests.of(model).request_statistics(told.append, outputs)
        model.train_function(batches)
        statistics = told.pop()
        verdicts.steps_left = LOOKS[-1] - step
        verdicts.add(statistics, statistics[0].first_not_finite(), rate)
        verdicts.judge()
        unwatched(batches, tf.constant(following - step - 1))
    verdicts.end()
    return said, verdicts.verdict.cause


def steps_of(model):
    """Several steps as one program: Python calls each of single ones."""

    @tf.function
    def train(batches, steps):
        def step(done):
            model.train_step(next(batches))
            return done + 1

        tf.while_loop(lambda done: done < steps, step, (tf.constant(0),))

    return train


def assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
