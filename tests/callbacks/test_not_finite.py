"""NaN and infinity are told of at once, by the place where they come from."""

import functools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from oracles import callback_oracle as oracle

RNG = np.random.default_rng(8)
X = RNG.normal(size=(12, 6)).astype("float32")
Y = RNG.normal(size=(12, 3)).astype("float32")
LARGE = 1e6
MODES = {
    "eager": {"run_eagerly": True},
    "graph": {"jit_compile": False},
    "xla": {"jit_compile": True},
}


class Divides(layers.Layer):
    """Divides by zero where a value is large."""

    def call(self, x):
        return x / tf.cast(tf.abs(x) < LARGE / 100, x.dtype)


def distance(y, predicted):
    # The logarithm of zero where the target is large; all slopes are finite but where
    # the distance is zero.
    lost = tf.math.log(tf.cast(y[:, 0] < LARGE, y.dtype))
    return tf.sqrt(tf.reduce_sum(tf.square(y - predicted), axis=-1)) + lost


def make(mode="eager", rate=0.01):
    x = keras.Input((6,))
    hidden = layers.Dense(5, name="hidden")(x)
    divided = Divides(name="divides")(hidden)
    last = layers.Dense(3, name="last", kernel_initializer="zeros")(divided)
    model = keras.Model(x, last)
    model.compile(keras.optimizers.SGD(rate), distance, **MODES[mode])
    return model


@functools.cache
def made_once(mode):
    """A model, and the values that all its variables begin with."""
    model = make(mode)
    model.optimizer.build(model.trainable_variables)
    variables = model.variables + model.optimizer.variables
    return model, variables, oracle.arrays(variables)


def as_it_began(mode):
    """The same model each time: XLA takes seconds to compile its step."""
    model, variables, values = made_once(mode)
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return model


def spoiled(place):
    """Returns data whose second batch is bad in a place."""
    x, y, weights = X.copy(), Y.copy(), np.ones(12, "float32")
    row = {"x": x, "y": y, "sample_weight": weights[:, np.newaxis]}.get(place)
    if row is not None:
        row[6, 0] = np.nan
    if place == "output":
        x[6] *= LARGE
    if place == "loss":
        y[6, 0] = LARGE
    if place == "gradient":
        y[6] = 0  # What a model that has not learned says.
    return batched(x, y, weights)


def batched(*arrays):
    return tf.data.Dataset.from_tensor_slices(arrays).batch(oracle.ROWS)


def warned_of(log_dir, data, make, **options):
    """Trains; returns the only warning, what was logged, and the model."""
    callback = oracle.watching(log_dir, **{"histogram_steps": 1, **options})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        model = oracle.train(make, data, None, [callback], epochs=2)
    [warning] = [w for w in caught if w.category is UserWarning]
    return warning, oracle.read(log_dir), model


PLACES = {
    "x": "x of the batch",
    "y": "y of the batch",
    "sample_weight": "sample_weight of the batch",
    "output": "the output of divides (5 entries)",
    "loss": "the loss",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mode", ["eager", pytest.param("xla", marks=pytest.mark.slow)])
def test_the_first_place_is_named(mode, place, tmp_path):
    make_it = functools.partial(as_it_began, mode)
    options = {"write_activations": True}
    warning, log, _ = warned_of(tmp_path, spoiled(place), make_it, **options)
    told = f"step 1: NaN or infinity, first seen in {PLACES[place]}"
    assert str(warning.message) == told
    # As a user sees it: one line, and none of our source.
    shown = warnings.formatwarning(
        warning.message, warning.category, warning.filename, warning.lineno
    )
    assert shown.count("\n") == 1
    *_, text = log.texts["verdict"].values()
    assert f"begins at step 1, in {PLACES[place]}" in text.item().decode()


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_without_activations_the_loss_is_named_and_training_stays_the_same(
    mode, tmp_path
):
    make_it = functools.partial(make, mode)
    data = spoiled("output")
    warning, log, ours = warned_of(tmp_path, data, make_it)
    assert "step 1: NaN or infinity, first seen in the loss; write" in str(
        warning.message
    )
    oracle.assert_same(ours, oracle.train(make_it, data, epochs=2))
    lost = log.scalars["weight_not_finite"]
    # The batch of step 1 spoils the weights that step 2 begins with.
    assert [lost[0], lost[1]] == [0, 0] and all(lost[step] for step in (2, 3, 4, 5))
    assert "activation_not_finite" not in log.scalars
    [row] = log.histograms["hidden/bias/weight"][2]
    np.testing.assert_array_equal(row, [np.inf, np.nan, 5])


def test_a_slope_without_bounds_is_the_gradient_s(tmp_path):
    still = functools.partial(make, rate=0.0)
    warning, log, _ = warned_of(tmp_path, spoiled("gradient"), still)
    place = "the gradient of last/bias (3 entries)"
    assert str(warning.message) == f"step 1: NaN or infinity, first seen in {place}"
    assert log.scalars["gradient_not_finite"][0] == 0


def test_an_update_that_is_too_large_is_named(tmp_path):
    leaps = functools.partial(make, rate=3e38)
    data = batched(X, Y, np.full(12, 1e3, "float32"))
    warning, _, _ = warned_of(tmp_path, data, leaps)
    told = "step 0: NaN or infinity, first seen in the weight last/kernel, after the "
    assert str(warning.message).startswith(told)


def test_what_was_lost_between_two_logged_steps_is_dated(tmp_path):
    warning, log, _ = warned_of(tmp_path, spoiled("x"), make, histogram_steps=2)
    told = "(30 entries), before the update; step 0, the last one logged, had none"
    assert str(warning.message).startswith("step 2: ") and told in str(warning.message)
    # No step between was seen: it may be the data, which no learning rate mends.
    *_, text = log.texts["verdict"].values()
    assert "between step 0 and step 2" in text.item().decode()
    assert "First look for NaN in your data" in text.item().decode()


def test_labels_that_the_loss_masks_are_not_lost(tmp_path):
    def masked(y, predicted):
        known = tf.math.is_finite(y)
        return tf.where(known, tf.where(known, y, 0.0) - predicted, 0.0) ** 2

    def make_it():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
        model.compile("sgd", masked, run_eagerly=True)
        return model

    callback = oracle.watching(tmp_path, histogram_steps=1)
    oracle.train(make_it, spoiled("y").map(lambda x, y, _: (x, y)), None, [callback])
    assert "not_finite" not in callback.verdict.causes


class ItsOwnStep(keras.Model):
    """Takes a triplet, and has a loss that `compute_loss` knows nothing of."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2, name="dense")

    def train_step(self, data):
        with tf.GradientTape() as tape:
            parts = [self.dense(part) for part in data["triplet"]]
            loss = tf.reduce_mean(sum(parts) ** 2)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply(gradients, self.trainable_weights)
        return {"loss": loss}


def test_batches_of_any_structure_have_named_places(tmp_path):
    parts = np.ones((3, 4, 6), "float32")
    parts[2, 0, 0] = -np.inf
    data = tf.data.Dataset.from_tensors({"triplet": tuple(parts)})
    model = ItsOwnStep()
    model.dense.build((4, 6))
    model.compile("sgd", run_eagerly=True)
    with pytest.warns(UserWarning, match="step 0: .* seen in x/triplet/2 of the batch"):
        oracle.fit(model, data, None, [oracle.watching(tmp_path, histogram_steps=1)])
