"""Steps called directly are Keras's own steps, where they stand in for them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from xorlab.fused import FusedModel
from xorlab.steps import DirectStep, unboxed

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
    return model


def batches(rows):
    """Makes a dataset; the shape is known beforehand where all batches have it."""
    data = tf.data.Dataset.from_tensor_slices((X, Y))
    return data.batch(rows, drop_remainder=len(X) % rows == 0)


def steps_of(model, train_function, *datasets):
    """Makes all steps; returns their logs, and the state after them."""
    model.optimizer.build(model.trainable_variables)
    logs = []
    for dataset in datasets:
        iterator = iter(dataset)
        for _ in dataset:
            step_logs = train_function(iterator)
            logs.append({name: float(value) for name, value in step_logs.items()})
    return logs, [np.array(variable) for variable in model.variables]


def keras_train_function(model):
    model.make_train_function()
    return model.train_function


@pytest.mark.parametrize("base", [keras.Model, OwnStep])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_steps_and_logs_are_keras_s_to_the_bit(base, jit_compile):
    # Batches of 4, 4 and 2, then of 5 and 5: other shapes, known and unknown.
    data = batches(4), batches(5)
    model = make(base, jit_compile=jit_compile)
    logs, state = steps_of(model, DirectStep(model), *data)
    model = make(base, jit_compile=jit_compile)
    their_logs, their_state = steps_of(model, keras_train_function(model), *data)
    assert len(logs) == 5
    assert logs == their_logs
    for ours, theirs in zip(state, their_state, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_trace_serves_all_iterators_over_data_of_a_shape():
    model, traced = make(), []
    train_step = model.train_step
    model.train_step = lambda data: traced.append(data) or train_step(data)
    step = DirectStep(model)
    steps_of(model, step, batches(5))
    once = len(traced)
    steps_of(model, step, batches(5), batches(5))
    assert len(traced) == once > 0
    steps_of(model, step, batches(4))
    assert len(traced) > once


def test_the_end_of_the_data_is_told():
    model = make()
    step, iterator = DirectStep(model), iter(batches(10))
    step(iterator)
    with pytest.raises(tf.errors.OutOfRangeError):
        step(iterator)


class OwnFunction(keras.Model):
    def make_train_function(self, force=False):
        super().make_train_function(force)


def test_it_suits_what_fit_makes_one_step_at_a_time():
    assert DirectStep.suits(make(), iter(batches(4)))
    assert DirectStep.suits(make(OwnStep, jit_compile=True), iter(batches(4)))


@pytest.mark.parametrize(
    ("base", "settings"),
    [
        (keras.Model, {"steps_per_execution": 2}),
        (keras.Model, {"run_eagerly": True}),
        (OwnFunction, {}),
        (FusedModel, {}),
    ],
)
def test_it_does_not_suit_other_settings(base, settings):
    assert not DirectStep.suits(make(base, **settings), iter(batches(4)))


def test_it_does_not_suit_a_train_function_of_the_model_s_own_instance():
    model = make()
    vars(model)["make_train_function"] = lambda force=False: None
    assert not DirectStep.suits(model, iter(batches(4)))


def test_it_does_not_suit_functions_run_eagerly():
    tf.config.run_functions_eagerly(True)
    try:
        assert not DirectStep.suits(make(), iter(batches(4)))
    finally:
        tf.config.run_functions_eagerly(False)


def test_it_does_not_suit_distributed_data():
    strategy = tf.distribute.OneDeviceStrategy("cpu:0")
    iterator = iter(strategy.experimental_distribute_dataset(batches(4)))
    assert not DirectStep.suits(make(), iterator)


def test_parts_of_a_batch_that_were_left_out_are_none():
    x = tf.constant([1.0])
    nothing = tf.experimental.Optional.empty(None)
    assert unboxed({"x": x, "y": (nothing, x)}) == {"x": x, "y": (None, x)}
    assert unboxed((tf.TensorSpec([]), tf.OptionalSpec(None)))[1] is None
