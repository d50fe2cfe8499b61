"""A step of many networks at once, against other ways to do it."""

import concurrent.futures
import ctypes
import dataclasses
import functools
import importlib.util
import pathlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable

import numpy as np

from benchmarks import report, verdict
from xorlab import capacity, provenance, startup
from xorlab.models import data
from xorlab.sweep.grid import Cell

KERNEL = pathlib.Path(__file__).with_name("sweep_kernel.cpp")
DEPTH = 11
RATE = 0.1
CORES = capacity.cores()
_ROUND_SECONDS = 0.4


@dataclasses.dataclass
class Row:
    """One way to train networks, and what a network's step took.

    Attributes:
        width, activation: of the networks.
        name: of the way.
        networks: trained side by side by a call.
        threads: that call it at once.
        call: `(steps)`, trains that many steps and waits for them.
        microseconds: for a network's step, a number a round.
    """

    width: int
    activation: str
    name: str
    networks: int
    threads: int
    call: Callable[[int], None]
    microseconds: list[float] = dataclasses.field(default_factory=list)


def first_weights(activation, width, networks):
    """Returns `[kernel 1, bias 1, …]`, the networks in the last axis."""
    from xorlab.sweep import engine

    start = "uniform" if width == 5 else "glorot_uniform"
    cell = Cell(activation, DEPTH, width, start, 1.0, RATE, "sgd", 1)
    seeds = [engine.first_weights(cell, seed) for seed in range(networks)]
    return [np.stack(arrays, -1) for arrays in zip(*seeds, strict=True)]


def ours(activation, width, threads):
    from xorlab.sweep import engine

    program = engine.Program(activation, DEPTH, width, "sgd")
    weights = first_weights(activation, width, program.networks)
    networks = [[w[..., r] for w in weights] for r in range(program.networks)]
    state = program.start(networks)
    program.compile(state)

    def call(steps):
        program.train(state, RATE, steps).step.numpy()

    return Row(width, activation, "xorlab.sweep", program.networks, threads, call)


def batched_matmul(activation, width, threads, networks):
    """The obvious layout: networks first, tf.matmul, GradientTape, jitted."""
    import tensorflow as tf

    from xorlab.models.activations import ACTIVATIONS

    weights = first_weights(activation, width, networks)
    weights = [tf.constant(np.moveaxis(w, -1, 0)) for w in weights]

    def step(done, weights):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            x = tf.tile(data.INPUTS[None], (networks, 1, 1))
            for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
                z = tf.matmul(x, kernel) + bias[:, None]
                x = ACTIVATIONS[activation](z)
            labels = tf.tile(data.LABELS[None], (networks, 1, 1))
            losses = tf.nn.sigmoid_cross_entropy_with_logits(labels, z)
            cost = tf.reduce_mean(losses, axis=(1, 2))
        gradients = tape.gradient(cost, weights)
        pairs = zip(weights, gradients, strict=True)
        return done + 1, [w - RATE * g for w, g in pairs]

    @functools.partial(tf.function, jit_compile=True, autograph=False)
    def run(weights, steps):
        start = (tf.constant(0), weights)
        return tf.while_loop(lambda done, weights: done < steps, step, start)[1]

    def call(steps):
        run(weights, tf.constant(steps))[-1].numpy()

    call(1)
    return Row(width, activation, "batched tf.matmul", networks, threads, call)


