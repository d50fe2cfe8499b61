"""What the callback cannot do, it says: when, why, and what to do."""

import callback_oracle as oracle
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from xorlab import internals
from xorlab.callbacks import TensorBoard

X = np.ones((8, 2), "float32")
Y = np.ones((8, 1), "float32")


def small(kind=keras.Sequential, optimizer="sgd"):
    model = kind([keras.Input((2,)), layers.Dense(1)])
    model.compile(optimizer, "mse", jit_compile=False)
    return model


def test_another_backend_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="expected tensorflow; received jax; set"):
        TensorBoard(tmp_path)


@pytest.mark.parametrize("below", ["", "/below"])
def test_a_log_folder_that_cannot_be_written_is_refused(tmp_path, below):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"expected a folder .*file.*choose another"):
        TensorBoard(f"{tmp_path}/file{below}")


def test_a_folder_without_the_right_to_write_is_refused(tmp_path, monkeypatch):
    # Whoever runs the tests may have every right.
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(OSError, match="expected a folder that can be written"):
        TensorBoard(tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("steps", [0, -1, 1.5, "10", True])
def test_histogram_steps_below_one_are_refused(tmp_path, steps):
    with pytest.raises(ValueError, match=r"histogram_steps: expected .* received"):
        TensorBoard(tmp_path, histogram_steps=steps)


class OwnUpdate(keras.Sequential):
    """Has an optimizer that is not Keras's."""

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(x) - y) ** 2)
        variables = self.trainable_variables
        for v, g in zip(variables, tape.gradient(loss, variables), strict=True):
            v.assign_sub(0.1 * g)
        return {"loss": loss}


class Own:
    iterations = 0


def without_a_hook():
    model = small(OwnUpdate)
    model.optimizer = Own()
    return model


def several():
    own = optimizers.SGD(0.1)
    return optimizers.MultiOptimizer([own], default_optimizer=optimizers.SGD(0.1))


NO_HOOK = {
    "Own": without_a_hook,
    "NoneType": lambda: small(OwnUpdate, optimizer=None),
}


@pytest.mark.parametrize("kind", NO_HOOK)
def test_an_optimizer_without_a_hook_is_refused(kind, tmp_path):
    model = NO_HOOK[kind]()
    before = model.get_weights()
    message = f"received {kind}; derive yours from it, .* or leave write_grads out"
    with pytest.raises(ValueError, match=message):
        oracle.fit(model, X, Y, [oracle.watching(tmp_path)])
    assert np.array_equal(before[0], model.get_weights()[0])
