"""However often and with what callbacks a model is fit, what is logged is true."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from oracles import callback_oracle as oracle
from oracles.small_fits import X, Y, compiled, small
from tensorflow.python.framework.func_graph import FuncGraph

from xorlab.eventlog.graph import train_step_graph
from xorlab.steps import requests, watched


def freeze(model):
    model.get_layer("hidden").trainable = False


def compiled_and_built(model):
    compiled(model)
    model.optimizer.build(model.trainable_variables)  # Else a step is traced twice.
    return model


def with_the_same_optimizer(model):
    freeze(model)
    model.compile(model.optimizer, "mse", jit_compile=False)


def of_two_layers():
    x = keras.Input((6,))
    hidden = layers.Dense(2, name="hidden")(x)
    return compiled_and_built(keras.Model(x, layers.Dense(3, name="last")(hidden)))


BOTH, LAST = {"hidden", "last"}, {"last"}


# (what is done, the steps of the third fit that are logged, the layers that learn)
BETWEEN = {
    "nothing": (lambda model: None, [6, 8], BOTH),
    "compile": (compiled_and_built, [0, 2], BOTH),
    # What Keras has traced still trains the layer, until the next compile.
    "freezing": (freeze, [6, 8], BOTH),
    "freezing and compile": (
        lambda model: (freeze(model), compiled_and_built(model)),
        [0, 2],
        LAST,
    ),
    "freezing and the same optimizer": (with_the_same_optimizer, [6, 8], LAST),
    "setting back": (lambda m: m.optimizer.iterations.assign(0), [0, 2], BOTH),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BETWEEN)
def test_fits_with_and_without_take_turns(name, tmp_path):
    between, logged, learning = BETWEEN[name]

    def run(*fits):
        model = oracle.fresh(of_two_layers)
        for number, callbacks in enumerate(fits):
            if number:
                between(model)
            oracle.fit(model, X, Y, callbacks)
            oracle.assert_left_alone(model)
        return model

    first, third = (
        oracle.watching(tmp_path / name, histogram_steps=2)
        for name in ("first", "third")
    )
    oracle.assert_same(run([first], [], [third]), run([], [], []))
    log = oracle.read(tmp_path / "first")
    assert list(log.scalars["gradient_norm"]) == [0, 2]
    log = oracle.read(tmp_path / "third")
    assert list(log.scalars["gradient_norm"]) == logged
    assert oracle.names(log.scalars, "gradient_rms/") == learning


@pytest.mark.slow
def test_nothing_is_measured_at_steps_that_do_not_log(tmp_path, monkeypatch):
    def run(callbacks):
        model = oracle.train(small, X, Y)
        oracle.fit(model, X, Y, callbacks)
        oracle.assert_left_alone(model)
        return model

    monkeypatch.setattr(watched, "StepMonitor", None)  # Whoever measures makes one.
    ours = run([oracle.watching(tmp_path, histogram_steps=100)])
    oracle.assert_same(ours, run([]))


class Traced(keras.Model):
    """Counts how often its step is traced."""

    traces = 0

    def train_step(self, data):
        self.traces += 1
        return super().train_step(data)


def counting():
    x = keras.Input((6,))
    return compiled(Traced(x, layers.Dense(3, name="last")(x)))


@pytest.mark.slow
@pytest.mark.parametrize("anew", [False, True], ids=["one callback", "a new one each"])
def test_a_step_is_traced_for_logging_once_a_model(anew, tmp_path):
    def callback():
        return oracle.watching(tmp_path, histogram_steps=2)

    model, ours = oracle.fresh(counting), callback()
    oracle.fit(model, X, Y, [ours])
    traces = model.traces
    for _ in range(2):
        oracle.fit(model, X, Y, [callback() if anew else ours])
    assert model.traces == traces > 0


def residual():
    x = keras.Input((6,))
    hidden = x + layers.BatchNormalization()(layers.Dense(6, "relu")(x))
    dropped = layers.Dropout(0.5)(hidden)
    return compiled_and_built(Traced(x, layers.Dense(3, name="last")(dropped)))


@pytest.mark.slow
def test_a_step_that_is_watched_is_drawn_without_another_trace(tmp_path):
    # A big model's trace takes seconds.
    model = oracle.fresh(residual)
    options = {"write_graph": True, "write_activations": True}
    oracle.fit(model, X, Y, [oracle.watching(tmp_path, **options)])
    assert model.traces == 2  # To be watched, and Keras's own.
    batch = tf.TensorSpec((oracle.ROWS, 6)), tf.TensorSpec((oracle.ROWS, 3))
    drawn, alone = (
        {(node.name, node.op, *node.input) for node in graph.node}
        for graph in (oracle.read(tmp_path).graph, train_step_graph(model, batch))
    )
    assert drawn == alone


@pytest.fixture
def little_to_collect():
    """What other tests have left is not looked at: it takes most of a second."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.slow
def test_what_is_kept_for_a_model_goes_with_it(little_to_collect, tmp_path):
    model = oracle.train(counting, X, Y, [oracle.watching(tmp_path)])
    gone = weakref.ref(model), weakref.ref(requests.StepRequests.of(model))
    del model
    keras.utils.clear_session(free_memory=False)
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


