"""Networks side by side train as each would alone, and never touch one another."""

import logging
import math
import os
import runpy

import keras
import numpy as np
import pytest
import tensorflow as tf

from xorlab import models
from xorlab.models import data
from xorlab.steps import rms_by_layer
from xorlab.sweep import engine
from xorlab.sweep.engine import NEVER, Program, first_weights, program
from xorlab.sweep.grid import Cell
from xorlab.sweep.plan import Chunk
from xorlab.sweep.training import Stopped, train_chunk


def _cell(activation="relu", depth=3, width=5, **settings):
    start = {"initializer": "uniform", "init_scale": 1.0, "learning_rate": 0.1}
    last = {"optimizer": "sgd", "steps": 300}
    return Cell(activation, depth, width, **(start | last | settings))


def _trained(cell, seeds, steps):
    """Returns the program and its state; networks beyond the seeds are copies."""
    shared = program(cell)
    networks = [first_weights(cell, seed) for seed in seeds]
    networks += networks[:1] * (shared.networks - len(networks))
    state = shared.start(networks)
    return shared, shared.train(state, cell.learning_rate, steps)


def _network(shared, state, index):
    axis = shared.layout.axis
    return [np.take(w.numpy(), index, axis) for w in state.weights]


# An oracle apart from the engine: float64 NumPy, functions and slopes by hand.


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


_ORACLE = {
    "sigmoid": (_sigmoid, lambda z: _sigmoid(z) * (1 - _sigmoid(z))),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "relu": (lambda z: z * (z > 0), lambda z: 1.0 * (z > 0)),
    "leaky_relu": (
        lambda z: np.where(z > 0, z, 0.1 * z),
        lambda z: np.where(z > 0, 1, 0.1),
    ),
    "elu": (
        lambda z: np.where(z > 0, z, np.exp(z) - 1),
        lambda z: np.where(z > 0, 1, np.exp(z)),
    ),
    "identity": (lambda z: z, np.ones_like),
}


def _oracle_step(weights, activation):
    """Returns the cost, and the gradient in the order of the weights."""
    f, slope = _ORACLE[activation]
    kernels, biases = weights[::2], weights[1::2]
    inputs, zs = [data.INPUTS.astype(float)], []
    for kernel, bias in zip(kernels, biases, strict=True):
        zs.append(inputs[-1] @ kernel + bias)
        inputs.append(f(zs[-1]))
    y, t = _sigmoid(zs[-1]), data.LABELS
    cost = -np.mean(t * np.log(y) + (1 - t) * np.log(1 - y))
    upstream = (y - t) / len(t)
    gradients = []
    for layer in reversed(range(len(kernels))):
        gradients = [inputs[layer].T @ upstream, upstream.sum(0)] + gradients
        if layer:
            upstream = upstream @ kernels[layer].T * slope(zs[layer - 1])
    return cost, gradients


