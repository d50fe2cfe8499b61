"""A clone computes what its model does, or it is said why there is none."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from xorlab.trial.batches import Batches
from xorlab.trial.clones import Clones

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(12, 3)).astype("float32") * 3000 + 1e4


class Scaled(keras.Model):
    """A model of a user's own class, with a layer that was adapted to data."""

    def __init__(self, **named):
        super().__init__(**named)
        self.scale, self.last = layers.Normalization(), layers.Dense(1)

    def call(self, x):
        return self.last(self.scale(x))

    def get_config(self):
        return {}


class Forgetful(layers.Layer):
    """Holds what is neither a weight nor in its config."""

    factor = 1.0

    def call(self, x):
        return x * self.factor


def sequential(*parts):
    return keras.Sequential([keras.Input((3,)), *parts])


def adapted():
    scale = layers.Normalization()
    scale.adapt(X)
    return sequential(scale, layers.Dense(1))


def of_own_class():
    model = Scaled()
    model.scale.adapt(X)
    model(X)
    return model


@pytest.mark.parametrize("make", [adapted, of_own_class])
def test_a_clone_scales_its_inputs_as_the_model_was_adapted_to(make):
    model = make()
    model.compile("sgd", "mse")
    clone = Clones(model).clone()
    np.testing.assert_allclose(clone(X), model(X), rtol=1e-6)
    assert abs(np.asarray(clone(X))).max() < 100  # Not adapted, it would be thousands.


def test_a_clone_that_returns_something_else_is_not_trained_in_the_models_place():
    model = sequential(Forgetful())
    model.layers[0].factor = 7.0
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="neither a weight nor in its get_config"):
        Clones(model).check(X)


@pytest.mark.slow
def test_a_clone_minimises_the_models_loss_where_that_has_no_config():
    row = keras.Input((3,))
    model = keras.Model(row, [layers.Dense(1)(row), layers.Dense(1)(row)])
    loss = functools.partial(keras.losses.mean_squared_error)
    model.compile("sgd", [loss, loss], loss_weights=[1.0, 1000.0])
    labels = [X[:, :1], X[:, 1:2]]
    expected = model.evaluate(X, labels, verbose=0)
    assert Clones(model).clone().evaluate(X, labels, verbose=0) == expected


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.1


class Tempered(keras.Sequential):
    def compile(self, optimizer, temperature):
        super().compile(optimizer, "mse")


def test_what_cannot_be_compiled_anew_is_told():
    scheduled = sequential(layers.Dense(1))
    scheduled.compile(keras.optimizers.SGD(Schedule()), "mse")
    tempered = Tempered([keras.Input((3,)), layers.Dense(1)])
    tempered.compile("sgd", temperature=3)
    for model in (scheduled, tempered):
        with pytest.raises(ValueError, match="can be compiled anew"):
            Clones(model).clone()


def test_a_dataset_that_ends_for_good_is_refused_when_it_has_ended():
    once = iter([(X, X)])
    spec = (tf.TensorSpec(X.shape), tf.TensorSpec(X.shape))
    dataset = tf.data.Dataset.from_generator(lambda: once, output_signature=spec)
    batches = Batches(dataset, None, 32, 0)
    with pytest.raises(ValueError, match="read again"):
        next(iter(batches))


def test_batches_of_rows_of_several_lengths_are_all_trained_on():
    lengths = [3, 5, 3]
    dataset = tf.data.Dataset.from_generator(
        lambda: ((np.ones([2, n]), [0, 1]) for n in lengths),
        output_signature=(tf.TensorSpec([2, None]), tf.TensorSpec([2], tf.int32)),
    )
    batches = Batches(dataset, None, 32, 0)
    assert batches.x.shape == (4, 3)
    rows = [x.shape[1] for (x, _, _), _ in zip(batches, lengths, strict=False)]
    assert rows == lengths


class Sequence(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return np.full([4, 3], index), np.zeros(4)


def test_a_py_dataset_is_read_as_fit_reads_it():
    batches = Batches(Sequence(), None, 32, 0)
    assert batches.an_epoch == 2
    read = [x[0, 0] for (x, _, _), _ in zip(batches, range(5), strict=False)]
    assert read == [0, 1, 0, 1, 0]


def test_text_is_refused_before_anything_is_trained():
    text = tf.data.Dataset.from_tensors((["a", "b"], [0, 1]))
    with pytest.raises(ValueError, match="expected numbers; received an array of obj"):
        Batches(text, None, 32, 0)
