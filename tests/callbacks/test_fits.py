"""However `fit` is fed, repeated or interrupted, what is logged is true."""

import functools
import gc
import os
import subprocess
import sys
import threading
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from oracles import callback_oracle as oracle
from tensorflow.python.framework.func_graph import FuncGraph

from xorlab.eventlog.graph import train_step_graph
from xorlab.steps import requests, watched

RNG = np.random.default_rng(3)
X = RNG.normal(size=(12, 6)).astype("float32")
Y = RNG.normal(size=(12, 3)).astype("float32")
WEIGHTS = RNG.uniform(0.5, 2, size=12).astype("float32")


def compiled(model, **settings):
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer, "mse", **{"jit_compile": False, **settings})
    return model


def make(rate=0.5, **settings):
    x = keras.Input((6,))
    hidden = layers.Dense(5, activation="tanh", name="hidden")(x)
    dropped = layers.Dropout(rate)(hidden)
    return compiled(keras.Model(x, layers.Dense(3, name="last")(dropped)), **settings)


def small():
    # What stands in the train function's place is the same to a model of one layer.
    return compiled(keras.Sequential([keras.Input((6,)), layers.Dense(3)]))


@functools.cache
def small_and_plain(epochs):
    """A `small` trained without the callback, once: nobody trains it on."""
    return oracle.train(small, X, Y, epochs=epochs)


def small_again(callbacks, **options):
    """Trains the same `small` each time: what its step is traced to is no matter."""
    model = oracle.again(small)
    return oracle.fit(model, X, Y, callbacks, **options) and model


def eager():
    # Where the rows come from is the same to a traced step, which takes longer.
    return make(run_eagerly=True)


def endless():
    while True:
        yield from oracle.batches_of(X, Y)


def without_weights():
    for x, y in endless():
        yield x, y, None


def dataset():
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(oracle.ROWS)


SOURCES = {
    "tf.data": (make, lambda: (dataset(), None), {}),
    "generator": (make, lambda: (endless(), None), {"steps_per_epoch": 3}),
    "generator of None": (
        make,
        lambda: (without_weights(), None),
        {"steps_per_epoch": 3},
    ),
    "sample weights": (eager, lambda: (X, Y), {"sample_weight": WEIGHTS}),
    "validation data": (make, lambda: (X, Y), {"validation_data": (X, Y)}),
    "validation split": (
        eager,
        lambda: (np.tile(X, (2, 1)), np.tile(Y, (2, 1))),
        {"validation_split": 0.5},
    ),
}


