"""Networks an hour: plain Keras `fit`, one after the other, against side by side."""

import contextlib
import itertools
import tempfile

import numpy as np

from benchmarks import report, timing
from xorlab import provenance, startup
from xorlab.images.grid import LOGS, Cell
from xorlab.images.plan import AT_ONCE
from xorlab.work.plan import Chunk, Stopped

ACTIVATION, START, RATE, BATCH = "relu", "lsuv", 0.003, 32
# Of the weight that moves most, after a twentieth of the training: later rounding grows
# until two programs of plain Keras are as far apart as any.
TOLERANCE = 1e-4

PLAIN = "plain Keras `fit`, one network after the other"
XLA = "the same, `jit_compile=True`"
OURS = "ours: `python -m xorlab.images`, five networks side by side, all logged"


def measure(quick: bool) -> report.Report:
    """Measures what a network takes: to start, to train, and to test.

    Args:
        quick: fewer steps and rounds.
    """
    startup.import_tensorflow()
    steps = 40 if quick else 600
    table, apart = measure_networks(steps, rounds=1 if quick else 5)
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
            f"FitNet-4 at an eighth of its widths on the digits: started, {steps} "
            f"steps of {BATCH} images, and tested; ours logs {LOGS} steps in full, and "
            "gives two verdicts. Rounds are interleaved. Compiling is left out: ours "
            "does it once for all starts and seeds of an activation. Before they were "
            f"timed all had the same weights after {steps // LOGS} steps, within "
            f"{TOLERANCE:g} of the largest change. Rounding grows from there: in the "
            f"end, ours is {apart[OURS]:.2g} of the largest change from plain `fit`, "
            f"and plain `fit` with XLA {apart[XLA]:.2g}."
        ],
        versions=provenance.versions(["tensorflow", "keras", "numpy", "scikit-learn"]),
    )


def measure_networks(steps: int, rounds: int) -> tuple[report.Table, dict[str, float]]:
    """Checks that all train the same network, and times them in turn.

    Returns:
        table: seconds a network.
        apart: of all but plain `fit`, how far from it they end.
    """
    from xorlab.images.data import load
    from xorlab.images.program import program
    from xorlab.images.training import batches, train_chunk
    from xorlab.models.side_by_side import unstack

    images = load("digits")
    seeds = range(AT_ONCE["digits"])
    cell = Cell("digits", ACTIVATION, START, RATE, BATCH, steps)
    chunk = Chunk(0, cell, seeds[0], len(seeds))
    networks = program(cell.dataset, cell.activation, steps // LOGS)
    models = {name: plain(jit) for name, jit in ((PLAIN, False), (XLA, True))}
    order = itertools.islice(batches(len(images.x), BATCH, seeds[:1]), steps)
    first = np.concatenate(list(order))[:, 0]

    def alone(model, steps):
        seen = first[: steps * BATCH]
        train_plainly(model, images.x[:256], images.x[seen], images.y[seen])
        return model.get_weights()

    def side_by_side():
        return unstack(networks.model, networks.one)[0]

    networks.start(START, seeds, images.x[:256])
    began = side_by_side()
    order = batches(len(images.x), BATCH, seeds)
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(Stopped):
        networks.fit(images, order, RATE, folder, stopping=lambda: True)
    for name, model in models.items():
        check(name, alone(model, steps // LOGS), side_by_side(), began)

    def plainly(model):
        weights = alone(model, steps)
        model.evaluate(images.tested_x, images.tested_y, verbose=0)
        return weights

    # All once untimed: the first compiles.
    train_chunk(chunk)
    ends = {OURS: side_by_side()}
    ends |= {name: plainly(model) for name, model in models.items()}
    apart = {name: off(end, ends[PLAIN], began) for name, end in ends.items()}

    jobs = {
        PLAIN: lambda: timing.seconds_of(lambda: plainly(models[PLAIN])),
        XLA: lambda: timing.seconds_of(lambda: plainly(models[XLA])),
        OURS: lambda: timing.seconds_of(lambda: train_chunk(chunk)) / len(seeds),
    }
    times = timing.interleaved(jobs, rounds, "s")
    rows = [report.Row(name, t) for name, t in times.items()]
    return report.Table("one network", "s", rows, OURS), apart


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


def train_plainly(model, batch, x, y):
    """Starts a network, without momentum yet, and trains it."""
    from xorlab.models.starts import start

    start(model, START, 0, batch)
    for variable in model.optimizer.variables[2:]:
        variable.assign(np.zeros(variable.shape))
    model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)


def off(received, expected, began):
    """Returns how far apart weights are, as a share of the largest change."""
    pairs = list(zip(received, expected, began, strict=True))
    moved = max(np.abs(e - b).max() for _, e, b in pairs)
    return max(np.abs(r - e).max() for r, e, _ in pairs) / moved


def check(name, received, expected, began):
    """Raises RuntimeError unless a program's weights are those that are expected."""
    apart = off(received, expected, began)
    if not apart <= TOLERANCE:
        raise RuntimeError(
            f"{name}: expected the weights of the others, within {TOLERANCE:g} of the "
            f"largest change; received weights {apart:.1e} of it away; it trains "
            "another network"
        )
