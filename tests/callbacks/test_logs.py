"""The callback is Keras's own, and logs what it was asked for besides."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from oracles import callback_oracle as oracle
from oracles import sessions
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from xorlab.callbacks import TensorBoard
from xorlab.eventlog import stepwriter
from xorlab.eventlog.eventfile import EventFile

RNG = np.random.default_rng(4)
X = RNG.normal(size=(12, 6)).astype("float32")
Y = RNG.normal(size=(12, 3)).astype("float32")


def make(metrics=(), activation="relu"):
    x = keras.Input((6,))
    hidden = layers.Dense(5, activation=activation, name="hidden")(x)
    model = keras.Model(x, layers.Dense(3, name="last")(hidden))
    model.compile("sgd", "mse", metrics=list(metrics), jit_compile=False)
    return model


def small():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
    model.compile("sgd", "mse", jit_compile=False)
    return model


def test_it_takes_the_arguments_of_keras_s(tmp_path):
    parameters = inspect.signature(keras.callbacks.TensorBoard).parameters

    def settings(callback):
        return {
            name: vars(callback)[name] for name in parameters if name in vars(callback)
        }

    theirs, ours = keras.callbacks.TensorBoard(), TensorBoard()
    assert settings(ours) == settings(theirs)
    given = [str(tmp_path), 2, False, True, True, 5, 0, 3, "metadata.tsv"]
    assert len(given) == len(parameters)
    theirs, ours = keras.callbacks.TensorBoard(*given), TensorBoard(*given)
    assert settings(ours) == settings(theirs)
    assert set(settings(ours)) >= set(list(parameters)[:5])
    by_name = dict(zip(parameters, given, strict=True))
    assert settings(TensorBoard(**by_name, write_grads=True)) == settings(theirs)


KERAS_LOGS = [
    {},
    {"histogram_freq": 1},
    {"update_freq": 1},
    {"embeddings_freq": 1},
    # Keras then logs the metrics of some epochs only.
    {"histogram_freq": 1, "write_images": True, "update_freq": 2},
]


def other_files(folder):
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*.*")
        if "tfevents" not in path.name
    }


def measured():
    return make(["mae"])


def logged_by(kind, folder, settings):
    """Trains with a callback; returns the state, the training and validation logs."""
    # The same model each time, which keeps what was traced.
    model = oracle.again(measured)
    options = {"validation_data": (X, Y), "epochs": 2}
    oracle.fit(model, X, Y, [kind(folder, **settings)], **options)
    state = oracle.arrays(model.variables + model.optimizer.variables)
    return state, *(oracle.read(folder, run) for run in ("train", "validation"))


@pytest.fixture(scope="module", params=KERAS_LOGS, ids=str)
def keras_logged(request, tmp_path_factory):
    """Settings of Keras's callback, the folder that it logs to, and what it logs."""
    folder = tmp_path_factory.mktemp("theirs")
    logged = logged_by(keras.callbacks.TensorBoard, folder, request.param)
    return request.param, folder, logged


@pytest.mark.slow
@pytest.mark.parametrize("write_grads", [False, True])
def test_it_logs_all_that_keras_s_does_and_the_graph(
    keras_logged, write_grads, tmp_path
):
    settings, folder, (plain, theirs, their_validation) = keras_logged
    state, ours, validation = logged_by(
        TensorBoard, tmp_path, {**settings, "write_grads": write_grads}
    )
    for one, other in zip(state, plain, strict=True):
        np.testing.assert_array_equal(one, other)
    assert {"epoch_loss", "epoch_mae", "epoch_learning_rate"} <= set(theirs.scalars)
    if not write_grads:
        assert ours.scalars == theirs.scalars
        assert list(ours.histograms) == list(theirs.histograms)
    assert ours.scalars.items() >= theirs.scalars.items()
    assert "epoch_mae" in validation.scalars
    assert validation.scalars == their_validation.scalars
    assert set(ours.histograms) >= set(theirs.histograms)
    assert bool(theirs.histograms) == ("histogram_freq" in settings)
    assert other_files(tmp_path) == other_files(folder)
    assert bool(other_files(tmp_path)) == ("embeddings_freq" in settings)
    assert theirs.graph is None
    boxes = {node.name.split("/")[0] for node in ours.graph.node}
    assert {"hidden", "last", "loss", "mae", "train"} <= boxes


