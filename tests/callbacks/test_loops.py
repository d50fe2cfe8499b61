"""Training without `fit` is logged as `fit` is, and changed as little."""

import contextlib
import functools
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers
from oracles import callback_oracle as oracle

import xorlab
from xorlab import loops
from xorlab.eventlog.eventfile import OwnRecords
from xorlab.steps.loops import LoopRequests

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(11)
X = RNG.normal(size=(12, 3)).astype("float32")
Y = RNG.normal(size=(12, 2)).astype("float32")
BATCHES = oracle.batches_of(X, Y)


def network(optimizer=None, jit=False, name="network", hidden=()):
    parts = [keras.Input((3,)), *hidden, layers.Dense(2)]
    model = keras.Sequential(parts, name=name)
    model.compile(optimizer or optimizers.SGD(0.1, 0.9), "mse", jit_compile=jit)
    return model


@functools.cache
def truth():
    """The true steps of a plain training, once: they are only read."""
    return oracle.true_steps(network, X, Y, BATCHES, epochs=3)[1]


def by_hand(model, callback=None, epochs=1, tells_epochs=True):
    """Trains batch by batch, calling a callback as `fit` would."""
    callback = callback or keras.callbacks.Callback()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch in range(epochs):
        if tells_epochs:
            callback.on_epoch_begin(epoch)
        for number, (x, y) in enumerate(BATCHES):
            callback.on_train_batch_begin(number)
            loss = model.train_on_batch(x, y)
            callback.on_train_batch_end(number, {"loss": loss})
        if tells_epochs:
            callback.on_epoch_end(epoch, {"loss": loss})
    callback.on_train_end()
    return model


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
def test_callbacks_may_be_driven_by_hand(jit, tmp_path):
    every = 1 if jit else 2  # XLA takes seconds for a step that is left to Keras.
    callback = oracle.watching(tmp_path, histogram_steps=every)
    ours = by_hand(oracle.fresh(lambda: network(jit=jit)), callback)
    plain = by_hand(oracle.fresh(lambda: network(jit=jit)))
    oracle.assert_same(ours, plain)
    oracle.assert_left_alone(ours)
    assert "train_on_batch" not in vars(ours)
    oracle.assert_true(oracle.read(tmp_path), truth(), list(range(0, 3, every)))


def test_the_graph_and_an_unbuilt_model_are_seen_batch_by_batch(tmp_path):
    model = keras.Sequential([layers.Dense(2)])
    model.compile("sgd", "mse", jit_compile=False)
    callback = oracle.watching(tmp_path, write_graph=True)
    by_hand(model, callback, epochs=2, tells_epochs=False)
    log = oracle.read(tmp_path)
    assert len(log.graph.node) > 10
    # The first; nothing tells of another epoch.
    assert list(log.scalars["gradient_norm"]) == [0]
    assert callback.verdict.cause == "undecided"


def test_what_a_failed_loop_has_asked_for_is_not_told_to_a_fit(tmp_path):
    model = network()
    callback = oracle.watching(tmp_path, histogram_steps=1)
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_train_batch_begin(0)
    oracle.fit(model, X, Y)
    oracle.assert_left_alone(model)


def test_callbacks_in_one_fit_count_their_steps_each(tmp_path):
    # Of two that go on from the same step, neither moves the other's.
    callbacks = [oracle.watching(tmp_path / name, histogram_steps=1) for name in "ab"]
    model = oracle.fresh(network)
    oracle.fit(model, X, Y, callbacks, initial_epoch=2, epochs=3)
    for name in "ab":
        logged = oracle.read(tmp_path / name).scalars["gradient_norm"]
        assert list(logged) == [6, 7, 8]


# Loops with a tape of their own.


def step_of(model, optimizer):
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
        gradients = tape.gradient(loss, model.trainable_weights)
        pairs = zip(gradients, model.trainable_weights, strict=True)
        optimizer.apply_gradients(pairs)
        return loss

    return step


def inside_another(step, **options):
    inner = tf.function(step, jit_compile=True)
    return tf.function(lambda x, y: inner(x, y), **options)


