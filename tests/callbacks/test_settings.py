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


def model_with(optimizer, dtype=None, **settings):
    """Returns a function that makes a small model, compiled with these settings."""

    def make():
        hidden = layers.Dense(5, activation="tanh", dtype=dtype)
        model = keras.Sequential([keras.Input((6,)), hidden, layers.Dense(3)])
        model.compile(optimizer(), "mse", **{"jit_compile": False, **settings})
        return model

    return make


def momentum(**options):
    return optimizers.SGD(0.1, momentum=0.9, **options)


def check(
    tmp_path, make, logged, single=None, rows=12, callback=(), known=None, **truth
):
    """Trains with and without; `single` makes the model that runs step by step.

    `known` is the plain training and its steps, if they are known already.
    """
    x, y = X[:rows], Y[:rows]
    ours = oracle.train(make, x, y, [oracle.watching(tmp_path, **dict(callback))])
    batches = oracle.batches_of(x, y)
    plain, steps = known or oracle.true_steps(single or make, x, y, batches, **truth)
    oracle.assert_same(ours, oracle.train(make, x, y) if single else plain)
    oracle.assert_left_alone(ours)
    log = oracle.read(tmp_path)
    oracle.assert_true(log, steps, logged)
    return log


SETTINGS = {
    "jit_compile=True": {"jit_compile": True},
    "jit_compile=auto": {"jit_compile": "auto"},
    "run_eagerly": {"run_eagerly": True},
}


@functools.cache
def truth_with(name):
    """A plain training and its true steps, once: both tests below only read them."""
    make = model_with(momentum, **SETTINGS[name])
    x, y = X[:12], Y[:12]
    return oracle.true_steps(make, x, y, oracle.batches_of(x, y))


@pytest.mark.parametrize("name", SETTINGS)
def test_it_works_with(name, tmp_path):
    make, callback = model_with(momentum, **SETTINGS[name]), {"histogram_steps": 2}
    check(tmp_path, make, [0, 2], callback=callback, known=truth_with(name))


@pytest.mark.parametrize("name", ["jit_compile=True", "run_eagerly"])
def test_big_outputs_are_counted_in_parts(name, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "PART", 8)  # What "auto" chooses is one of these.
    make = model_with(momentum, **SETTINGS[name])
    # A step that is left to Keras would be compiled, too, and is above.
    callback = {"histogram_steps": 1, "write_activations": True}
    log = check(tmp_path, make, [0, 1, 2], callback=callback, known=truth_with(name))
    assert log.histograms["dense/activation"][2][:, 2].sum() == 5 * oracle.ROWS


class Shrinking(optimizers.SGD):
    """Changes the weights before it applies their gradients."""

    def apply(self, grads, trainable_variables=None):
        for variable in trainable_variables:
            variable.assign(variable * 0.5)
        super().apply(grads, trainable_variables)