class Subclass(TensorBoard):
    """Logs by Keras's writer, as subclasses of Keras's callback do."""

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        with self._train_writer.as_default():
            self.summary.scalar("its_own", 1.0, step=epoch)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "settings", "keras_s"),
    [
        (TensorBoard, {}, "epoch_loss"),
        (TensorBoard, {"histogram_freq": 1}, "kernel/histogram"),
        (TensorBoard, {"update_freq": 1}, "batch_loss"),
        (Subclass, {}, "its_own"),
    ],
    ids=["epochs", "histograms", "batches", "subclass"],
)
def test_all_is_read_while_written(kind, settings, keras_s, tmp_path, monkeypatch):
    monkeypatch.setattr(stepwriter, "_MOST_WAITING", 0)
    # Of a folder's files that grow, this reader of TensorBoard's knows the last alone.
    reader = EventAccumulator(str(tmp_path / "train"), {"tensors": 0})
    read = []

    class Reads(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            reader.Reload()
            named = (tag for tag in reader.Tags()["tensors"] if tag.endswith(keras_s))
            tags = ("epoch_loss", next(named), "gradient_norm")
            read.append([len({e.step for e in reader.Tensors(tag)}) for tag in tags])

    callback = kind(tmp_path, write_grads=True, histogram_steps=1, **settings)
    oracle.train(small, X, Y, [callback, Reads()], epochs=3)
    theirs = 3 if "update_freq" in settings else 1
    assert read == [[n, theirs * n, 3 * n] for n in (1, 2, 3)]


@pytest.mark.slow
def test_without_histogram_steps_it_logs_at_the_first_step_of_epochs(tmp_path):
    for name, freq in (("every", 0), ("other", 2)):
        callback = oracle.watching(tmp_path / name, histogram_freq=freq)
        oracle.train(small, X, Y, [callback], epochs=3)
    assert list(oracle.read(tmp_path / "every").scalars["gradient_norm"]) == [0, 3, 6]
    assert list(oracle.read(tmp_path / "other").scalars["gradient_norm"]) == [0, 6]


@pytest.mark.slow
def test_activations_are_those_of_the_training_step(tmp_path):
    callback = TensorBoard(tmp_path, write_activations=True, histogram_steps=2)
    oracle.train(make, X, Y, [callback])
    outputs = oracle.read(tmp_path).histograms
    keras.utils.set_random_seed(7)
    hidden = make().get_layer("hidden")
    truth = np.maximum(X[:4] @ hidden.kernel.numpy(), 0)
    oracle.holds(outputs["hidden/activation"][0], truth)
    zeros = [
        n for left, right, n in outputs["hidden/activation"][0] if left <= 0 < right
    ]
    assert zeros == [(truth == 0).sum()]
    assert outputs["last/activation"][2][:, 2].sum() == 12
    # It implies write_grads.
    assert "hidden/kernel/gradient" in outputs


class Residual(layers.Layer):
    """Holds a layer that it calls, and one that it calls in a loop."""

    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(6, activation="relu", name="inner")
        self.looped = layers.Dense(1, name="looped")

    def call(self, x):
        scores = tf.map_fn(self.looped, tf.stack([x, -x]))
        return x + self.inner(x) + tf.reduce_mean(scores, axis=0)


@pytest.mark.slow
def test_layers_inside_of_layers_are_logged_by_their_path(tmp_path):
    def residual():
        model = keras.Sequential([keras.Input((6,)), Residual(), layers.Dense(3)])
        model.compile("sgd", "mse", jit_compile=False)
        return model

    model = oracle.fresh(residual)
    inner = model.layers[0].inner
    truth = np.maximum(X[:4] @ inner.kernel.numpy(), 0)
    callback = TensorBoard(tmp_path, write_activations=True)
    oracle.fit(model, X, Y, [callback])
    log = oracle.read(tmp_path)
    oracle.holds(log.histograms["residual/inner/activation"][0], truth)
    outputs = {tag for tag in log.histograms if tag.endswith("/activation")}
    # A loop's body tells of no whole output.
    names = {"residual", "residual/inner", "dense"}
    assert outputs == {f"{name}/activation" for name in names}
    assert "gradient_rms/residual/looped" in log.scalars
    # One spelling in the graph, too.
    assert {"residual/inner.kernel", "residual/inner/Relu", "dense.kernel"} <= {
        node.name for node in log.graph.node
    }


def test_a_model_that_nobody_named_is_in_no_tag(tmp_path):
    def again(number):
        model = make_unnamed()
        callback = oracle.watching(tmp_path / str(number), write_activations=True)
        oracle.fit(model, X, Y, [callback])
        return oracle.read(tmp_path / str(number))

    first, second = again(1), again(2)
    for kind in ("scalars", "histograms", "texts"):
        tags = set(getattr(first, kind))
        assert tags == set(getattr(second, kind))
        assert not any("sequential" in tag for tag in tags)


def make_unnamed():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4), layers.Dense(3)])
    model.compile("sgd", "mse", run_eagerly=True)
    return model


