"""Many steps in one program are the same steps."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from xorlab import models
from xorlab.models import OPTIMIZERS, data
from xorlab.models.activations import ACTIVATIONS
from xorlab.models.fused import FusedModel
from xorlab.models.layers import Affine

STEPS = 60
KERAS = tuple(map(int, keras.__version__.split(".")[:2]))


def plain(model):
    """The same network and weights as an ordinary Keras model."""
    twin = keras.models.clone_model(keras.Model(model.inputs, model.outputs))
    twin.set_weights(model.get_weights())
    return twin


def plain_and_compiled(model, *settings, **more):
    """A twin that Keras trains by TensorFlow's own operations: XLA takes seconds."""
    return compiled(plain(model), *settings, **{"jit_compile": False, **more})


def compiled(model, optimizer="sgd", learning_rate=0.1, **kwargs):
    kind, settings = OPTIMIZERS[optimizer]
    optimizer = getattr(keras.optimizers, kind)(learning_rate, **settings)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"], **kwargs)
    return model


class Losses(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.each = []

    def on_train_batch_begin(self, batch, logs=None):
        self.model.reset_metrics()  # Or Keras logs means over the epoch.

    def on_train_batch_end(self, batch, logs=None):
        self.each.append(logs["loss"])


def assert_same_training(fused, twin, rtol, networks=1):
    """Compares the loss of every step, then the weights of networks side by side."""
    one_by_one, in_parts = Losses(), Losses()
    start = by_network(fused, networks)
    labels = np.repeat(data.LABELS, networks, axis=1)
    for model in (fused, twin):
        # Made by a first trace, they would have TensorFlow trace a second time.
        model.optimizer.build(model.trainable_variables)
        x, y = keras.ops.array(data.INPUTS), keras.ops.array(labels)
        model.compute_metrics(x, y, model(x))
        model.reset_metrics()
    batches = tf.data.Dataset.from_tensors((data.INPUTS, labels)).repeat(STEPS)
    twin.fit(batches, shuffle=False, verbose=0, callbacks=[one_by_one])
    fused.steps_per_execution = 20
    fused.fit(data.INPUTS, labels, epochs=STEPS // 20, verbose=0, callbacks=[in_parts])
    # The logs of an execution are those of its last step.
    np.testing.assert_allclose(in_parts.each, one_by_one.each[19::20], rtol=rtol)
    both = by_network(fused, networks), by_network(twin, networks)
    for before, ours, keras_s in zip(start, *both, strict=True):
        # Of the way that the weights went, or an optimizer that does nothing would
        # pass.
        moved = np.abs(keras_s - before).max()
        assert moved > 0
        np.testing.assert_allclose(ours, keras_s, rtol=0, atol=1.5 * rtol * moved)
    assert int(fused.optimizer.iterations) == STEPS


def by_network(model, networks):
    weights = model.get_weights()
    each = len(weights) // networks
    return [
        np.concatenate([w.ravel() for w in weights[i : i + each]])
        for i in range(0, len(weights), each)
    ]


@pytest.mark.slow
def test_every_activation_trains_as_under_plain_fit():
    # In one program, since each would be compiled for seconds.
    x = keras.Input((2,))
    networks = [
        keras.Model(deep.input, deep.output, name=name)
        for name in ACTIVATIONS
        for deep in [models.deep(name, depth=2, seed=3)]
    ]
    outputs = keras.layers.Concatenate()([network(x) for network in networks])
    rate = 0.1 * len(networks)  # The loss is their mean.
    fused = compiled(FusedModel(x, outputs), learning_rate=rate, jit_compile=True)
    twin = plain_and_compiled(fused, learning_rate=rate)
    # 60 steps let rounding grow to a few hundred float32 units in the last place.
    assert_same_training(fused, twin, rtol=5e-5, networks=len(networks))


@pytest.mark.slow
def test_a_deeper_network_trains_as_under_plain_fit():
    fused = compiled(models.deep("tanh", depth=4, seed=3), jit_compile=True)
    # As a user has it: Keras chooses XLA, too.
    twin = plain_and_compiled(fused, jit_compile="auto")
    assert_same_training(fused, twin, rtol=5e-5)


@pytest.fixture
def float64():
    # Layers ask the policy, which Keras makes of floatx once, for the first layer.
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_trains_as_under_plain_fit(optimizer, float64):
    if optimizer in ("muon", "schedulefreeadamw") and KERAS < (3, 15):
        pytest.skip("before Keras 3.15 Muon fails on TensorFlow, ScheduleFree is not")
    # Of one layer: a rule is for a kernel and for a bias.
    x = keras.Input((2,))
    fused = FusedModel(x, Affine(1, "sigmoid")(x))
    fused.set_weights([np.array([[0.5], [-1.0]]), np.array([0.25])])
    compiled(fused, optimizer, 0.01, jit_compile=True)
    twin = plain_and_compiled(fused, optimizer, 0.01)
    # Adaptive ones divide by small second moments, which magnifies rounding: in single
    # precision up to a hundredth, by the processor.
    assert_same_training(fused, twin, rtol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"jit_compile": False}, {"run_eagerly": True}])