OPTIMIZERS = {
    "Shrinking": lambda: Shrinking(0.1),
    "RMSprop": lambda: optimizers.RMSprop(0.05),
    "momentum": momentum,
    "Adam": lambda: optimizers.AdamW(0.01, global_clipnorm=1.0),
    "accumulating": lambda: momentum(gradient_accumulation_steps=3),
    "in a branch": lambda: Guarded(0.1, momentum=0.9),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_compiled_steps_change_big_weights_alike(name, tmp_path, monkeypatch):
    monkeypatch.setattr(exact, "BIG", 8)
    monkeypatch.setattr(parts, "PART", 8)
    make = model_with(OPTIMIZERS[name], jit_compile=True)
    accumulate = 3 if name == "accumulating" else 1
    callback = {"histogram_steps": 1}
    logged = range(6 // accumulate)
    check(tmp_path, make, logged, rows=24, callback=callback, accumulate=accumulate)


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


CLIPPED = {"clipnorm": 1e-3, "clipvalue": 1e-4, "global_clipnorm": 1e-3}


@pytest.mark.parametrize("name", CLIPPED)
def test_gradients_are_logged_as_they_are_before_clipping(name, tmp_path):
    make = model_with(lambda: momentum(**{name: CLIPPED[name]}))
    log = check(tmp_path, make, [0, 2], callback={"histogram_steps": 2})
    assert log.scalars["gradient_norm"][0] > 0.1


def test_gradients_are_logged_without_weight_decay(tmp_path):
    make = model_with(lambda: optimizers.AdamW(0.01, weight_decay=0.5))
    check(tmp_path, make, [0, 2], callback={"histogram_steps": 2})


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
def test_of_fused_steps_the_last_is_logged(tmp_path, jit):
    make, single = (
        model_with(momentum, steps_per_execution=steps, jit_compile=jit)
        for steps in (7, 1)
    )
    # 10 steps: the second execution has 3.
    check(tmp_path, make, [6, 9], single, rows=40, callback={"histogram_steps": 8})


def test_steps_stay_the_optimizer_s_where_executions_are_cut_short(tmp_path):
    make, single = (model_with(momentum, steps_per_execution=s) for s in (7, 1))
    callback = oracle.watching(tmp_path, histogram_steps=12)
    ours = oracle.train(make, X, Y, [callback], epochs=3)
    plain, steps = oracle.true_steps(single, X, Y, oracle.batches_of(X, Y), epochs=3)
    assert int(ours.optimizer.iterations) == 30
    # Executions: 0-6, 7-9, 10-16, 17-19, 20-26, 27-29.
    oracle.assert_true(oracle.read(tmp_path), steps, [6, 16, 26])


HOW = {"graph": {}, "xla": {"jit_compile": True}, "eager": {"run_eagerly": True}}


@pytest.mark.parametrize("how", HOW)
def test_accumulated_gradients_are_logged_once_an_update(tmp_path, how):
    make = model_with(
        lambda: momentum(gradient_accumulation_steps=3, clipnorm=1e-2), **HOW[how]
    )
    callback = {"histogram_steps": 1, "write_activations": True}
    # 7 batches: the optimizer's iterations are updates, of which there are two.
    log = check(tmp_path, make, [0, 1], rows=28, callback=callback, accumulate=3)
    # Activations are those of the last batch.
    outputs = log.histograms["dense_1/activation"]
    assert [rows[:, 2].sum() for rows in outputs.values()] == [oracle.ROWS * 3] * 2


@pytest.mark.parametrize("how", HOW)
def test_an_execution_that_ends_with_a_part_of_an_update_logs_the_last(tmp_path, how):
    def accumulating():
        return momentum(gradient_accumulation_steps=2)

    make = model_with(accumulating, steps_per_execution=3, **HOW[how])
    single = model_with(accumulating, **HOW[how])
    # Executions of batches 0-2 and 3-5; updates after batches 1, 3 and 5.
    callback = {"histogram_steps": 1, "write_activations": True}
    log = check(
        tmp_path, make, [0, 2], single, rows=24, callback=callback, accumulate=2
    )
    outputs = log.histograms["dense_1/activation"]
    assert [rows[:, 2].sum() for rows in outputs.values()] == [oracle.ROWS * 3] * 2


def deep_model(how):
    def make():
        both = [layers.Dense(4, "relu"), layers.Dense(4)]
        inner = keras.Sequential(both, name="inner")
        outer = [layers.Dense(5, name="first"), inner, layers.Dense(3, name="last")]
        model = keras.Sequential([keras.Input((6,)), *outer])
        model.compile(momentum(global_clipnorm=0.1), "mse", **HOW[how])
        return model

    return make


@pytest.mark.parametrize("how", HOW)
def test_only_chosen_layers_are_measured(how, tmp_path, monkeypatch):
    measured, measure = [], measures.measure

    def listed(tensors, **options):
        measured.extend(tuple(tensor.shape) for tensor in tensors)
        return measure(tensors, **options)

    monkeypatch.setattr(measures, "measure", listed)
    make, x, y = deep_model(how), X[:4], Y[:4]
    callbacks = [
        oracle.watching(tmp_path / name, write_activations=True, layers=chosen)
        for name, chosen in (("some", ["inner", "la*"]), ("relu", "*/dense"))
    ]
    plain, steps = oracle.true_steps(make, x, y, oracle.batches_of(x, y))
    left_out = {"some": {"first"}, "relu": {"first", "last", "inner/dense_1"}}
    # In one training, each writes its own.
    oracle.assert_same(oracle.train(make, x, y, callbacks), plain)
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
    ours = oracle.train(make, X[:12], Y[:12], [callback])
    oracle.assert_same(ours, oracle.train(make, X[:12], Y[:12]))
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
def test_an_optimizer_may_update_in_a_branch(tmp_path, how):
    make = model_with(lambda: Guarded(0.1, momentum=0.9), **HOW[how])
    every = 1 if how == "xla" else 2  # As above: a step of Keras's takes seconds.
    logged = range(0, 3, every)
    check(tmp_path, make, logged, callback={"histogram_steps": every})


def half(scale):
    """Makes a mixed_float16 model whose loss scale starts too high, or not."""

    def optimizer():
        return optimizers.LossScaleOptimizer(momentum(), initial_scale=scale)

    return model_with(optimizer, dtype="mixed_float16")


def test_mixed_precision_gradients_are_logged_unscaled(tmp_path):
    log = check(tmp_path, half(2.0**10), [0, 2], callback={"histogram_steps": 2})
    assert log.scalars["skipped_steps"] == {0: 0, 2: 0}


def test_a_skipped_step_is_counted_and_nothing_is_logged_for_it(tmp_path):
    make = half(2.0**20)
    log = check(tmp_path, make, [0, 2, 4], rows=40, callback={"histogram_steps": 2})
    made = max(log.scalars["skipped_steps"])
    assert log.scalars["skipped_steps"][made] > 1
    assert log.scalars["gradient_not_finite"] == {0: 0, 2: 0, 4: 0}


def test_parts_of_updates_are_not_taken_for_skipped_steps(tmp_path):
    def optimizer():
        inner = momentum(gradient_accumulation_steps=2)
        return optimizers.LossScaleOptimizer(inner, initial_scale=8.0)

    model = model_with(optimizer)()
    for name in ("first", "second"):
        # 3 batches: one update, and then two.
        callback = oracle.watching(tmp_path / name, histogram_steps=1)
        oracle.fit(model, X[:12], Y[:12], [callback])
    for name, steps in (("first", [0]), ("second", [1, 2])):
        skipped = oracle.read(tmp_path / name).scalars["skipped_steps"]
        assert skipped == dict.fromkeys(steps, 0)


def test_a_short_execution_is_not_taken_for_skipped_steps(tmp_path):
    def optimizer():
        return optimizers.LossScaleOptimizer(momentum(), initial_scale=8.0)

    model = model_with(optimizer, steps_per_execution=7)()
    # 10 steps an epoch: the second execution has 3.
    oracle.fit(model, X, Y, [oracle.watching(tmp_path, histogram_steps=1)], epochs=2)
    skipped = oracle.read(tmp_path).scalars["skipped_steps"]
    assert skipped == dict.fromkeys([6, 9, 16, 19], 0)