def test_without_write_grads_nothing_of_them_is_logged(tmp_path):
    oracle.train(small, X, Y, [TensorBoard(tmp_path, write_graph=False)])
    log = oracle.read(tmp_path)
    assert set(log.scalars) == {"epoch_loss", "epoch_learning_rate"}
    assert not log.histograms and not log.graph


@pytest.mark.slow
def test_the_graph_is_written_once(tmp_path):
    oracle.train(small, X, Y, [TensorBoard(tmp_path, write_grads=True)], epochs=2)
    graphs = [x for x in sessions.records(tmp_path / "train") if x.graph_def]
    assert len(graphs) == 1


class OneFunction(keras.Sequential):
    """Trains by a `tf.function`, whose graph Keras's callback would write too."""

    def make_train_function(self, force=False):
        self.train_function = tf.function(lambda data: self.train_step(next(data)))


@pytest.mark.slow
def test_no_other_graph_takes_the_place_of_the_one_that_is_drawn(tmp_path):
    model = OneFunction([keras.Input((6,)), layers.Dense(3, name="last")])
    model.compile("sgd", "mse", jit_compile=False)
    oracle.fit(model, X, Y, [TensorBoard(tmp_path, update_freq=1)])
    [graph] = [x.graph_def for x in sessions.records(tmp_path / "train") if x.graph_def]
    assert b"last.kernel" in graph


def test_keras_waits_for_metrics_only_where_they_are_logged_at_every_batch(tmp_path):
    for settings, waits in [
        ({"write_grads": True}, False),
        ({"update_freq": 1}, True),
        ({"write_steps_per_second": True}, True),
        ({"profile_batch": 2}, True),
    ]:
        assert TensorBoard(tmp_path, **settings).async_safe != waits


@pytest.mark.slow
def test_files_are_closed_even_if_the_last_steps_cannot_be_written(
    tmp_path, monkeypatch
):
    def fail(log, steps):
        raise OSError("disk full")

    monkeypatch.setattr(stepwriter, "_LONGEST_WAIT", 60)  # Until the end, that is.
    closed, close = [], keras.callbacks.TensorBoard.on_train_end
    monkeypatch.setattr(EventFile, "write", fail)
    monkeypatch.setattr(
        keras.callbacks.TensorBoard,
        "on_train_end",
        lambda self, logs=None: (closed.append(self), close(self, logs)),
    )
    callback = oracle.watching(tmp_path)
    with pytest.warns(UserWarning, match="training goes on: disk full"):
        oracle.train(small, X, Y, [callback])
    assert closed == [callback]


