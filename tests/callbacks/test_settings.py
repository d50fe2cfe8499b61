"""However a model is compiled, the true gradients are logged."""

import functools
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers
from oracles import callback_oracle as oracle

from xorlab.steps import exact, measures, parts
from xorlab.steps.monitor import StepMonitor
from xorlab.steps.observe import observed

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(2)
X = RNG.normal(size=(40, 6)).astype("float32")
Y = RNG.normal(size=(40, 3)).astype("float32")
BATCHES = oracle.batches_of(X, Y)
DATA = oracle.as_dataset(X, Y)
SETTINGS = {
    "graph": {"jit_compile": False},
    "xla": {"jit_compile": True},
    "auto": {"jit_compile": "auto"},
    "eager": {"run_eagerly": True},
}
HOW = ["graph", "xla", "eager"]  # What "auto" chooses is one of these.


@functools.cache
def model_with(optimizer, how="graph", dtype=None, **settings):
    """Returns a function that makes a small model, compiled with these settings."""

    def make():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(3, dtype=dtype)])
        model.compile(optimizer(), "mse", **SETTINGS[how], **settings)
        return model

    return make


def momentum(**options):
    return optimizers.SGD(0.1, momentum=0.9, **options)


@functools.cache
def truth(make, batches=3, epochs=1, accumulate=1):
    """A plain training and its true steps, once: they are only read."""
    options = {"epochs": epochs, "accumulate": accumulate}
    data = DATA.take(batches)
    return oracle.true_steps(make, data, None, BATCHES[:batches], **options)


def check(tmp_path, make, known, logged, batches=3, epochs=1, **callback):
    """Trains with the callback; returns what it logged.

    `known` is the model that was trained without, and the true steps.
    """
    callbacks = [oracle.watching(tmp_path, **callback)]
    ours = oracle.train(make, DATA.take(batches), None, callbacks, epochs=epochs)
    plain, steps = known
    oracle.assert_same(ours, plain)
    oracle.assert_left_alone(ours)
    log = oracle.read(tmp_path)
    oracle.assert_true(log, steps, logged)
    return log


@pytest.mark.parametrize("how", ["xla", "auto", "eager"])
def test_it_works_with(how, tmp_path):
    make = model_with(momentum, how)
    check(tmp_path, make, truth(make), [0, 2], histogram_steps=2)


def take_for_big(monkeypatch):
    """Has kernels and outputs be big, and measured in parts."""
    monkeypatch.setattr(exact, "BIG", 8)
    monkeypatch.setattr(parts, "PART", 8)


@pytest.mark.parametrize("how", ["xla", "eager"])
def test_big_outputs_are_counted_in_parts(how, tmp_path, monkeypatch):
    take_for_big(monkeypatch)
    make = model_with(momentum, how)
    callback = {"histogram_steps": 1, "write_activations": True}
    log = check(tmp_path, make, truth(make), [0, 1, 2], **callback)
    assert log.histograms["dense/activation"][2][:, 2].sum() == 3 * oracle.ROWS


class Shrinking(optimizers.SGD):
    """Changes the weights before it applies their gradients."""

    def apply(self, grads, trainable_variables=None):
        for variable in trainable_variables:
            variable.assign(variable * 0.5)
        super().apply(grads, trainable_variables)


