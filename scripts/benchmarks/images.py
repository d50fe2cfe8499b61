"""A small convolutional network's training: plain Keras `fit` against side by side."""

import functools
import itertools
import tempfile

import numpy as np

from benchmarks import report, timing
from xorlab import provenance, startup

ACTIVATION, START, RATE = "relu", "lsuv", 0.01
BATCH, LOGS = 32, 20
# Of the weight that moves most.
TOLERANCE = 1e-3

PLAIN = "plain Keras `fit`, one network"
XLA = "plain Keras `fit`, one network, `jit_compile=True`"
OURS = "ours: `python -m xorlab.images`, five networks side by side, all logged"


def measure(quick: bool) -> report.Report:
    """Measures a step of one network, in milliseconds.

    Args:
        quick: fewer steps and rounds.
    """
    startup.import_tensorflow()
    steps = 40 if quick else 200
    table = measure_steps(steps, rounds=1 if quick else 5)
    return report.Report(
        tables=[table],
        targets=[
            report.Target(
                "at least 3 times the networks an hour of plain `fit`",
                table.share(OURS, of=PLAIN),
                1 / 3,
            )
        ],
        notes=[
            f"FitNet-4 at an eighth of its widths on the digits, {BATCH} images a "
            f"step, {steps} steps a timing, of which ours logs {LOGS} in full. "
            "Compiling is left out: ours does it once for all starts of an "
            "activation, plain `fit` for each network. Before they were timed all "
            f"had reached the same weights, within {TOLERANCE:g} of the largest change."
        ],
        versions=provenance.versions(["tensorflow", "keras", "numpy"]),
    )


def measure_steps(steps: int, rounds: int) -> report.Table:
    """Checks that all train the same network, and times them in turn."""
    from xorlab.images.data import load
    from xorlab.images.program import Networks
    from xorlab.images.training import batches
    from xorlab.models.side_by_side import unstack

    images = load("digits")
    networks = Networks("digits", ACTIVATION, steps // LOGS)
    seeds = range(networks.model.input_shape[1])
    order = list(itertools.islice(batches(len(images.x), BATCH, seeds), steps + 1))

    def ours():
        networks.start(START, seeds, images.x[:256])
        with tempfile.TemporaryDirectory() as folder:
            return timing.seconds_of(
                lambda: networks.fit(images, iter(order), RATE, folder, lambda: False)
            )

    seconds = {OURS: ours}
    models = {name: plain(jit) for name, jit in ((PLAIN, False), (XLA, True))}
    one = np.concatenate([batch[:, 0] for batch in order[:steps]])
    for name, model in models.items():
        networks.start(START, seeds, images.x[:256])
        first = unstack(networks.model, networks.one)[0]
        seconds[name] = functools.partial(
            fit_plainly, model, first, images.x[one], images.y[one]
        )
    ours()
    expected = unstack(networks.model, networks.one)[0]
    for name, model in models.items():
        seconds[name]()  # Compiles.
        check(name, model.get_weights(), expected, first)

    many = {OURS: len(seeds), PLAIN: 1, XLA: 1}
    jobs = {
        name: lambda name=name: 1e3 * seconds[name]() / steps / many[name]
        for name in (PLAIN, XLA, OURS)
    }
    times = timing.interleaved(jobs, rounds, "ms")
    rows = [report.Row(name, t) for name, t in times.items()]
    return report.Table("one step of one network", "ms", rows, OURS)


def plain(jit):
    """Makes a network of Keras's layers, compiled as a user would."""
    import keras

    from xorlab.images.program import MOMENTUM, SHAPES
    from xorlab.models.fitnet import WIDTHS, fitnet

    model = fitnet(ACTIVATION, SHAPES["digits"], [width // 8 for width in WIDTHS])
    model.compile(
        keras.optimizers.SGD(RATE, momentum=MOMENTUM),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=jit,
    )
    return model


def fit_plainly(model, weights, x, y):
    """Trains from given weights, without momentum yet; returns the seconds."""
    model.set_weights(weights)
    for variable in model.optimizer.variables[2:]:
        variable.assign(np.zeros(variable.shape))
    return timing.seconds_of(
        lambda: model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)
    )


def check(name, received, expected, first):
    """Raises RuntimeError unless a program's weights are those that are expected."""
    pairs = list(zip(received, expected, first, strict=True))
    moved = max(np.abs(e - f).max() for _, e, f in pairs)
    off = max(np.abs(r - e).max() for r, e, _ in pairs)
    if not off <= TOLERANCE * moved:
        raise RuntimeError(
            f"{name}: expected the weights of the others, within "
            f"{TOLERANCE * moved:.1e}; received weights {off:.1e} away; it trains "
            "another network"
        )