def in_jax(activation, width, threads, networks):
    """The same layout as ours, in JAX."""
    import jax
    import jax.numpy as jnp

    weights = [jnp.array(w) for w in first_weights(activation, width, networks)]
    function = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}[activation]
    inputs = jnp.broadcast_to(data.INPUTS[:, :, None], (4, 2, networks))

    def cost(weights):
        x = inputs
        for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
            z = jnp.sum(x[:, :, None] * kernel[None], axis=1) + bias
            x = function(z)
        losses = jnp.maximum(z, 0) - z * data.LABELS[:, :, None]
        losses += jnp.log1p(jnp.exp(-jnp.abs(z)))
        return losses.sum() / 4

    def step(_, weights):
        gradients = jax.grad(cost)(weights)
        return [w - RATE * g for w, g in zip(weights, gradients, strict=True)]

    @jax.jit
    def run(weights, steps):
        return jax.lax.fori_loop(0, steps, step, weights)

    def call(steps):
        run(weights, steps)[-1].block_until_ready()

    call(1)
    return Row(width, activation, "JAX, our layout", networks, threads, call)


def lecture_loop(activation, width):
    """The lecture's program: a TF1 session, a call a step, one network."""
    import tensorflow as tf

    v1 = tf.compat.v1
    function = {"relu": tf.nn.relu, "sigmoid": tf.sigmoid}[activation]
    with tf.Graph().as_default():
        x = inputs = v1.placeholder(tf.float32)
        labels = v1.placeholder(tf.float32)
        weights = [w[..., 0] for w in first_weights(activation, width, 1)]
        variables = [v1.Variable(w, use_resource=False) for w in weights]
        pairs = list(zip(variables[::2], variables[1::2], strict=True))
        for number, (kernel, bias) in enumerate(pairs, 1):
            z = tf.matmul(x, kernel) + bias
            x = tf.sigmoid(z) if number == DEPTH else function(z)
        cost = -tf.reduce_mean(
            labels * tf.math.log(x) + (1 - labels) * tf.math.log(1 - x)
        )
        train = v1.train.GradientDescentOptimizer(RATE).minimize(cost)
        session = v1.Session()
        session.run(v1.global_variables_initializer())

    def call(steps):
        for _ in range(steps):
            session.run(train, {inputs: data.INPUTS, labels: data.LABELS})

    call(1)
    return Row(width, activation, "TF1 session loop", 1, 1, call)


def kernel(activation, width, folder):
    """The C++ kernel, after it was seen to train as ours does."""
    library = pathlib.Path(folder) / "sweep_kernel.so"
    if not library.exists():
        flags = [
            "-O3",
            "-march=native",
            "-std=c++17",
            "-shared",
            "-fPIC",
        ]
        subprocess.run(["c++", *flags, str(KERNEL), "-o", str(library)], check=True)
    train = getattr(ctypes.CDLL(str(library)), f"train_{activation}")
    networks = 16
    weights = first_weights(activation, width, networks)
    flat = np.concatenate([w.reshape(-1, networks) for w in weights])
    # Vectors of 64 bytes start where 64 divides the address.
    room = np.zeros(flat.size + 16, np.float32)
    skip = -room.ctypes.data % 64 // 4
    memory = room[skip : skip + flat.size].reshape(flat.shape)

    def call(steps):
        memory[:] = flat
        address = memory.ctypes.data_as(ctypes.c_void_p)
        train(address, DEPTH, ctypes.c_float(RATE), steps)

    call(100)
    _check(activation, width, memory)
    return Row(width, activation, "C++ kernel, one core", networks, 1, call)


def _check(activation, width, memory):
    from xorlab.sweep import engine

    program = engine.Program(activation, DEPTH, width, "sgd")
    weights = first_weights(activation, width, program.networks)
    networks = [[w[..., r] for w in weights] for r in range(program.networks)]
    trained = program.train(program.start(networks), RATE, 100).weights
    networks = memory.shape[1]
    expected = [w.numpy().reshape(-1, program.networks)[:, :networks] for w in trained]
    np.testing.assert_allclose(memory, np.concatenate(expected), rtol=1e-2, atol=1e-3)