OPTIMIZERS = {
    # A power of two: XLA may round either of its products first, and neither is here.
    "Shrinking": lambda: Shrinking(0.125),
    "RMSprop": lambda: optimizers.RMSprop(0.05),
    "momentum": momentum,
    "Adam": lambda: optimizers.AdamW(0.01, global_clipnorm=1.0),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_compiled_steps_change_big_weights_alike(name, tmp_path, monkeypatch):
    take_for_big(monkeypatch)
    make = model_with(OPTIMIZERS[name], "xla")
    check(tmp_path, make, truth(make), [0, 1, 2], histogram_steps=1)


def test_compiled_steps_do_not_copy_big_weights(monkeypatch):
    monkeypatch.setattr(exact, "BIG", 64 * 64)
    monkeypatch.setattr(parts, "PART", 512)
    model = keras.Sequential([keras.Input((64,)), layers.Dense(64), layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=True)
    model.optimizer.build(model.trainable_variables)
    roots = {"": model.optimizer}
    monitor = StepMonitor(model, roots, activations=False)
    step = tf.function(model.train_step, jit_compile=True)
    with observed(roots, monitor):
        compiled = step.experimental_get_compiler_ir((tf.ones([4, 64]), tf.ones([4])))
        program = compiled(stage="optimized_hlo")
    assert re.search(r"f32\[64,64\]\S* dot\(", program)  # It is there, as a gradient.
    assert not re.search(r"f32\[64,64\]\S* copy\(", program)


# Each of them is in a graph, and compiled, in one of the tests below.
CLIPPED = {"clipnorm": 1e-3, "clipvalue": 1e-4, "global_clipnorm": 1e-3}


@pytest.mark.parametrize("name", CLIPPED)
def test_gradients_are_logged_as_they_are_before_clipping(name, tmp_path):
    make = model_with(lambda: momentum(**{name: CLIPPED[name]}), "eager")
    log = check(tmp_path, make, truth(make), [0, 1, 2], histogram_steps=1)
    assert log.scalars["gradient_norm"][0] > 0.1


def test_gradients_are_logged_without_weight_decay(tmp_path):
    make = model_with(lambda: optimizers.AdamW(0.01, weight_decay=0.5))
    check(tmp_path, make, truth(make), [0, 1, 2], histogram_steps=1)


@pytest.mark.parametrize("how", ["graph", "xla"])
def test_of_fused_steps_the_last_is_logged(how, tmp_path):
    make = model_with(momentum, how, steps_per_execution=7)
    plain = oracle.train(make, DATA, epochs=3)
    _, steps = truth(model_with(momentum, "eager"), batches=10, epochs=3)
    known, times = (plain, steps), {"batches": 10, "epochs": 3}
    # Executions: 0-6, 7-9, 10-16, 17-19, 20-26, 27-29.
    check(tmp_path, make, known, [6, 9, 16, 26], **times, histogram_steps=8)
    assert int(plain.optimizer.iterations) == 30


def accumulating():
    return momentum(gradient_accumulation_steps=3, clipnorm=1e-2)


@pytest.mark.parametrize("how", HOW)
def test_accumulated_gradients_are_logged_once_an_update(how, tmp_path, monkeypatch):
    if how == "xla":
        take_for_big(monkeypatch)
    make = model_with(accumulating, how)
    # 7 batches: the optimizer's iterations are updates, of which there are two.
    known = truth(make, batches=7, accumulate=3)
    callback = {"histogram_steps": 1, "write_activations": True}
    log = check(tmp_path, make, known, [0, 1], batches=7, **callback)
    # Activations are those of the last batch.
    outputs = log.histograms["dense/activation"]
    assert [rows[:, 2].sum() for rows in outputs.values()] == [oracle.ROWS * 3] * 2


def of_two_batches():
    return momentum(gradient_accumulation_steps=2, clipvalue=1e-2)


@pytest.mark.parametrize("how", HOW)
def test_an_execution_that_ends_with_a_part_of_an_update_logs_the_last(how, tmp_path):
    make = model_with(of_two_batches, how, steps_per_execution=3)
    plain = oracle.train(make, DATA.take(6))
    _, steps = truth(model_with(of_two_batches, "eager"), batches=6, accumulate=2)
    # Executions of batches 0-2 and 3-5; updates after batches 1, 3 and 5.
    callback = {"histogram_steps": 1, "write_activations": True}
    log = check(tmp_path, make, (plain, steps), [0, 2], batches=6, **callback)
    outputs = log.histograms["dense/activation"]
    assert [rows[:, 2].sum() for rows in outputs.values()] == [oracle.ROWS * 3] * 2


@functools.cache
def deep_model(how):
    def make():
        both = [layers.Dense(4, "relu"), layers.Dense(4)]
        inner = keras.Sequential(both, name="inner")
        outer = [layers.Dense(5, name="first"), inner, layers.Dense(3, name="last")]
        model = keras.Sequential([keras.Input((6,)), *outer])
        sgd = optimizers.SGD(0.1, global_clipnorm=0.1)
        model.compile(sgd, "mse", **SETTINGS[how])
        return model

    return make


@pytest.mark.parametrize("how", HOW)
def test_only_chosen_layers_are_measured(how, tmp_path, monkeypatch):
    measured, measure = [], measures.measure

    def listed(tensors, **options):
        measured.extend(tuple(tensor.shape) for tensor in tensors)
        return measure(tensors, **options)

    monkeypatch.setattr(measures, "measure", listed)
    make, data = deep_model(how), DATA.take(1)
    callbacks = [
        oracle.watching(tmp_path / name, write_activations=True, layers=chosen)
        for name, chosen in (("some", ["inner", "la*"]), ("relu", "*/dense"))
    ]
    _, steps = truth(deep_model("eager"), batches=1)
    left_out = {"some": {"first"}, "relu": {"first", "last", "inner/dense_1"}}
    # In one training, each writes its own.
    ours = oracle.train(make, data, callbacks=callbacks)
    oracle.assert_same(ours, oracle.train(make, data))
    for name, without in left_out.items():
        log = oracle.read(tmp_path / name)
        some = {number: step.without(without) for number, step in steps.items()}
        # Of a step, all that is logged is of these: also the norm.
        oracle.assert_true(log, some, [0])
        outputs = {tag for tag in log.histograms if tag.endswith("/activation")}
        layers_seen = {"first", "inner", "inner/dense", "inner/dense_1", "last"}
        if name == "relu":
            layers_seen.discard("inner")
        assert outputs == {f"{x}/activation" for x in layers_seen - without}
    # What is left out costs nothing.
    assert (4, 4) in measured and (6, 5) not in measured


def test_layers_without_weights_may_be_chosen(tmp_path):
    def make():
        hidden = [layers.Dense(4), layers.ReLU(name="relu"), layers.Dense(3)]
        model = keras.Sequential([keras.Input((6,)), *hidden])
        model.compile(momentum(), "mse", jit_compile=False)
        return model

    callback = oracle.watching(tmp_path, write_activations=True, layers="relu")
    ours = oracle.train(make, DATA.take(1), callbacks=[callback])
    oracle.assert_same(ours, oracle.train(make, DATA.take(1)))
    log = oracle.read(tmp_path)
    assert list(log.histograms) == ["relu/activation"]
    # Nothing is said of a gradient that was not looked at, but that.
    assert not any("gradient" in tag or "update" in tag for tag in log.scalars)
    assert not callback.verdict.findings
    assert "not judged: dense and dense_1" in str(callback.verdict)


class Guarded(optimizers.SGD):
    """Updates in a branch, as optimizers do that leave out what is not finite."""

    def apply(self, grads, trainable_variables=None):
        def update():
            optimizers.SGD.apply(self, grads, trainable_variables)

        finite = keras.ops.isfinite(keras.ops.sum(grads[0]))
        keras.ops.cond(finite, update, lambda: None)


@pytest.mark.parametrize("how", HOW)
def test_an_optimizer_may_update_in_a_branch(how, tmp_path, monkeypatch):
    if how != "eager":
        take_for_big(monkeypatch)
    make = model_with(lambda: Guarded(0.1, momentum=0.9), how)
    check(tmp_path, make, truth(make), [0, 1, 2], histogram_steps=1)


def test_gradients_are_logged_unscaled_and_skipped_steps_are_counted(tmp_path):
    def too_high():
        return optimizers.LossScaleOptimizer(momentum(), initial_scale=2.0**20)

    make = model_with(too_high, dtype="mixed_float16")
    known = truth(make, batches=10)
    log = check(tmp_path, make, known, [0, 2, 4], batches=10, histogram_steps=2)
    # All of them come before the first that is made.
    [skipped] = set(log.scalars["skipped_steps"].values())
    assert skipped > 1
    assert log.scalars["gradient_not_finite"] == {0: 0, 2: 0, 4: 0}


def test_parts_of_updates_are_not_taken_for_skipped_steps(tmp_path):
    def optimizer():
        inner = momentum(gradient_accumulation_steps=2)
        return optimizers.LossScaleOptimizer(inner, initial_scale=8.0)

    model = model_with(optimizer)()
    for name in ("first", "second"):
        # 3 batches: one update, and then two.
        callback = oracle.watching(tmp_path / name, histogram_steps=1)
        oracle.fit(model, DATA.take(3), callbacks=[callback])
    for name, steps in (("first", [0]), ("second", [1, 2])):
        skipped = oracle.read(tmp_path / name).scalars["skipped_steps"]
        assert skipped == dict.fromkeys(steps, 0)


def test_a_short_execution_is_not_taken_for_skipped_steps(tmp_path):
    def optimizer():
        return optimizers.LossScaleOptimizer(momentum(), initial_scale=8.0)

    model = model_with(optimizer, steps_per_execution=7)()
    # 10 steps an epoch: the second execution has 3.
    callback = oracle.watching(tmp_path, histogram_steps=1)
    oracle.fit(model, DATA, callbacks=[callback], epochs=2)
    skipped = oracle.read(tmp_path).scalars["skipped_steps"]
    assert skipped == dict.fromkeys([6, 9, 16, 19], 0)