def dropped():
    x = keras.Input((6,))
    return compiled(
        keras.Model(x, layers.Dense(3, name="last")(layers.Dropout(0.5)(x)))
    )


@pytest.mark.slow
def test_activations_may_be_asked_for_later(tmp_path):
    model = oracle.fresh(dropped)
    oracle.fit(model, X, Y, [oracle.watching(tmp_path / "first")])
    oracle.fit(model, X, Y, [oracle.watching(tmp_path / "2", write_activations=True)])
    oracle.fit(model, X, Y, [oracle.watching(tmp_path / "third")])
    tags = {
        name: {tag for tag in oracle.read(tmp_path / name).histograms if "activ" in tag}
        for name in ("first", "2", "third")
    }
    layer_tags = {f"{layer}/activation" for layer in ("dropout", "last")}
    assert tags == {"first": set(), "2": layer_tags, "third": set()}


@pytest.mark.slow
def test_fits_on_batches_of_other_sizes_are_keras_s_to_the_bit(tmp_path):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(120, 6)).astype("float32")
    y = rng.normal(size=(120, 3)).astype("float32")

    def adam():
        model = dropped()
        model.compile(keras.optimizers.Adam(0.1), "mse", jit_compile=False)
        return model

    def run(callbacks):
        model = oracle.fresh(adam)
        # Batches of 4; the last ones of the first fit and the third have 2 and 1.
        for rows in (118, 120, 61, 120):
            oracle.fit(model, x[:rows], y[:rows], callbacks)
        return model

    callback = oracle.watching(tmp_path, histogram_steps=7)
    oracle.assert_same(run([callback]), run([]))
    assert len(oracle.read(tmp_path).scalars["gradient_norm"]) > 10


@pytest.mark.slow
def test_a_callback_serves_another_model_afterwards(tmp_path):
    callback = oracle.watching(tmp_path, histogram_steps=2, write_graph=True)
    oracle.train(small, X, Y, [callback])

    def other():
        return compiled(keras.Sequential([layers.Dense(3, name="other")]))

    ours = oracle.train(other, X[:, :4], Y, [callback])
    batches = oracle.batches_of(X[:, :4], Y)
    plain, steps = oracle.true_steps(other, X[:, :4], Y, batches)
    oracle.assert_same(ours, plain)
    rms = oracle.read(tmp_path).scalars["gradient_rms/other"]
    gradient = np.concatenate([g.ravel() for g in steps[2].gradients.values()])
    oracle.close(rms[2], np.sqrt(np.mean(gradient.astype(float) ** 2)))


@pytest.mark.slow
def test_models_are_saved_and_loaded_during_and_after(tmp_path):
    def run(*watching):
        name = "with" if watching else "without"
        during, after = (str(tmp_path / f"{name}{n}.keras") for n in (1, 2))
        checkpoint = keras.callbacks.ModelCheckpoint(during, save_freq=2)
        model = oracle.train(small, X, Y, [*watching[:1], checkpoint])
        model.save(after)
        loaded = [keras.models.load_model(path) for path in (during, after)]
        for one, other in zip(loaded[1].weights, model.weights, strict=True):
            assert np.array_equal(one, other)
        for other in loaded:
            oracle.fit(other, X, Y, watching[1:])
        return loaded

    callbacks = [
        oracle.watching(tmp_path / name, histogram_steps=1) for name in ("one", "two")
    ]
    for ours, plain in zip(run(*callbacks), run(), strict=True):
        oracle.assert_same(ours, plain)
        oracle.assert_left_alone(ours)
    # From 2 after the checkpoint, from 3 after the end.
    assert list(oracle.read(tmp_path / "two").scalars["gradient_norm"]) == [2, 3, 4, 5]


def graphs_alive():
    gc.collect()
    return sum(isinstance(x, FuncGraph) for x in gc.get_objects())


@pytest.mark.slow
def test_more_fits_of_a_compiled_model_trace_nothing_and_keep_nothing(
    little_to_collect, tmp_path
):
    # Metrics are made by a step, which would be traced once more.
    model = compiled(small(), metrics=["mae"])
    traces, step = [], model.train_step
    model.train_step = lambda data: traces.append(data) or step(data)
    options = {"write_graph": True, "histogram_steps": 2, "write_activations": True}
    first, *others = (
        oracle.watching(tmp_path / name, **options) for name in ("first", "2", "3")
    )
    oracle.fit(model, X, Y, [first])
    # Keras's own, and one that is watched and drawn: Keras alone makes two.
    assert len(traces) == 2
    alive = graphs_alive()
    for callback in (first, *others):
        oracle.fit(model, X, Y, [callback])
    assert len(traces) == 2
    assert graphs_alive() == alive
    drawn = oracle.read(tmp_path / "first").graph
    assert oracle.read(tmp_path / "3").graph == drawn
    compiled(model, metrics=["mae"])
    oracle.fit(model, X, Y, [first])
    assert len(traces) == 4