@pytest.mark.slow
@pytest.mark.parametrize("rate", ["schedule", "callback"])
def test_the_learning_rate_of_each_logged_step_is_logged(rate, tmp_path):
    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    given = decay if rate == "schedule" else 0.1

    def halve(batch, logs):
        if rate == "callback":
            model.optimizer.learning_rate = 0.1 * 0.5**batch

    model = small()
    model.compile(keras.optimizers.SGD(given), "mse", jit_compile=False)
    ours = oracle.watching(tmp_path, histogram_steps=1)
    # It is called after ours.
    later = keras.callbacks.LambdaCallback(on_train_batch_begin=halve)
    oracle.fit(model, X, Y, [ours, later])
    rates = oracle.read(tmp_path).scalars["learning_rate"]
    assert rates == pytest.approx({0: 0.1, 1: 0.05, 2: 0.025})


class Telling(layers.Layer):
    def call(self, inputs):
        tf.summary.scalar("told", tf.reduce_mean(inputs))
        return inputs


def telling():
    model = keras.Sequential([keras.Input((6,)), Telling(), layers.Dense(3)])
    model.compile("sgd", "mse", jit_compile=False)
    return model


@pytest.mark.slow
@pytest.mark.parametrize(("every", "steps"), [(1, [1, 2, 3]), (2, [2])])
def test_summaries_of_layers_are_of_their_steps(every, steps, tmp_path):
    # Every second step is traced apart from the others.
    callback = oracle.watching(tmp_path, histogram_steps=2, update_freq=every)
    oracle.train(telling, X, Y, [callback])
    told = [
        (event.step, tf.make_ndarray(value.tensor).item())
        for event in sessions.records(tmp_path / "train")
        for value in event.summary.value
        if value.tag.endswith("told")
    ]
    means = [x.mean() for x, _ in oracle.batches_of(X, Y)]
    # Before Keras 3.15 its callback dates all of them 0, and leaves none out.
    late = tuple(map(int, keras.__version__.split(".")[:2])) >= (3, 15)
    expected = [(x, means[x - 1]) for x in steps] if late else [(0, x) for x in means]
    assert told == [(step, pytest.approx(mean, abs=1e-6)) for step, mean in expected]


def test_batches_are_logged_to_a_writer_around_the_fit_as_by_keras_s(tmp_path):
    logged = {}
    for kind in (TensorBoard, keras.callbacks.TensorBoard):
        folder = tmp_path / kind.__module__
        model = oracle.fresh(small)
        with tf.summary.create_file_writer(str(folder / "around")).as_default():
            oracle.fit(model, X, Y, [kind(str(folder))])
        logged[kind] = oracle.read(folder, "around").scalars
    assert logged[TensorBoard] == logged[keras.callbacks.TensorBoard]
    assert list(logged[TensorBoard]["batch_loss"]) == [1, 2, 3]


@pytest.mark.slow
@pytest.mark.parametrize("again", ["compiled", "of another process"])
def test_steps_go_on_where_epochs_do(again, tmp_path):
    ours = oracle.watching(tmp_path, histogram_steps=1)
    model = oracle.train(small, X, Y, [ours], epochs=2)
    steps, options = 3, {}
    if again == "compiled":
        model.compile("sgd", "mse", jit_compile=False)
        # In batches of another size: it is known how many steps there were.
        steps, options = 1, {"batch_size": len(X)}
    else:
        weights = model.get_weights()
        model, ours = small(), oracle.watching(tmp_path, histogram_steps=1)
        model.set_weights(weights)
    oracle.fit(model, X, Y, [ours], initial_epoch=2, epochs=3, **options)
    scalars = oracle.read(tmp_path).scalars
    assert list(scalars["epoch_loss"]) == [0, 1, 2]
    assert list(scalars["gradient_norm"]) == list(range(6 + steps))
    # From the first epoch on, all begins anew.
    model.compile("sgd", "mse", jit_compile=False)
    oracle.fit(model, X, Y, [oracle.watching(tmp_path / "anew", histogram_steps=1)])
    assert list(oracle.read(tmp_path / "anew").scalars["gradient_norm"]) == [0, 1, 2]
