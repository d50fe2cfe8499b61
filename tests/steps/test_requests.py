"""A request is of one execution, and of one model: none is told twice, or to others."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from oracles import callback_oracle as oracle

from xorlab.models.fused import FusedModel
from xorlab.steps.requests import StepRequests

X = np.ones((6, 2), "float32")
Y = np.zeros((6, 1), "float32")


class Failing(keras.Sequential):
    """Fails at a step if it is told to."""

    fails = False

    def train_step(self, data):
        if self.fails:
            raise ZeroDivisionError
        return super().train_step(data)


def make(kind=Failing):
    model = kind([keras.Input((2,)), layers.Dense(3, name="hidden"), layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    return model


def fit(model, ask):
    """Makes 3 steps; before each calls `ask` with its number."""
    asking = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda n, logs: ask(n))
    model.fit(X, Y, batch_size=2, shuffle=False, verbose=0, callbacks=[asking])
    oracle.assert_left_alone(model)


def request_batch(requests, told):
    requests.request_batch(
        lambda batch, graph: told.append(batch), contextlib.nullcontext()
    )


def test_a_batch_is_told_of_once():
    model, told = make(), []
    requests = StepRequests.of(model)

    def ask(number):
        if number == 0:
            request_batch(requests, told)

    fit(model, ask)
    [(x, y)] = told
    assert x.shape.as_list() == [2, 2] and y.shape.as_list() == [2, 1]


def test_statistics_are_told_once_and_of_the_step_they_were_asked_of():
    model, told = make(), []
    requests = StepRequests.of(model)

    def ask(number):
        if number == 1:
            requests.request_statistics(told.append)

    fit(model, ask)
    assert [statistics.step for [statistics] in told] == [1]


def test_what_is_withdrawn_is_not_told():
    model, told = make(), []
    requests = StepRequests.of(model)
    request_batch(requests, told)
    requests.request_statistics(told.append)
    requests.withdraw()
    fit(model, lambda number: None)
    assert told == []


def test_two_models_do_not_share_what_is_asked_of_one():
    one, other, of_one, of_other = make(), make(), [], []
    requests = StepRequests.of(one)
    assert StepRequests.of(one) is requests
    request_batch(requests, of_one)
    fit(
        other,
        lambda number: request_batch(StepRequests.of(other), of_other),
    )
    assert (len(of_one), len(of_other)) == (0, 3)


def test_activations_are_counted_from_when_they_are_asked_for():
    model, told = make(), []
    requests = StepRequests.of(model)

    def ask(number):
        requests.request_statistics(told.append, activations=number == 2)

    fit(model, ask)
    layers = [statistics.layers for [statistics] in told]
    assert layers == [[], [], ["hidden", "dense"]]
    # 2 rows of 3 units: the counts of outputs come last.
    assert told[2][0].counts[-2:].sum(axis=1).tolist() == [6, 2]


def test_a_watched_step_leaves_the_train_function_that_was_there():
    # Or all later steps would be measured, and each watched one traced anew.
    model, told, present = make(), [], []
    requests = StepRequests.of(model)

    def ask(number):
        present.append(model.train_function)
        requests.request_statistics(told.append)

    fit(model, ask)
    assert len(told) == 3
    assert all(function is model.train_function for function in present)


def test_several_may_ask_for_the_same_step_and_each_is_told_once():
    model, one, other = make(), [], []
    requests = StepRequests.of(model)

    def ask(number):
        if number == 1:
            for tell in (one.append, other.append, one.append):
                requests.request_statistics(tell)

    fit(model, ask)
    assert [s.step for [s] in one] == [s.step for [s] in other] == [1]


def test_who_has_asked_for_a_step_is_not_told_of_the_next_that_others_ask_for():
    model, one, other = make(), [], []
    requests = StepRequests.of(model)

    def ask(number):
        requests.request_statistics((other if number else one).append)

    fit(model, ask)
    assert [s.step for [s] in one] == [0]
    assert [s.step for [s] in other] == [1, 2]


@pytest.mark.parametrize("third", [None, ("hid*",)])
def test_each_is_told_of_the_layers_that_it_chose(third):
    model, told = make(), {}
    requests = StepRequests.of(model)
    chosen = {"one": ("hidden",), "other": ("dense",), "third": third}

    def ask(number):
        for who, layers in chosen.items():
            tell = told.setdefault(who, []).append
            requests.request_statistics(tell, layers=layers)

    fit(model, ask)
    layers = {who: list(told[who][-1][0].gradient_rms()) for who in told}
    all_or_one = ["hidden"] if third else ["hidden", "dense"]
    assert layers == {"one": ["hidden"], "other": ["dense"], "third": all_or_one}


def test_a_step_that_fails_leaves_the_model_as_it_was():
    model, told = make(), []
    requests = StepRequests.of(model)

    model.fails = True
    with pytest.raises(ZeroDivisionError):
        fit(model, lambda number: requests.request_statistics(told.append))
    oracle.assert_left_alone(model)
    model.fails = False
    fit(model, lambda number: None)
    assert told == []


class WithoutVariables(keras.Sequential):
    """Gives the optimizer gradients alone, of the variables that it was built with."""

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(x) - y) ** 2)
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables))
        return {"loss": loss}


def test_gradients_may_come_without_their_variables():
    model, told = make(WithoutVariables), []
    model.optimizer.build(model.trainable_variables)
    requests = StepRequests.of(model)
    fit(model, lambda number: requests.request_statistics(told.append))
    weights = ["hidden/kernel", "hidden/bias", "dense/kernel", "dense/bias"]
    assert [statistics.weights for [statistics] in told] == [weights] * 3
    assert all(min(statistics.change_squares[-2:]) > 0 for [statistics] in told)


@pytest.mark.slow
def test_the_last_step_of_a_fused_execution_is_told():
    x, told = keras.Input((2,)), []
    model = FusedModel(x, layers.Dense(1)(x))
    model.compile("sgd", "mse", jit_compile=False, steps_per_execution=5)
    requests = StepRequests.of(model)
    asking = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda n, logs: requests.request_statistics(told.append)
    )
    model.fit(X, Y, epochs=1, verbose=0)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[asking])
    assert [statistics.step for [statistics] in told] == [9, 14]


class EverySecond(keras.Sequential):
    """Updates its weights at every second batch only."""

    batches = 0

    def train_step(self, data):
        self.batches += 1
        return super().train_step(data) if self.batches % 2 == 0 else {"loss": 0.0}


def test_a_step_that_updates_nothing_is_not_told_of():
    model, told = make(EverySecond), []
    requests = StepRequests.of(model)
    fit(model, lambda number: requests.request_statistics(told.append))
    assert [statistics.step for [statistics] in told] == [0]