def measure(quick: bool) -> report.Report:
    """Measures everything that can be, all in turns, round after round.

    Args:
        quick: fewer rounds.
    """
    startup.import_tensorflow()
    rows, missing = [], []
    jax = importlib.util.find_spec("jax") is not None
    compiler = shutil.which("c++") is not None
    if not jax:
        missing.append("JAX is missing: it is not installed.")
    if not compiler:
        missing.append("The C++ kernel is missing: there is no C++ compiler.")
    with tempfile.TemporaryDirectory() as folder:
        for activation in ("relu", "sigmoid"):
            if compiler:
                rows.append(kernel(activation, 5, folder))
            rows.append(ours(activation, 5, CORES))
            rows.append(ours(activation, 5, 1))
            if jax:
                rows.append(in_jax(activation, 5, CORES, 128))
            rows.append(batched_matmul(activation, 5, CORES, 128))
            rows.append(lecture_loop(activation, 5))
        for width, networks in ((64, (16, 128)), (256, (1, 16))):
            rows.append(ours("relu", width, CORES))
            rows += [batched_matmul("relu", width, CORES, n) for n in networks]
        rounds = 2 if quick else 9
        _time(rows, rounds)
    judged = [
        verdict.in_sweeps(activation, depth, CORES, rounds)
        for activation, depth in (("relu", DEPTH), ("sigmoid", DEPTH), ("relu", 3))
    ]
    whole = verdict.of_a_sweep(*((2, 1) if quick else (1000, 5)))
    cells = dict.fromkeys((row.width, row.activation) for row in rows)
    tables = {cell: _table(rows, *cell) for cell in cells}
    return report.Report(
        tables=[*tables.values(), whole, *judged],
        targets=[
            *(t for cell, table in tables.items() for t in _targets(table, *cell)),
            report.Target(
                "a whole sweep judged at two steps, at most 1.1 times",
                whole.share(verdict.JUDGED_SWEEP, of=verdict.SWEEP),
                1.1,
                "×",
            ),
        ],
        notes=[*missing, f"Depth {DEPTH}, four rows; the kernel has one core."],
        versions=provenance.versions(["tensorflow", "keras", "numpy", "jax"]),
    )


def _table(rows, width, activation):
    shown = [
        report.Row(_name(row), row.microseconds)
        for row in rows
        if (row.width, row.activation) == (width, activation)
    ]
    [reference] = [row.name for row in shown if row.name.startswith(_OURS)]
    title = f"one step of one {activation} network, width {width}"
    return report.Table(title, "µs", shown, reference)


_OURS = f"xorlab.sweep, threads: {CORES}"


def _name(row):
    return f"{row.name}, threads: {row.threads}, networks at once: {row.networks}"


def _targets(table, width, activation):
    """What the project promises of the table's numbers."""
    limits = {
        "C++": 3.5,
        "JAX": 1.0,
        "batched": 1 / 20 if width == 5 else 1.0,
        "TF1": 1 / 1000,
        "the lecture": 1 / 1000,
    }
    for row in table.rows:
        for word, limit in limits.items():
            if word.lower() in row.name.lower():
                yield report.Target(
                    f"{activation}, width {width}: against {row.name}, at most "
                    + (f"1/{1 / limit:,.0f}" if limit < 1 else f"{limit:g} times"),
                    table.share(table.ours, of=row.name),
                    limit,
                )


def _time(rows, rounds):
    steps = [_steps_of_a_round(row) for row in rows]
    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        for _ in range(rounds):
            for row, number in zip(rows, steps, strict=True):
                began = time.perf_counter()
                list(pool.map(row.call, [number] * row.threads))
                seconds = time.perf_counter() - began
                done = number * row.threads * row.networks
                row.microseconds.append(seconds / done * 1e6)


def _steps_of_a_round(row):
    # From calls long enough that what a call takes, whatever its steps, is nothing.
    steps = 3
    while True:
        began = time.perf_counter()
        row.call(steps)
        seconds = time.perf_counter() - began
        if seconds > _ROUND_SECONDS / 4:
            return max(3, round(steps * _ROUND_SECONDS / seconds))
        steps *= 4
