"""Steps called directly are Keras's own, and what is not a step is left to Keras."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from xorlab.models.fused import FusedModel
from xorlab.steps.direct import DirectStep

RNG = np.random.default_rng(5)
X = RNG.normal(size=(10, 6)).astype("float32")
Y = RNG.normal(size=(10, 3)).astype("float32")


class OwnStep(keras.Model):
    """Takes its batch apart itself, and returns logs of its own."""

    def train_step(self, data):
        logs = super().train_step(data)
        return {**logs, "rows": tf.shape(tf.nest.flatten(data)[0])[0], "one": 1.0}


def make(base=keras.Model, **settings):
    keras.utils.set_random_seed(7)
    x = keras.Input((6,))
    hidden = layers.BatchNormalization()(layers.Dense(5, activation="tanh")(x))
    model = base(x, layers.Dense(3)(layers.Dropout(0.5)(hidden)))
    settings = {"jit_compile": False, **settings}
    model.compile("adam", "mse", metrics=["mae"], **settings)
    model.optimizer.build(model.trainable_variables)
    return model


def batches(rows):
    """Makes a dataset; the shape is known beforehand where all batches have it."""
    data = tf.data.Dataset.from_tensor_slices((X, Y))
    return data.batch(rows, drop_remainder=len(X) % rows == 0)


def steps_of(model, train_function, *datasets):
    """Makes all steps; returns their logs, and the state after them."""
    logs = []
    for dataset in datasets:
        iterator = iter(dataset)
        for _ in dataset:
            step_logs = train_function(iterator)
            logs.append({name: float(value) for name, value in step_logs.items()})
    return logs, [np.array(variable) for variable in model.variables]


def keras_s(model):
    model.make_train_function()
    return model.train_function


def direct(model):
    return DirectStep(model, keras_s(model))


@pytest.mark.parametrize("base", [keras.Model, OwnStep])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_steps_and_logs_are_keras_s_to_the_bit(base, jit_compile):
    # Batches of 4, 4 and 2, then of 5 and 5: other shapes, known and unknown.
    data = batches(4), batches(5)
    model = make(base, jit_compile=jit_compile)
    logs, state = steps_of(model, direct(model), *data)
    model = make(base, jit_compile=jit_compile)
    their_logs, their_state = steps_of(model, keras_s(model), *data)
    assert len(logs) == 5
    assert logs == their_logs
    for ours, theirs in zip(state, their_state, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("first", [direct, keras_s])
def test_a_step_is_traced_once_for_both_ways_to_call_it(first):
    model, traced = make(), []
    train_step = model.train_step
    model.train_step = lambda data: traced.append(data) or train_step(data)
    steps_of(model, first(model), batches(5))
    once = len(traced)
    step = direct(model)
    steps_of(model, step, batches(5), batches(5))
    steps_of(model, keras_s(model), batches(5))
    assert len(traced) == once > 0
    steps_of(model, step, batches(4))
    assert len(traced) > once


def test_the_end_of_the_data_is_told():
    model = make()
    step, iterator = direct(model), iter(batches(10))
    step(iterator)
    with pytest.raises(tf.errors.OutOfRangeError):
        step(iterator)


class OwnFunction(keras.Model):
    """Has a train function that does more than make steps."""

    def make_train_function(self, force=False):
        super().make_train_function(force)
        keras_s = self.train_function

        @functools.wraps(keras_s)
        def counted(iterator):
            self.calls.append(iterator)
            return keras_s(iterator)

        self.calls = []
        self.train_function = counted


class Forwarding:
    """Passes for the function that it is put around."""

    def __init__(self, function):
        self.function = function
        self.calls = 0

    def __call__(self, iterator):
        self.calls += 1
        return self.function(iterator)

    def __getattr__(self, name):
        return getattr(self.function, name)


class OwnFunctionInKerasIdiom(keras.Model):
    """Makes its steps as Keras does, and then does more."""

    def make_train_function(self, force=False):
        one_step_on_data = tf.function(self.train_step, jit_compile=False)
        kernel = self.trainable_variables[0]

        def function(iterator):
            logs = one_step_on_data(iterator.get_next())
            kernel.assign(kernel * 0.9)
            return logs

        self.train_function = function


def assert_as_keras_calls_it(model, other, dataset, is_direct):
    """Asserts what a direct step does with these data, and that Keras does the same."""
    step = direct(model)
    assert step.is_direct(iter(dataset)) == is_direct
    logs, their_logs = step(iter(dataset)), keras_s(other)(iter(dataset))
    assert keras.tree.map_structure(float, logs) == {
        name: float(value) for name, value in their_logs.items()
    }
    for ours, theirs in zip(model.variables, other.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("settings", "is_direct"),
    [
        ({}, True),
        ({"base": OwnStep, "jit_compile": True}, True),
        ({"steps_per_execution": 2}, False),
        ({"run_eagerly": True}, False),
    ],
)
def test_what_is_not_one_step_of_keras_s_is_left_to_its_function(settings, is_direct):
    assert_as_keras_calls_it(make(**settings), make(**settings), batches(5), is_direct)


def test_what_others_put_around_keras_s_function_is_called():
    model, other = make(OwnFunction), make(OwnFunction)
    assert_as_keras_calls_it(model, other, batches(5), is_direct=False)
    assert len(model.calls) == len(other.calls) == 1


def test_a_wrapper_that_passes_for_keras_s_function_is_called():
    model = make()
    wrapper = Forwarding(keras_s(model))
    DirectStep(model, wrapper)(iter(batches(5)))
    assert wrapper.calls == 1


def test_a_train_function_of_the_model_s_own_is_called():
    model, other = make(OwnFunctionInKerasIdiom), make(OwnFunctionInKerasIdiom)
    assert_as_keras_calls_it(model, other, batches(5), is_direct=False)


def test_steps_stay_eager_until_the_next_compile():
    model, other = make(run_eagerly=True), make(run_eagerly=True)
    for each in (model, other):
        keras_s(each)
        each.run_eagerly = False
    assert_as_keras_calls_it(model, other, batches(5), is_direct=False)


def test_functions_run_eagerly_are_left_to_keras():
    tf.config.run_functions_eagerly(True)
    try:
        assert_as_keras_calls_it(make(), make(), batches(5), is_direct=False)
    finally:
        tf.config.run_functions_eagerly(False)


def test_distributed_data_are_left_to_keras():
    strategy = tf.distribute.OneDeviceStrategy("cpu:0")
    with strategy.scope():
        model, other = make(), make()
    dataset = strategy.experimental_distribute_dataset(batches(5))
    assert_as_keras_calls_it(model, other, dataset, is_direct=False)


def test_a_fused_execution_is_left_to_its_model():
    model = make(FusedModel)
    assert not direct(model).is_direct(iter(batches(5)))