@functools.cache
def truth():
    """A plain training on the arrays and its true steps, once, to be read only."""
    return oracle.true_steps(make, X, Y, oracle.batches_of(X, Y), epochs=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
def test_it_works_with(name, tmp_path):
    make, source, options = SOURCES[name]
    ours = oracle.train(
        make,
        *source(),
        callbacks=[oracle.watching(tmp_path, histogram_steps=2)],
        epochs=2,
        **options,
    )
    if make is eager:
        weighted = [WEIGHTS] if "sample_weight" in options else []
        batches = oracle.batches_of(X, Y, *weighted)
        plain, steps = oracle.true_steps(make, *source(), batches, epochs=2, **options)
    else:
        plain, steps = truth()  # The same rows, wherever they come from.
    oracle.assert_same(ours, plain)
    oracle.assert_left_alone(ours)
    oracle.assert_true(oracle.read(tmp_path), steps, [0, 2, 4])


class Unsupervised(keras.Model):
    """Is built by its first batch, and has a loss without targets."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3, name="dense")

    def call(self, x):
        y = self.dense(x)
        self.add_loss(keras.ops.mean(keras.ops.square(y)))
        return y


@pytest.mark.slow
def test_a_generator_may_leave_the_targets_out(tmp_path):
    def make():
        model = Unsupervised()
        model.compile("sgd", jit_compile=False)
        return model

    def source():
        return ((x, None) for x, _ in endless())

    callback = oracle.watching(tmp_path, histogram_steps=1, write_graph=True)
    ours = oracle.train(make, source(), callbacks=[callback], steps_per_epoch=3)
    plain = oracle.train(make, source(), steps_per_epoch=3)
    oracle.assert_same(ours, plain)
    log = oracle.read(tmp_path)
    assert list(log.scalars["gradient_norm"]) == [0, 1, 2]
    assert any(node.name.startswith("inputs") for node in log.graph.node)


# Keras's word on data whose length it does not know beforehand.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_it_works_with_data_of_unknown_length(tmp_path):
    def run(*callbacks):
        source = dataset().filter(lambda x, y: True)
        return oracle.train(make, source, callbacks=callbacks, epochs=2)

    ours = run(oracle.watching(tmp_path, histogram_steps=2))
    keeper = oracle.StateCopies()
    oracle.assert_same(ours, run(keeper))
    made = [iteration for iteration, _, _ in keeper.copies[:-1]]
    logged = list(oracle.read(tmp_path).scalars["gradient_norm"])
    # Keras's iterations count a step without data at the end of each epoch: 3.
    assert made[:4] == [0, 1, 2, 3]
    assert logged == [step for step in made if step % 2 == 0]


@pytest.mark.slow
def test_it_works_with_class_weights(tmp_path):
    labels = RNG.integers(0, 3, size=12)
    weights = {0: 1.0, 1: 0.5, 2: 3.0}

    def classifier():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(3, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
        return model

    callback = oracle.watching(tmp_path, histogram_steps=2)
    ours = oracle.train(classifier, X, labels, [callback], class_weight=weights)
    by_row = np.float32([weights[label] for label in labels])
    batches = oracle.batches_of(X, labels, by_row)
    plain, steps = oracle.true_steps(
        classifier, X, labels, batches, class_weight=weights
    )
    oracle.assert_same(ours, plain)
    oracle.assert_true(oracle.read(tmp_path), steps, [0, 2])


def freeze(model):
    model.get_layer("hidden").trainable = False


def with_the_same_optimizer(model):
    freeze(model)
    model.compile(model.optimizer, "mse", jit_compile=False)


def of_two_layers():
    x = keras.Input((6,))
    return compiled(
        keras.Model(x, layers.Dense(3, name="last")(layers.Dense(2, name="hidden")(x)))
    )


BOTH, LAST = {"hidden", "last"}, {"last"}
# (what is done, the steps of the third fit that are logged, the layers that learn)
BETWEEN = {
    "nothing": (lambda model: None, [6, 8], BOTH),
    "compile": (compiled, [0, 2], BOTH),
    # What Keras has traced still trains the layer, until the next compile.
    "freezing": (freeze, [6, 8], BOTH),
    "freezing and compile": (lambda m: (freeze(m), compiled(m)), [0, 2], LAST),
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
    model = compiled(Traced(x, layers.Dense(3, name="last")(dropped)))
    model.optimizer.build(model.trainable_variables)  # Else a step is traced twice.
    return model


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


@pytest.mark.slow
def test_what_is_kept_for_a_model_goes_with_it(tmp_path):
    model = oracle.train(counting, X, Y, [oracle.watching(tmp_path)])
    gone = weakref.ref(model), weakref.ref(requests.StepRequests.of(model))
    del model
    keras.utils.clear_session()
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


@pytest.mark.slow
def test_activations_may_be_asked_for_later(tmp_path):
    model = oracle.fresh(make)
    oracle.fit(model, X, Y, [oracle.watching(tmp_path / "first")])
    oracle.fit(model, X, Y, [oracle.watching(tmp_path / "2", write_activations=True)])
    oracle.fit(model, X, Y, [oracle.watching(tmp_path / "third")])
    tags = {
        name: {tag for tag in oracle.read(tmp_path / name).histograms if "activ" in tag}
        for name in ("first", "2", "third")
    }
    layer_tags = {f"{layer}/activation" for layer in ("hidden", "dropout", "last")}
    assert tags == {"first": set(), "2": layer_tags, "third": set()}


@pytest.mark.slow
def test_fits_on_batches_of_other_sizes_are_keras_s_to_the_bit(tmp_path):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(120, 6)).astype("float32")
    y = rng.normal(size=(120, 3)).astype("float32")

    def adam():
        model = make()
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
def test_two_callbacks_log_what_each_was_asked_for(tmp_path):
    callbacks = [
        oracle.watching(tmp_path / "a", write_grads=False, write_graph=True),
        oracle.watching(
            tmp_path / "c", histogram_steps=3, write_activations=True, write_graph=True
        ),
        oracle.watching(tmp_path / "b", histogram_steps=2),
    ]
    ours = oracle.train(make, X, Y, callbacks, epochs=2)
    plain, steps = truth()
    oracle.assert_same(ours, plain)
    oracle.assert_left_alone(ours)
    graph, every_two, every_three = (oracle.read(tmp_path / name) for name in "abc")
    oracle.assert_true(every_two, steps, [0, 2, 4])
    oracle.assert_true(every_three, steps, [0, 3])
    assert not graph.histograms and graph.graph and every_three.graph
    assert not any("activation" in tag for tag in every_two.histograms)
    outputs = {
        tag: {step: rows[:, 2].sum() for step, rows in histogram.items()}
        for tag, histogram in every_three.histograms.items()
        if tag.endswith("/activation")
    }
    assert outputs == {
        f"{layer}/activation": dict.fromkeys([0, 3], 4 * width)
        for layer, width in [("hidden", 5), ("dropout", 5), ("last", 3)]
    }


@pytest.mark.slow
def test_a_callback_serves_another_model_afterwards(tmp_path):
    callback = oracle.watching(tmp_path, histogram_steps=2, write_graph=True)
    oracle.train(make, X, Y, [callback])

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


class EverySecond(keras.Model):
    """Updates its weights at every second batch only, with a plain optimizer."""

    batches = 0

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
        self.batches += 1
        if self.batches % 2 == 0:
            variables = self.trainable_variables
            self.optimizer.apply(tape.gradient(loss, variables), variables)
        return {"loss": loss}


def every_second():
    x = keras.Input((6,))
    return compiled(EverySecond(x, layers.Dense(3)(x)), run_eagerly=True)


@pytest.mark.slow
def test_steps_are_updates_where_not_every_batch_is_one(tmp_path):
    x, y = np.tile(X, (6, 1)), np.tile(Y, (6, 1))  # 18 batches, 9 updates.
    callback = oracle.watching(tmp_path, histogram_steps=4)
    ours = oracle.train(every_second, x, y, [callback])
    oracle.assert_same(ours, oracle.train(every_second, x, y))
    assert list(oracle.read(tmp_path).scalars["gradient_norm"]) == [0, 4, 8]


def test_a_last_batch_that_is_no_update_is_not_warned_of(tmp_path):
    # 3 batches, an update at the second; warnings are errors.
    oracle.train(every_second, X, Y, [oracle.watching(tmp_path, histogram_steps=1)])
    assert list(oracle.read(tmp_path).scalars["gradient_norm"]) == [0]


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
    model = small_again([ours, others][::order], epochs=2)
    oracle.assert_left_alone(model)
    oracle.assert_same(model, small_and_plain(epochs=2))
    assert list(oracle.read(tmp_path).scalars["gradient_norm"]) == [0, 2, 4]
    assert others.calls == 6 - 3


@pytest.mark.slow
def test_a_wrapped_train_function_is_watched_anew_after_a_compile(tmp_path):
    def run(callbacks):
        model = oracle.fresh(small)
        for _ in range(2):
            oracle.fit(model, X, Y, callbacks)
            compiled(model)
        oracle.fit(model, X, Y, callbacks)
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
    model = small_again([ours, others, more], epochs=2)
    oracle.assert_same(model, small_and_plain(epochs=2))
    logged = list(oracle.read(tmp_path / "b").scalars["gradient_norm"])
    assert logged == [0, 1, 2, 3, 4, 5]
    assert list(oracle.read(tmp_path / "a").scalars["gradient_norm"]) == [0, 2, 4]
    if begin is Meddling.wrap and keeps:
        assert model.train_function.__qualname__ == "Meddling.wrap.<locals>.counted"
        model.train_function = others.keras_s
    oracle.assert_left_alone(model)


@pytest.mark.slow
def test_a_wrapper_stays_where_it_was_put_at_a_logged_step(tmp_path):
    others = Meddling(Meddling.wrap, {0}, keeps=True)
    oracle.train(small, X, Y, [oracle.watching(tmp_path, histogram_steps=100), others])
    assert others.calls == 3


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


# Copies of one process die, each in its own way, and leave logs named after that.
DYING = """
import os, signal, sys, time
import keras, numpy as np
from xorlab.callbacks import TensorBoard

def die(batch, logs):
    if batch == 20:
        if how == "SystemExit":
            raise SystemExit("died")
        time.sleep(1)
        os.kill(os.getpid(), getattr(signal, how))

def fit():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    ours = TensorBoard(how, write_grads=True, histogram_steps=1)
    dying = keras.callbacks.LambdaCallback(on_train_batch_end=die)
    x = np.ones([40, 2])
    model.fit(x, x[:, :1], batch_size=1, verbose=0, callbacks=[ours, dying])

for how in sys.argv[1:]:
    # TensorFlow has been imported, and has started no thread yet.
    copy = os.fork()
    if not copy:
        break
    print(how, os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]), flush=True)
else:
    sys.exit()
fit()
"""
DEATHS = {"SystemExit": 1, "SIGTERM": -15, "SIGKILL": -9}


@pytest.fixture(scope="module")
def died(tmp_path_factory):
    """Where they have left their logs, and their exit codes."""
    folder = tmp_path_factory.mktemp("died")
    words = subprocess.check_output(
        [sys.executable, "-c", DYING, *DEATHS],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return folder, dict(line.split() for line in words.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("how", DEATHS)
def test_a_program_that_dies_leaves_all_but_the_last_half_second(how, died):
    folder, codes = died
    assert int(codes[how]) == DEATHS[how]
    steps = oracle.read(folder / how).scalars["gradient_norm"]
    assert list(steps) == list(range(21))


@pytest.mark.slow
@pytest.mark.parametrize("then", ["fit", "compile", "train_on_batch"])
def test_after_an_interruption_all_goes_on(then, tmp_path):
    model = oracle.train(small, X, Y)
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


def graphs_alive():
    gc.collect()
    return sum(isinstance(x, FuncGraph) for x in gc.get_objects())


@pytest.mark.slow
def test_more_fits_of_a_compiled_model_trace_nothing_and_keep_nothing(tmp_path):
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
