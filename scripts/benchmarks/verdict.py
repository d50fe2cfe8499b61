"""What the verdict costs: in a sweep, in the callback, and of a model that is there."""

import concurrent.futures
import contextlib
import io
import tempfile
from unittest import mock

from benchmarks import report, timing
from xorlab.sweep.grid import Cell
from xorlab.sweep.plan import Chunk, networks_at_once
from xorlab.sweep.training import train_chunk

DIAGNOSE_AT = (100, 1000)
STEPS = 20_000
PLAIN, JUDGED = "trained", "trained, and judged at steps 100 and 1000"

SWEEP = "`python -m xorlab.sweep`"
JUDGED_SWEEP = "the same, `--diagnose_at=100,1000`"

DIAGNOSE = "`xorlab.diagnose(model, x, y)`, which trains 200 steps"
FIRST_EPOCH = "the first epoch of bare `fit`, with what it compiles"
EPOCH = "another epoch of bare `fit`, which compiles nothing"


def in_sweeps(activation: str, depth: int, threads: int, rounds: int) -> report.Table:
    """Times chunks of a sweep, whole trainings, judged and not.

    Args:
        activation, depth: of the networks.
        threads: each trains a chunk at once.
        rounds: times that each is trained, but for a first one that compiles.
    """
    cell = Cell(activation, depth, 5, "uniform", 1.0, 0.1, "sgd", STEPS)
    networks = networks_at_once(cell.width)

    def job(diagnose_at):
        chunks = [
            Chunk(number, cell, number * networks, networks, diagnose_at)
            for number in range(threads)
        ]
        list(pool.map(train_chunk, chunks))
        return lambda: timing.seconds_of(lambda: list(pool.map(train_chunk, chunks)))

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        jobs = {PLAIN: job(()), JUDGED: job(DIAGNOSE_AT)}
        times = timing.interleaved(jobs, rounds, "s")
    return report.Table(
        f"{threads * networks} networks of {depth} layers, {activation}, {STEPS:,} "
        "steps",
        "s",
        [report.Row(name, seconds) for name, seconds in times.items()],
        PLAIN,
        reference="those",
    )


def of_a_sweep(seeds: int, rounds: int) -> report.Table:
    """Times the command with its defaults, judging and not.

    Args:
        seeds: networks of each cell.
        rounds: times that each is run.
    """

    def job(folder, *options):
        # A folder is resumed, so each run has its own.
        out = f"--out={tempfile.mkdtemp(dir=folder)}"
        command = ["-m", "xorlab.sweep", f"--seeds={seeds}", out, *options]
        return timing.seconds_of_python(command)

    at = ",".join(map(str, DIAGNOSE_AT))
    with tempfile.TemporaryDirectory() as folder:
        jobs = {
            SWEEP: lambda: job(folder),
            JUDGED_SWEEP: lambda: job(folder, f"--diagnose_at={at}"),
        }
        times = timing.interleaved(jobs, rounds, "s")
    return report.Table(
        f"a whole sweep, {seeds:,} networks a cell",
        "s",
        [report.Row(name, seconds) for name, seconds in times.items()],
        SWEEP,
        reference="the first",
    )


def of_models(make, x, y, rounds: int) -> report.Table:
    """Times the diagnosis of a model against epochs of its training.

    Args:
        make: returns the model, compiled.
        x, y: what it trains on.
        rounds: times that each is done, but for a first one.
    """
    import xorlab

    trained = make()

    def diagnose():
        model = make()
        with contextlib.redirect_stdout(io.StringIO()):
            return timing.seconds_of(lambda: xorlab.diagnose(model, x, y))

    def fit(model):
        return timing.seconds_of(lambda: model.fit(x, y, verbose=0))

    jobs = {
        FIRST_EPOCH: lambda: fit(make()),
        EPOCH: lambda: fit(trained),
        DIAGNOSE: diagnose,
    }
    for job in jobs.values():
        job()  # What a process does only once is nobody's.
    times = timing.interleaved(jobs, rounds, "s")
    return report.Table(
        f"a small CNN, {len(x):,} images",
        "s",
        [report.Row(name, seconds) for name, seconds in times.items()],
        EPOCH,
        reference="the other epoch",
    )


class _Silent:
    """Takes the place of the callback's `Verdicts`."""

    def __init__(self, *arguments):
        pass

    def add(self, *arguments):
        pass

    def judge(self):
        pass

    def end(self):
        pass


def unjudged(folder: str, **options):
    """Returns our callback, but one that judges nothing of what it logs."""
    from xorlab import callbacks

    class Unjudged(callbacks.TensorBoard):
        def on_train_begin(self, logs=None):
            with mock.patch.object(callbacks, "Verdicts", _Silent):
                super().on_train_begin(logs)

    return Unjudged(folder, write_grads=True, write_graph=False, **options)