def test_it_also_runs_without_xla(settings):
    fused = compiled(models.deep("tanh", depth=2, seed=3), **settings)
    assert_same_training(fused, plain_and_compiled(fused), rtol=5e-5)


@pytest.mark.slow
def test_any_small_data_set_and_layers_will_do():
    rng = np.random.default_rng(0)
    x = {"a": rng.normal(size=(12, 3)), "b": rng.normal(size=(12, 2))}
    y = rng.normal(size=(12, 2))
    weight = rng.uniform(size=12)

    def network(model, by_xla):
        inputs = {"a": keras.Input((3,), name="a"), "b": keras.Input((2,), name="b")}
        joined = keras.layers.Concatenate()([inputs["a"], inputs["b"]])
        last = keras.layers.Dense(2, "tanh", kernel_initializer="ones")
        model = model(inputs, last(joined))
        rate = keras.optimizers.SGD(0.1)
        model.compile(rate, "mse", metrics=["mae"], jit_compile=by_xla)
        return model

    fused, twin = network(FusedModel, True), network(keras.Model, False)
    fused.steps_per_execution = 30
    fused.fit(x, y, sample_weight=weight, verbose=0)
    twin.fit(
        x, y, sample_weight=weight, batch_size=12, epochs=30, shuffle=False, verbose=0
    )
    for ours, keras_s in zip(fused.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(ours, keras_s, rtol=1e-4)


@pytest.mark.slow
def test_another_number_of_steps_is_not_another_program():
    traces = 0

    class Counting(FusedModel):
        def train_step(self, batch):
            nonlocal traces
            traces += 1
            return super().train_step(batch)

    small = models.deep(depth=2)
    model = compiled(Counting(small.inputs, small.outputs), jit_compile=True)
    model.fit(data.INPUTS, data.LABELS, verbose=0)
    first = traces
    for steps in (7, 3):
        model.steps_per_execution = steps
        model.fit(data.INPUTS, data.LABELS, verbose=0)
    assert traces == first > 0
    assert int(model.optimizer.iterations) == 11


@pytest.mark.slow
def test_a_step_without_a_finite_loss_is_the_last():
    model = compiled(models.deep("identity", depth=2), learning_rate=1e30)
    model.steps_per_execution = 1000
    history = model.fit(data.INPUTS, data.LABELS, verbose=0)
    assert not np.isfinite(history.history["loss"][-1])
    assert int(model.optimizer.iterations) < 10


def test_data_in_several_batches_is_refused():
    model = compiled(models.shallow())
    with pytest.raises(ValueError, match="batch_size: expected None or all 4 rows"):
        model.fit(data.INPUTS, data.LABELS, batch_size=2)
    batches = tf.data.Dataset.from_tensor_slices((data.INPUTS, data.LABELS)).batch(2)
    with pytest.raises(ValueError, match="exactly 1 batch; received one of 2"):
        model.fit(batches)
    with pytest.raises(ValueError, match="an unknown number of"):
        model.fit(batches.filter(lambda x, y: True))


def test_no_data_are_refused():
    model = compiled(models.shallow())
    with pytest.raises(ValueError, match="x: expected at least 1 row; received 0"):
        model.fit(data.INPUTS[:0], data.LABELS[:0])


def test_a_step_is_given_what_keras_s_fit_would_give_it():
    def given_to_a_step(base):
        class Seeing(base):
            def train_step(self, batch):
                given.extend(keras.tree.flatten(batch))
                return super().train_step(batch)

        given = []
        x = keras.Input((2,), dtype="int32")
        model = Seeing(x, keras.layers.Dense(1)(keras.layers.Rescaling(0.5)(x)))
        model.compile("sgd", "mse", run_eagerly=True)
        weights = np.array([1.0, 2.0, 3.0, 4.0])  # Double precision.
        rows = {"x": data.INPUTS.astype(int), "y": data.LABELS.astype(float)}
        model.fit(**rows, sample_weight=weights, batch_size=4, shuffle=False, verbose=0)
        return [(array.dtype, array.numpy().tolist()) for array in given]

    assert given_to_a_step(FusedModel) == given_to_a_step(keras.Model)


def test_a_dataset_of_one_batch_is_taken_as_it_is():
    model = compiled(models.shallow(), jit_compile=False)
    model.steps_per_execution = 5
    model.fit(tf.data.Dataset.from_tensors((data.INPUTS, data.LABELS)), verbose=0)
    assert int(model.optimizer.iterations) == 5


@pytest.mark.slow
def test_evaluate_and_predict_print_no_more_than_keras_does(capsys):
    fused = compiled(models.deep("tanh", depth=2), steps_per_execution=1000)
    printed, found = [], []
    for model in (fused, plain_and_compiled(fused)):
        capsys.readouterr()
        cost, _ = model.evaluate(data.INPUTS, data.LABELS)
        found.append([cost, *model.predict(data.INPUTS).ravel()])
        printed.append(re.sub(r"\d+m?s(/step)?|\x08| ", "", capsys.readouterr().out))
    assert printed[0] == printed[1] and "1/1" in printed[0]
    np.testing.assert_allclose(*found, rtol=1e-5)
    assert fused.steps_per_execution == 1000
