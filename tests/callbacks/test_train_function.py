"""Others may put a train function in the place of Keras's, too."""

import functools

import keras
import pytest
from oracles import callback_oracle as oracle
from oracles.small_fits import X, Y, compiled, small

DATA = oracle.as_dataset(X, Y)


def eager():
    """A `small` whose train function is not traced, but called."""
    return compiled(small(), run_eagerly=True)


@functools.cache
def plain(make):
    """A model trained without the callback, once: nobody trains it on."""
    return oracle.train(make, DATA, epochs=2)


def trained_again(make, callbacks, **options):
    """Trains the same model each time: what its step is traced to is no matter."""
    model = oracle.again(make)
    return oracle.fit(model, DATA, callbacks=callbacks, **options) and model


class Wrapping(keras.callbacks.Callback):
    """Puts a function of its own around the train function, as profilers do."""

    def on_train_begin(self, logs=None):
        self.calls = 0
        self.original = self.model.train_function
        self.model.train_function = self.count

    def count(self, iterator):
        self.calls += 1
        return self.original(iterator)

    def on_train_end(self, logs=None):
        self.model.train_function = self.original


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, -1])
def test_another_callback_may_wrap_the_train_function_too(order, tmp_path):
    ours, others = oracle.watching(tmp_path, histogram_steps=2), Wrapping()
    model = trained_again(small, [ours, others][::order], epochs=2)
    oracle.assert_left_alone(model)
    oracle.assert_same(model, plain(small))
    assert list(oracle.read(tmp_path).scalars["gradient_norm"]) == [0, 2, 4]
    assert others.calls == 6 - 3


@pytest.mark.slow
def test_a_wrapped_train_function_is_watched_anew_after_a_compile(tmp_path):
    def run(callbacks):
        model = oracle.fresh(small)
        oracle.fit(model, DATA, callbacks=callbacks)
        compiled(model)
        oracle.fit(model, DATA, callbacks=callbacks)
        return model

    # The same ones in each fit: their traces are kept.
    ours = oracle.watching(tmp_path, histogram_steps=2)
    oracle.assert_same(run([ours, Wrapping()]), run([]))


class Meddling(keras.callbacks.Callback):
    """Changes the train function between the beginning of a batch and its step.

    Args:
        begin: what it puts in the place of the function that it finds.
        batches: those at which it does so.
        keeps: whether it leaves that there afterwards.
    """

    def __init__(self, begin, batches, keeps):
        super().__init__()
        self.begin, self.batches, self.keeps = begin, batches, keeps
        self.calls = 0

    def on_train_begin(self, logs=None):
        self.keras_s = self.model.train_function

    def on_train_batch_begin(self, batch, logs=None):
        self.found = self.model.train_function
        if batch in self.batches:
            self.model.train_function = self.begin(self, self.found)

    def on_train_batch_end(self, batch, logs=None):
        if batch in self.batches and not self.keeps:
            self.model.train_function = self.found

    def wrap(self, function):
        def counted(iterator):
            self.calls += 1
            return function(iterator)

        return counted

    def put_back(self, function):
        return self.keras_s


@pytest.mark.slow
@pytest.mark.parametrize("begin", [Meddling.wrap, Meddling.put_back])
@pytest.mark.parametrize("batches", [{0}, {1}, {2}, {0, 1, 2}])
@pytest.mark.parametrize("keeps", [False, True])
def test_another_callback_may_meddle_with_the_train_function(
    begin, batches, keeps, tmp_path
):
    ours = oracle.watching(tmp_path / "a", histogram_steps=2)
    others = Meddling(begin, batches, keeps)
    more = oracle.watching(tmp_path / "b", histogram_steps=1)
    model = trained_again(small, [ours, others, more], epochs=2)
    oracle.assert_same(model, plain(small))
    logged = list(oracle.read(tmp_path / "b").scalars["gradient_norm"])
    assert logged == [0, 1, 2, 3, 4, 5]
    assert list(oracle.read(tmp_path / "a").scalars["gradient_norm"]) == [0, 2, 4]
    if begin is Meddling.wrap and keeps:
        assert model.train_function.__qualname__ == "Meddling.wrap.<locals>.counted"
        model.train_function = others.keras_s
    oracle.assert_left_alone(model)


def test_a_wrapper_stays_where_it_was_put_at_a_logged_step(tmp_path):
    others = Meddling(Meddling.wrap, {0}, keeps=True)
    callbacks = [oracle.watching(tmp_path, histogram_steps=100), others]
    trained_again(eager, callbacks)
    assert others.calls == 3
