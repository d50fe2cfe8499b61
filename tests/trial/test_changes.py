"""Clones and their changes: what differs is what was asked for, and nothing else."""

import keras
import numpy as np
import pytest

from xorlab import models
from xorlab.trial import starts
from xorlab.trial.batches import Batches
from xorlab.trial.changes import changes
from xorlab.trial.clones import Clones
from xorlab.trial.parts import last_layers, may_change

X = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
Y = np.arange(40) % 3


@pytest.fixture(scope="module")
def clones():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    inner = keras.Sequential([keras.layers.Dense(5, "tanh"), keras.layers.Dense(5)])
    x = keras.layers.ReLU()(inner(keras.layers.Dense(6, "sigmoid")(inputs)))
    shared = keras.layers.Dense(5, "relu")
    outputs = keras.layers.Dense(3, "softmax")(shared(x) + shared(2 * x))
    model = keras.Model(inputs, outputs)
    optimizer = keras.optimizers.SGD(0.5, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.train_on_batch(X, Y)
    return Clones(model)


def of_kind(remedy, clones):
    return list(changes(remedy, clones, Batches(X, Y, 8, 0)))


def test_a_clone_goes_on_as_the_model_does(clones):
    model, clone = clones.model, clones.clone()
    np.testing.assert_array_equal(clone(X), model(X))
    for own, copied in zip(
        model.optimizer.variables, clone.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(own, copied)
    assert clone.count_params() == model.count_params()


def test_an_activation_is_changed_in_hidden_layers_of_all_depths_alone(clones):
    relu, leaky, *_ = of_kind("activation", clones)
    assert relu.words == "relu in place of sigmoid and tanh"
    clone = clones.clone(relu.layer)
    kernels = [np.array(w) for w in clone.weights]
    for own, copied in zip(clones.model.weights, kernels, strict=True):
        np.testing.assert_array_equal(own, copied)
    # By hand, with the model's weights.
    first, bias, second, bias2, third, bias3, *others = map(np.array, kernels)
    hidden = np.maximum(X @ first + bias, 0)
    hidden = np.maximum(hidden @ second + bias2, 0) @ third + bias3
    x = np.maximum(hidden, 0)
    kernel, bias, last, last_bias = others
    x = np.maximum(x @ kernel + bias, 0) + np.maximum(2 * x @ kernel + bias, 0)
    scores = np.exp(x @ last + last_bias)
    expected = scores / scores.sum(1, keepdims=True)
    np.testing.assert_allclose(clone(X), expected, rtol=1e-4)


@pytest.mark.slow
def test_normalisation_stands_before_each_hidden_activation(clones):
    [change] = of_kind("normalize", clones)
    clone = clones.clone(change.layer)
    added = clone.count_params() - clones.model.count_params()
    # Four numbers for each unit of three layers that have an activation of their own.
    assert added == 4 * (6 + 5 + 5)
    assert clone.train_on_batch(X, Y) > 0


def test_a_rate_is_tried_ever_further_away(clones):
    rates = [x.optimizer["learning_rate"] for x in of_kind("rate/10", clones)]
    np.testing.assert_allclose(rates, [0.05, 0.005, 0.0005, 0.00005])
    clone = clones.clone(optimizer={"learning_rate": rates[0]})
    assert float(clone.optimizer.learning_rate) == pytest.approx(0.05)
    assert float(clones.model.optimizer.learning_rate) == pytest.approx(0.5)


def test_a_clipped_gradient_has_the_norm_that_is_named(clones):
    [change] = of_kind("clip", clones)
    assert change.words == "the gradient clipped to a norm of 1"
    assert clones.clone(optimizer=change.optimizer).optimizer.global_clipnorm == 1


def test_data_are_mended_as_their_change_says(clones):
    [scaled] = of_kind("inputs", clones)
    x, y, _ = scaled.data((X[:7], Y[:7], None))
    np.testing.assert_allclose(x, ((X - X.mean(0)) / X.std(0))[:7], atol=1e-5)
    np.testing.assert_array_equal(y, Y[:7])
    [finite] = of_kind("data", clones)
    lost = X.copy()
    lost[3, 1] = np.nan
    x, y, weights = finite.data((lost, Y, np.arange(len(Y))))
    np.testing.assert_array_equal(x, np.delete(X, 3, axis=0))
    np.testing.assert_array_equal(y, np.delete(Y, 3))
    np.testing.assert_array_equal(weights, np.delete(np.arange(len(Y)), 3))


def test_numbers_to_be_predicted_are_scaled_and_the_output_opened():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, "sigmoid")])
    model.compile("sgd", "mse")
    prices = 300 + 50 * X[:, :1]
    known = Clones(model), Batches(X, prices, 8, 0)
    [change] = changes("labels", *known)
    x, y, _ = change.data((X, prices, None))
    np.testing.assert_allclose([y.mean(), y.std()], [0, 1], atol=1e-4)
    np.testing.assert_array_equal(x, X)
    _, both = changes("inputs", *known)
    x, y, _ = both.data((X, prices, None))
    np.testing.assert_allclose([x.mean(), y.mean()], 0, atol=1e-4)
    [change] = changes("output", *known)
    assert (change.words, change.loss) == ("linear at the output", None)


@pytest.mark.parametrize("activation", ["sigmoid", "maxout"])
def test_a_fitted_start_centres_and_scales_what_activations_are_given(activation):
    model = models.deep(activation, depth=4)
    starts.fitted(model, models.data.INPUTS)
    rows = models.data.INPUTS
    for layer in model.layers[1:]:
        sums = rows @ np.array(layer.kernel) + np.array(layer.bias)
        np.testing.assert_allclose(sums.mean(0), 0, atol=1e-5)
        assert np.sqrt(np.mean(sums**2)) == pytest.approx(1, rel=1e-3)
        rows = np.array(layer(rows))


class Twice(keras.Model):
    """Calls a layer two times, and has one that is frozen."""

    def __init__(self):
        super().__init__()
        self.shared, self.frozen = keras.layers.Dense(5), keras.layers.Dense(5)
        self.frozen.trainable = False

    def call(self, x):
        return self.shared(x), self.frozen(self.shared(10 * x))


def test_a_start_is_fitted_to_the_first_call_and_leaves_what_is_frozen():
    model = Twice()
    model(X)
    frozen = np.array(model.frozen.kernel)
    starts.fitted(model, X)
    np.testing.assert_array_equal(model.frozen.kernel, frozen)
    sums = np.array(model(X)[0])
    assert np.sqrt(np.mean(sums**2)) == pytest.approx(1, rel=1e-3)


def test_the_last_layer_is_known_though_another_was_taken_off():
    # As of a network that was trained for something else.
    model = keras.Sequential([keras.Input((6,)), *map(keras.layers.Dense, (5, 3, 2))])
    model.pop()
    assert [layer.units for layer in last_layers(model)] == [3]


def test_gates_keep_their_activations():
    assert may_change(keras.layers.Dense(2, "tanh")) and may_change(keras.layers.ReLU())
    assert not may_change(keras.layers.LSTM(2))
