"""However a `fit` ends, what is logged is there and the next one is as ever."""

import functools
import threading

import keras
import pytest
from oracles import callback_oracle as oracle
from oracles import processes
from oracles.small_fits import X, Y, compiled, small


class Interruption(keras.callbacks.Callback):
    """Raises an error at the second batch, once."""

    def __init__(self, where, error):
        super().__init__()
        setattr(self, where, self.interrupt)
        self._error = error

    def interrupt(self, batch, logs=None):
        if batch == 1:
            raise self._error


def interrupted(model, where, error, *watching):
    """Fits again after an error, when nothing watches it any more."""
    with pytest.raises(error):
        oracle.fit(model, X, Y, [*watching, Interruption(where, error)])
    from_the_first_batch = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: oracle.assert_left_alone(model)
    )
    oracle.fit(model, X, Y, [from_the_first_batch])
    return model


@functools.cache
def interrupted_and_plain(where):
    """A `small` without the callback, once: whatever error it was."""
    return interrupted(oracle.fresh(small), where, ValueError)


@pytest.mark.slow
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("where", ["on_train_batch_begin", "on_train_batch_end"])
def test_an_interrupted_fit_leaves_nothing_behind(where, error, tmp_path):
    # It asks for a step where the error comes.
    callback = oracle.watching(tmp_path, histogram_steps=1, write_graph=True)
    ours = interrupted(oracle.again(small), where, error, callback)
    oracle.assert_same(ours, interrupted_and_plain(where))
    logged = [0] if where == "on_train_batch_begin" else [0, 1]
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join()
    assert list(oracle.read(tmp_path).scalars["gradient_norm"]) == logged


@pytest.mark.slow
def test_what_a_failed_fit_asked_for_is_not_told_to_the_next(tmp_path):
    clearing = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: epoch and compiled(model)
    )
    model = oracle.train(small, X, Y)
    first = oracle.watching(tmp_path / "first")  # Once an epoch.
    second = oracle.watching(tmp_path / "second", histogram_steps=1)
    with pytest.raises(TypeError, match="NoneType"):
        oracle.fit(model, X, Y, [first, clearing], epochs=2)
    oracle.fit(model, X, Y, [second])
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join()
    logged = list(oracle.read(tmp_path / "first").scalars["gradient_norm"])
    assert logged == [3]
    logged = list(oracle.read(tmp_path / "second").scalars["gradient_norm"])
    assert logged == [0, 1, 2]


# Dies in a way of its own, and leaves logs named after that.
DYING = """
import os, signal, sys, time
import keras, numpy as np
from xorlab.callbacks import TensorBoard

how = sys.argv[1]

def die(batch, logs):
    if batch == 20:
        if how == "SystemExit":
            raise SystemExit("died")
        time.sleep(1)
        os.kill(os.getpid(), getattr(signal, how))

model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse", jit_compile=False)
options = {"write_grads": True, "histogram_steps": 1, "write_graph": False}
dying = keras.callbacks.LambdaCallback(on_train_batch_end=die)
x = np.ones([40, 2])
callbacks = [TensorBoard(how, **options), dying]
model.fit(x, x[:, :1], batch_size=1, verbose=0, callbacks=callbacks)
"""


@pytest.mark.slow
def test_a_program_that_dies_leaves_all_but_the_last_half_second(tmp_path):
    codes = {"SystemExit": 1, "SIGTERM": -15, "SIGKILL": -9}
    dying = {how: processes.Started("-c", DYING, how, cwd=tmp_path) for how in codes}
    for how, died in dying.items():
        _, errors = died.communicate()
        assert died.returncode == codes[how], errors
        steps = oracle.read(tmp_path / how).scalars["gradient_norm"]
        assert list(steps) == list(range(21))


@pytest.mark.slow
@pytest.mark.parametrize("then", ["fit", "compile", "train_on_batch"])
def test_after_an_interruption_all_goes_on(then, tmp_path):
    begin = oracle.fresh if then == "compile" else oracle.again
    model = begin(small)
    oracle.fit(model, X, Y)
    error = ValueError("interrupted")
    callback = oracle.watching(tmp_path / "first", histogram_steps=1)
    with pytest.raises(ValueError, match="interrupted"):
        oracle.fit(model, X, Y, [callback, Interruption("on_train_batch_begin", error)])
    if then == "compile":
        compiled(model)
    if then == "train_on_batch":
        model.train_on_batch(X, Y)
        oracle.assert_left_alone(model)
    began = int(model.optimizer.iterations)
    again = oracle.watching(tmp_path / "second", histogram_steps=1)
    oracle.fit(model, X, Y, [again])
    oracle.assert_left_alone(model)
    logged = list(oracle.read(tmp_path / "second").scalars["gradient_norm"])
    assert logged == [began, began + 1, began + 2]