@pytest.mark.slow
@pytest.mark.parametrize(
    ("activation", "depth"),
    # Through many layers, through some, and every other activation's slope.
    [("sigmoid", 11), ("relu", 3)]
    + [(name, 2) for name in _ORACLE if name not in ("sigmoid", "relu")],
)
def test_costs_gradients_and_updates_are_those_of_numpy_backpropagation(
    activation, depth
):
    cell = _cell(activation, depth)
    shared, state = _trained(cell, range(4), steps=0)
    start = shared.measure(state)
    trained = shared.train(state, 0.1, 50)
    for index in range(4):
        weights = [w.astype(float) for w in _network(shared, state, index)]
        cost, gradients = _oracle_step(weights, activation)
        layers = {f"{i // 2}/{i}": g for i, g in enumerate(gradients)}
        assert start[0][index] == pytest.approx(cost, rel=1e-5)
        assert start[2][index] == pytest.approx(
            list(rms_by_layer(layers).values()), rel=1e-4
        )
        for _ in range(50):
            _, gradients = _oracle_step(weights, activation)
            weights = [w - 0.1 * g for w, g in zip(weights, gradients, strict=True)]
        for ours, theirs in zip(_network(shared, trained, index), weights, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_a_gradient_whose_square_is_no_float32_is_told():
    cell = _cell("sigmoid", depth=11, init_scale=1e-2)
    shared, state = _trained(cell, range(2), steps=0)
    _, _, rms = shared.measure(state)
    _, gradients = _oracle_step(first_weights(cell, 1), "sigmoid")
    first = np.concatenate([g.ravel() for g in gradients[:2]])
    expected = np.sqrt(np.mean(first**2))
    assert rms[1, 0] == pytest.approx(expected, rel=1e-4, abs=0)
    assert 0 < rms[1, 0] < 1e-23


@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizer", "keras_optimizer", "activation", "depth", "width"),
    [
        ("sgd", keras.optimizers.SGD(0.1), "relu", 3, 5),
        ("sgd", keras.optimizers.SGD(0.1), "maxout", 2, 5),
        # A rule is for one weight: the same at every depth.
        ("momentum", keras.optimizers.SGD(0.1, momentum=0.9), "tanh", 2, 5),
        ("adam", keras.optimizers.Adam(0.1), "tanh", 2, 5),
        ("sgd", keras.optimizers.SGD(0.1), "relu", 3, 32),
    ],
)
def test_a_network_is_the_one_that_plain_keras_fit_trains(
    optimizer, keras_optimizer, activation, depth, width
):
    cell = _cell(activation, depth, width, optimizer=optimizer)
    shared, state = _trained(cell, range(3), steps=100)
    source = models.deep(activation, cell.depth, width, seed=2)
    plain = keras.Model(source.inputs, source.outputs)
    plain.compile(keras_optimizer, "binary_crossentropy")
    history = plain.fit(
        np.tile(data.INPUTS, (100, 1)),
        np.tile(data.LABELS, (100, 1)),
        batch_size=4,
        shuffle=False,
        verbose=0,
    )
    assert math.isfinite(history.history["loss"][-1])
    for ours, theirs in zip(
        _network(shared, state, 2), plain.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("initializer", ["uniform", "orthogonal", "data_dependent"])
def test_a_network_starts_where_the_models_do(initializer):
    cell = _cell("elu", depth=4, initializer=initializer, init_scale=2.0)
    model = models.deep("elu", 4, 5, seed=9, initializer=initializer, init_scale=2.0)
    for ours, theirs in zip(first_weights(cell, 9), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("width", [5, 32])
def test_place_and_neighbours_do_not_change_a_bit(width):
    cell = _cell(width=width)
    alone, state = _trained(cell, [7], steps=200)
    among, crowd = _trained(cell, [3, 1, 4, 7], steps=200)
    for first, second in zip(
        _network(alone, state, 0), _network(among, crowd, 3), strict=True
    ):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("width", [5, 32])
def test_a_diverged_network_leaves_its_neighbours_as_they_were(width):
    cell = _cell(width=width)
    networks = [first_weights(cell, seed) for seed in range(program(cell).networks)]
    shared = program(cell)
    sound = shared.train(shared.start(networks), 0.1, 200)
    networks[1] = [w * 1e30 for w in networks[1]]
    ill = shared.train(shared.start(networks), 0.1, 200)
    assert ill.diverged.numpy().nonzero()[0].tolist() == [1]
    assert not np.isfinite(_network(shared, ill, 1)[0]).all()
    for index in (0, 2, shared.networks - 1):
        for first, second in zip(
            _network(shared, sound, index), _network(shared, ill, index), strict=True
        ):
            np.testing.assert_array_equal(first, second)


def test_steps_in_slices_are_the_same_steps():
    cell = _cell()
    shared, whole = _trained(cell, range(5), steps=300)
    _, parts = _trained(cell, range(5), steps=100)
    for _ in range(2):
        parts = shared.train(parts, 0.1, 100)
    for first, second in zip(whole.weights, parts.weights, strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(whole.solved_at, parts.solved_at)


@pytest.mark.slow
def test_solved_at_is_the_step_from_which_on_all_rows_are_right():
    cell = _cell()
    shared, state = _trained(cell, range(20), steps=0)
    right = []
    for _ in range(151):
        right.append(shared.measure(state)[1] == 1)
        last, state = state, shared.train(state, 0.1, 1)
    right = np.array(right)
    for index in range(20):
        wrong = np.flatnonzero(~right[:, index])
        since = wrong[-1] + 1 if wrong.size else 0
        expected = since if since <= 150 else NEVER
        assert state.solved_at[index] == expected
    assert NEVER > state.solved_at.numpy().min() > 0
    assert last.step == 150


def test_a_chunk_reports_what_its_networks_did():
    chunk = Chunk(0, _cell(learning_rate=30.0), first_seed=5, networks=40)
    result = train_chunk(chunk)
    shared, state = _trained(chunk.cell, range(5, 45), steps=300)
    cost, accuracy, rms = shared.measure(state)
    np.testing.assert_array_equal(result["cost"], cost[:40])
    np.testing.assert_array_equal(result["accuracy"], accuracy[:40])
    np.testing.assert_array_equal(result["gradient_rms_end"], rms[:40])
    assert result["solved"].shape == (40,)
    assert not (result["solved"] & result["diverged"]).any()
    assert result["solved"].tolist() == (result["solved_at"] >= 0).tolist()


def test_what_diverged_once_has_diverged_whatever_it_does_next():
    shared, state = _trained(_cell(), range(2), steps=0)
    once = np.arange(shared.networks) == 1
    state = shared.train(state._replace(diverged=tf.constant(once)), 0.1, 10)
    np.testing.assert_array_equal(state.diverged, once)


def test_a_row_at_exactly_a_half_counts_as_zero():
    # As in a run: logits 0, -1, -1, -2 make two rows right, (0, 0) one of them.
    cell = _cell(depth=2, width=1)
    shared = program(cell)
    network = [np.ones((2, 1)), np.zeros(1), -np.ones((1, 1)), np.zeros(1)]
    network = [weight.astype(np.float32) for weight in network]
    _, accuracy, _ = shared.measure(shared.start([network] * shared.networks))
    assert set(accuracy.tolist()) == {0.5}


@pytest.mark.slow
def test_a_program_is_compiled_once():
    shared = Program("identity", depth=2, width=1, optimizer="sgd")
    networks = [first_weights(_cell("identity", 2, 1), 0)] * shared.networks
    state = shared.start(networks)
    assert shared.compile(state) > 0
    assert shared.compile(state) == 0
    # Compiling has trained nothing.
    assert int(state.step) == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, " --xla_cpu_prefer_vector_width=512"),
        ("--xla_a=1", "--xla_a=1 --xla_cpu_prefer_vector_width=512"),
        ("--xla_cpu_prefer_vector_width=256", "--xla_cpu_prefer_vector_width=256"),
    ],
)
def test_a_width_of_vectors_that_a_user_chose_stays(given, expected, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", given or "")
    if given is None:
        monkeypatch.delenv("XLA_FLAGS")
    runpy.run_path(engine.__file__)
    assert os.environ["XLA_FLAGS"] == expected


def test_a_chunk_can_be_given_up():
    with pytest.raises(Stopped):
        train_chunk(Chunk(0, _cell(), 0, 2), stopping=lambda: True)


@pytest.mark.slow
def test_wide_and_narrow_layouts_compute_the_same(monkeypatch):
    cell = _cell("maxout", depth=2, steps=100)
    narrow, first = _trained(cell, range(3), steps=100)
    monkeypatch.setattr("xorlab.sweep.engine.NARROW", 1)
    wide = Program(cell.activation, cell.depth, cell.width, cell.optimizer)
    networks = [first_weights(cell, seed) for seed in range(3)]
    networks += networks[:1] * (wide.networks - 3)
    second = wide.train(wide.start(networks), 0.1, 100)
    for index in range(3):
        for ours, theirs in zip(
            _network(narrow, first, index), _network(wide, second, index), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_many_programs_are_no_reason_to_warn(caplog, monkeypatch):
    class Another:
        def double(self, x):
            return 2 * x

    tensorflow_s = logging.getLogger("tensorflow")
    monkeypatch.setattr(tensorflow_s, "handlers", [caplog.handler])
    for number in range(8):  # Of a method as it is, it warns at the fifth.
        two = tf.constant(np.float32(number))
        assert engine._as_program(Another().double)(two).numpy() == 2 * number
    assert caplog.messages == []
