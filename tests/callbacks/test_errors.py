"""What the callback cannot do, it says: when, why, and what to do."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers
from oracles import callback_oracle as oracle

from xorlab.callbacks import TensorBoard
from xorlab.steps import internals

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


@pytest.mark.parametrize("steps", [0, -1, 1.5, "10"])
def test_histogram_steps_below_one_are_refused(tmp_path, steps):
    with pytest.raises(ValueError, match=r"histogram_steps: expected .* received"):
        TensorBoard(tmp_path, histogram_steps=steps)


@pytest.mark.parametrize("name", ["write_grads", "write_activations"])
@pytest.mark.parametrize("value", ["no", 1, None])
def test_what_is_neither_true_nor_false_is_refused(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"{name}: expected True or False; received"):
        TensorBoard(tmp_path, **{name: value})


@pytest.mark.parametrize("log_dir", [None, 7])
def test_a_log_folder_that_is_no_path_is_refused(log_dir):
    with pytest.raises(ValueError, match=f"log_dir: expected the path .* {log_dir}"):
        TensorBoard(log_dir)


def test_a_file_where_training_is_to_be_logged_is_refused(tmp_path):
    (tmp_path / "train").touch()
    with pytest.raises(OSError, match=r"expected a folder .*train is not\)"):
        TensorBoard(tmp_path)


class OwnUpdate(keras.Sequential):
    """Updates its weights without an optimizer of Keras's."""

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(x) - y) ** 2)
        variables = self.trainable_variables
        for v, g in zip(variables, tape.gradient(loss, variables), strict=True):
            v.assign_sub(0.1 * g)
        return {"loss": loss}


@pytest.mark.slow
def test_a_step_that_leaves_the_optimizer_out_is_told_once(tmp_path):
    model = small(OwnUpdate)
    with pytest.warns(UserWarning, match=r"optimizer \(SGD\) updated nothing") as told:
        oracle.fit(model, X, Y, [oracle.watching(tmp_path)], epochs=2)
    assert [w.category for w in told].count(UserWarning) == 1
    assert "gradient_norm" not in oracle.read(tmp_path).scalars


class OnlyEager(keras.Sequential):
    """Its step needs numbers, which a trace has not."""

    def train_step(self, data):
        assert float(data[0][0, 0]) == data[0][0, 0].numpy()
        return super().train_step(data)


@pytest.mark.slow
def test_a_step_that_cannot_be_traced_trains_on_with_one_warning(tmp_path):
    def make():
        model = small(OnlyEager)
        model.run_eagerly = True
        return model

    callback = oracle.watching(tmp_path, write_graph=True, histogram_steps=1)
    with pytest.warns(UserWarning, match="no op graph .* cannot be traced") as told:
        ours = oracle.train(make, X, Y, [callback], epochs=2)
    assert [w.category for w in told].count(UserWarning) == 1
    oracle.assert_same(ours, oracle.train(make, X, Y, epochs=2))
    assert oracle.read(tmp_path).graph is None
    assert list(oracle.read(tmp_path).scalars["gradient_norm"]) == [0, 1, 2, 3]


@pytest.mark.parametrize("name", internals._LEANED_ON)
@pytest.mark.parametrize("now", [None, lambda self, other: None], ids=["gone", "other"])
def test_a_private_name_that_changed_is_told(name, now, tmp_path, monkeypatch):
    owner, _ = internals._LEANED_ON[name]
    monkeypatch.setattr(owner, name, now)
    with pytest.raises(RuntimeError, match=f"Keras 3.*{name}.*as in Keras 3.12 to"):
        TensorBoard(tmp_path)


def test_a_folder_of_another_file_system_is_not_looked_for_here():
    TensorBoard("gs://bucket/logs")


@pytest.mark.parametrize("idle", [{"histogram_steps": 5}, {"layers": "dense"}])
def test_what_does_nothing_is_said(idle, tmp_path):
    with pytest.warns(UserWarning, match=f"{[*idle][0]}: does nothing without"):
        TensorBoard(tmp_path, **idle)


@pytest.mark.parametrize("layers", [[], "", [3], 3, ["dense", ""]])
def test_layers_that_are_no_names_are_refused(layers, tmp_path):
    with pytest.raises(ValueError, match="layers: expected a name or a list of names"):
        TensorBoard(tmp_path, write_grads=True, layers=layers)


def test_layers_that_the_model_does_not_have_are_refused_before_training(tmp_path):
    model = small()
    before = model.get_weights()
    callback = oracle.watching(tmp_path, layers=["dense", "dens"])
    with pytest.raises(ValueError, match="received 'dens', .* did you mean 'dense'"):
        oracle.fit(model, X, Y, [callback])
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_without_the_layers_that_is_built_by_training_trains_on(tmp_path):
    model = keras.Sequential([layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    callback = oracle.watching(tmp_path, histogram_steps=1, layers="dens")
    with pytest.warns(UserWarning, match="training goes on: layers: .* 'dens'") as told:
        oracle.fit(model, X, Y, [callback])
    assert sum("layers:" in str(w.message) for w in told) == 1
    assert int(model.optimizer.iterations) > 0


def test_it_may_be_given_where_nothing_trains(tmp_path):
    callback = TensorBoard(tmp_path, write_grads=True)
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.predict(X, verbose=0, callbacks=[callback])
    model.compile(None, "mse")
    model.evaluate(X, Y, verbose=0, callbacks=[callback])


def test_a_subclass_may_leave_the_beginning_out(tmp_path):
    class Late(TensorBoard):
        def on_train_begin(self, logs=None):
            pass

    model = small()
    oracle.fit(model, X, Y, [Late(tmp_path, write_grads=True)])
    oracle.assert_left_alone(model)


@pytest.mark.slow
def test_a_fit_that_only_overflows_is_told_so(tmp_path):
    scaled = optimizers.LossScaleOptimizer(optimizers.SGD(), initial_scale=2.0**127)
    with pytest.warns(
        UserWarning, match="all 4 steps overflowed .* nothing was"
    ) as told:
        oracle.fit(
            small(optimizer=scaled), 1e6 * X, Y, [oracle.watching(tmp_path)], epochs=2
        )
    assert [w.category for w in told].count(UserWarning) == 1


def test_a_writer_without_its_private_resource_is_told():
    with pytest.raises(RuntimeError, match="TensorFlow 2.*_resource, as in"):
        internals.resource_of(object())