KINDS = {
    "eager": lambda step: step,
    "graph": tf.function,
    "xla": lambda step: tf.function(step, jit_compile=True),
    "xla in graph": inside_another,
}


def loop(model, step, watched=None, epochs=2):
    """Trains; the first epoch's steps come before it is watched, if it is."""
    with watched or contextlib.nullcontext():
        for _ in range(epochs):
            for x, y in BATCHES:
                step(x, y)
    return model


def assert_untouched(model, optimizer):
    oracle.assert_left_alone(model)
    assert not {"apply", "_clip_gradients"} & set(vars(optimizer))
    assert type(tf.function(len)).__call__.__module__.startswith("tensorflow.")


@functools.cache
def plain_states(kind):
    """The state after each of three epochs in which nobody watches, once."""
    model = oracle.fresh(network)
    step = KINDS[kind](step_of(model, model.optimizer))
    return [state_of(loop(model, step, epochs=1)) for _ in range(3)]


def state_of(model):
    return oracle.arrays(model.variables + model.optimizer.variables)


@pytest.mark.parametrize("traced_before", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_loops_with_a_tape_are_logged_as_fit_is(kind, traced_before, tmp_path):
    ours = oracle.fresh(network)
    step = KINDS[kind](step_of(ours, ours.optimizer))
    if traced_before:
        loop(ours, step, epochs=1)
    # XLA takes seconds for what it has not compiled, and is not asked to log.
    every = 1 if "xla" in kind and not traced_before else 2
    options = {"histogram_steps": every, "write_activations": True}
    loop(ours, step, xorlab.watch(ours.optimizer, ours, tmp_path, **options))
    plain = plain_states(kind)[2 if traced_before else 1]
    for one, other in zip(state_of(ours), plain, strict=True):
        np.testing.assert_array_equal(one, other)
    assert_untouched(ours, ours.optimizer)
    log = oracle.read(tmp_path, run="")
    first = 4 if traced_before else 0
    oracle.assert_true(log, truth(), list(range(first, first + 6, every)))
    told = list(log.texts["verdict"])
    assert told[-1] == first + 6 - every  # The end: all is well.
    assert every == 1 or len(told) == 1
    assert [tag for tag in log.histograms if tag.endswith("/activation")]


def test_what_another_thread_calls_is_no_step(tmp_path):
    model, traced = network(), []
    step = tf.function(step_of(model, model.optimizer))
    other = tf.function(lambda x: traced.append(x) or x + 1)

    def with_another(x, y):
        thread = threading.Thread(target=other, args=(x,))
        thread.start()
        thread.join()
        step(x, y)

    watch = xorlab.watch(model.optimizer, model, tmp_path, histogram_steps=1)
    loop(model, with_another, watch)
    assert len(traced) == 1  # By its own call, and not to look for an update in it.
    log = oracle.read(tmp_path, run="")
    assert list(log.scalars["gradient_norm"]) == list(range(2 * len(BATCHES)))


@pytest.mark.parametrize("kind", ["eager", "graph"])
def test_scaled_and_accumulated_gradients_are_those_of_the_loss(kind, tmp_path):
    inner = optimizers.SGD(0.1, gradient_accumulation_steps=3)
    scaled = optimizers.LossScaleOptimizer(inner, initial_scale=8.0)
    model = oracle.fresh(lambda: network(scaled))
    true = [oracle.taped(model, 1.0, *batch) for batch in BATCHES]

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = scaled.scale_loss(tf.reduce_mean((model(x) - y) ** 2))
        weights = model.trainable_weights
        scaled.apply(tape.gradient(loss, weights), weights)

    watch = xorlab.watch(scaled, model, tmp_path, histogram_steps=1)
    loop(model, KINDS[kind](step), watch, epochs=1)
    log = oracle.read(tmp_path, "")
    mean = np.concatenate([np.ravel(sum(g) / 3) for g in zip(*true, strict=True)])
    [(number, norm)] = log.scalars["gradient_norm"].items()
    assert number == 0
    oracle.close(norm, np.linalg.norm(mean))
    assert log.scalars["loss_scale"] == {0: 8.0}


def test_a_function_that_was_traced_before_the_model_changed_goes_on(tmp_path):
    def trained(log_dir=None):
        model = oracle.fresh(lambda: network(hidden=[layers.Dense(4)]))
        step = tf.function(step_of(model, model.optimizer))
        loop(model, step, epochs=1)
        model.layers[0].trainable = False
        watch = log_dir and xorlab.watch(model.optimizer, model, log_dir)
        return loop(model, step, watch, epochs=40)

    with pytest.warns(UserWarning, match="changed after its training step had been"):
        ours = trained(tmp_path)
    oracle.assert_same(ours, trained())


def test_numbers_that_logged_steps_draw_otherwise_are_told_of(tmp_path):
    model = network()
    plain = step_of(model, model.optimizer)
    step = tf.function(lambda x, y: plain(x + tf.random.normal(x.shape), y))
    keras.utils.set_random_seed(3)
    with pytest.warns(UserWarning, match="RandomStandardNormal draws by a count"):
        loop(model, step, xorlab.watch(model.optimizer, model, tmp_path))


def test_two_networks_are_watched_each_by_its_own(tmp_path):
    def deep():
        return network(name="one", hidden=[layers.Dense(4, "tanh")])

    def made():
        both = one, other = oracle.fresh(deep), oracle.fresh(network)

        @tf.function
        def step(x, y):
            for model, target in ((one, y), (other, tf.stop_gradient(one(x)))):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean((model(x) - target) ** 2)
                weights = model.trainable_weights
                model.optimizer.apply(tape.gradient(loss, weights), weights)

        return both, step

    (one, other), step = made()
    with (
        xorlab.watch(one.optimizer, one, tmp_path / "one", histogram_steps=1),
        xorlab.watch(other.optimizer, other, tmp_path / "other", histogram_steps=2),
    ):
        loop(one, step)
    (plain, plain_other), step = made()
    loop(plain, step)
    oracle.assert_same(one, plain)
    oracle.assert_same(other, plain_other)
    _, steps = oracle.true_steps(deep, X, Y, BATCHES, epochs=2)
    oracle.assert_true(oracle.read(tmp_path / "one", ""), steps, range(6))
    norms = oracle.read(tmp_path / "other", "").scalars["gradient_norm"]
    assert list(norms) == [0, 2, 4]


def test_a_model_that_is_built_by_its_first_step_is_logged_from_the_second(tmp_path):
    model = keras.Sequential([layers.Dense(2)])
    optimizer = optimizers.SGD(0.1)
    step = tf.function(step_of(model, optimizer))
    # What updates nothing is no step; nor is what is called between steps.
    other = tf.function(lambda x: tf.reduce_sum(x))
    with xorlab.watch(optimizer, model, tmp_path, histogram_steps=1):
        for x, y in BATCHES * 2:
            other(x)
            step(x, y)
    norms = oracle.read(tmp_path, "").scalars["gradient_norm"]
    assert list(norms) == [1, 2, 3, 4, 5]
    assert other.experimental_get_tracing_count() == 1


def test_weights_that_a_step_makes_are_seen_from_the_next(tmp_path):
    class Late(keras.Model):
        def __init__(self):
            super().__init__()
            self.body, self.head = network(name="body"), layers.Dense(2)

        def call(self, x):
            return self.head(self.body(x))

    model = Late()
    optimizer = optimizers.SGD(0.1)
    with xorlab.watch(optimizer, model, tmp_path, histogram_steps=1):
        loop(model, tf.function(step_of(model, optimizer)), epochs=1)
    log = oracle.read(tmp_path, "")
    assert list(log.scalars["gradient_norm"]) == [1, 2]
    assert len(oracle.names(log.scalars, "gradient_rms/")) == 2


def test_an_optimizer_of_several_models_is_watched_with_all_of_them(tmp_path):
    parts = [
        network(name="encoder"),
        keras.Sequential([keras.Input((2,)), layers.Dense(2)]),
    ]
    optimizer = optimizers.SGD(0.1)
    with xorlab.watch(optimizer, parts, tmp_path, histogram_steps=2):
        for x, y in BATCHES:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((parts[1](parts[0](x)) - y) ** 2)
            weights = [w for part in parts for w in part.trainable_weights]
            optimizer.apply(tape.gradient(loss, weights), weights)
    log = oracle.read(tmp_path, "")
    assert len(oracle.names(log.scalars, "gradient_rms/")) == 2
    assert list(log.scalars["gradient_norm"]) == [0, 2]


def test_only_chosen_layers_of_a_loop_are_measured(tmp_path):
    model = network(hidden=[layers.Dense(4)])
    step = step_of(model, model.optimizer)
    options = {"write_activations": True, "layers": "*_1"}
    loop(model, step, xorlab.watch(model.optimizer, model, tmp_path, **options))
    log = oracle.read(tmp_path, "")
    assert {tag.partition("/")[0] for tag in log.histograms} == {"dense_1"}
    assert oracle.names(log.scalars, "gradient_rms/") == {"dense_1"}


def test_calls_that_update_nothing_are_not_counted(tmp_path, monkeypatch):
    # Or every hundredth of them would have an update measured for nothing.
    model, asked, request = network(), [], LoopRequests.request

    def noted(self, tell):
        asked.append(int(model.optimizer.iterations))
        request(self, tell)

    monkeypatch.setattr(LoopRequests, "request", noted)
    step = step_of(model, model.optimizer)
    evaluate = tf.function(lambda x: x + 1)
    with xorlab.watch(model.optimizer, model, tmp_path, histogram_steps=100):
        for x, y in BATCHES:
            step(x, y)
            for _ in range(60):
                evaluate(tf.constant(0.0))
    assert set(asked) == {0}


def test_weights_of_another_model_are_named_and_training_goes_on(tmp_path):
    model, other = network(), network()
    step = step_of(model, model.optimizer)
    with pytest.warns(
        UserWarning, match="received one of .*kernel; watch a model that"
    ):
        loop(model, step, xorlab.watch(model.optimizer, other, tmp_path))
    assert int(model.optimizer.iterations) == 6


def test_a_tensorflow_that_makes_no_clones_is_told(tmp_path, monkeypatch):
    model = network()
    step = tf.function(step_of(model, model.optimizer))
    monkeypatch.delattr(type(step), "_clone")
    with pytest.warns(UserWarning, match="TensorFlow 2.*_clone, as in .* install that"):
        loop(model, step, xorlab.watch(model.optimizer, model, tmp_path))
    assert int(model.optimizer.iterations) == 6


def test_updates_that_are_not_seen_are_said_to_be_so(tmp_path):
    model = network()
    step = tf.function(step_of(model, model.optimizer))
    step = step.get_concrete_function(*map(tf.constant, BATCHES[0]))
    with pytest.warns(UserWarning, match=r"\(SGD\) updated nothing that is seen; call"):
        loop(model, step, xorlab.watch(model.optimizer, model, tmp_path))


@pytest.mark.parametrize(
    ("name", "value"),
    [("optimizer", "sgd"), ("model", 3), ("model", [None]), ("log_dir", None)]
    + [("histogram_steps", 0), ("write_activations", "yes")]
    + [("layers", "dens"), ("layers", [3])],
)
def test_what_watch_cannot_take_is_refused(name, value, tmp_path):
    model = network()
    given = {"optimizer": model.optimizer, "model": model, "log_dir": tmp_path}
    with pytest.raises(ValueError, match=f"{name}: expected .* received"):
        xorlab.watch(**{**given, name: value})


def test_a_step_that_fails_leaves_all_as_it_was(tmp_path, monkeypatch):
    model, closed = network(), []

    class Records(OwnRecords):
        def __init__(self, folder):
            super().__init__(folder)
            close = self.close
            self.close = lambda: closed.append(close())

    monkeypatch.setattr(loops, "OwnRecords", Records)

    @tf.function(autograph=False)
    def step(x, y):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), pytest.warns(UserWarning, match="nothing"):
        loop(model, step, xorlab.watch(model.optimizer, model, tmp_path))
    assert_untouched(model, model.optimizer)
    assert len(closed) == 1
