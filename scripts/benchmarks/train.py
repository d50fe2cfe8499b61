"""One step of the deep network, and the lecture's whole job, against other programs."""

import contextlib
import dataclasses
import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks import contenders, report, timing
from xorlab import provenance, startup
from xorlab.models import data
from xorlab.models.initializers import initial_weights

# As Python does by default, whatever a command asks for.
COLLECTING = """
import gc, runpy
gc.disable = gc.freeze = lambda: None
runpy.run_module("xorlab.train", run_name="__main__", alter_sys=True)
"""

# The first seed from which relu learns. From a dead start no weight moves, and the
# check that all contenders train the same network would check nothing.
SEED = 2
WIDTHS = [2] + [5] * 10 + [1]
CHECKED_STEPS = 20
# Of the weight that moves most: float32 roundings stay below 1e-5 of it.
TOLERANCE = 1e-4

LECTURE = "the lecture's program: TensorFlow 1 graph and session"
JAX = "JAX, `lax.scan` under `jit`"
OURS = "ours: `FusedModel.fit`, 2,000 steps an execution"
LOGGED = "ours, all values and histograms logged"
MAIN = "ours: `python -m xorlab.train`, everything logged"
COLLECTED = "the same, garbage looked for in what it imports too"
LECTURE_MAIN = "the lecture's program, cost and accuracy logged"
HELP = "`python -m xorlab.train --help`"


@dataclasses.dataclass(frozen=True)
class Contender:
    """A program to be timed.

    Attributes:
        name: its row.
        needs: the module or compiler it cannot do without.
        make: returns the program, see `benchmarks.contenders`.
        steps: in one timing; about half a second's worth.
        activation: of the network it trains.
    """

    name: str
    needs: str
    make: Callable
    steps: int
    activation: str = "relu"

    @property
    def missing(self) -> str:
        """Why it cannot be timed here; empty if it can."""
        if self.needs == "cc":
            return "" if shutil.which("cc") else "no C compiler (cc)"
        found = importlib.util.find_spec(self.needs)
        return "" if found else f"{self.needs} is not installed"


def measure(quick: bool) -> report.Report:
    """Measures steps, then processes.

    Args:
        quick: fewer rounds, and a tenth of the steps in the processes.
    """
    steps = 20_000 if quick else 200_000
    one_step = measure_steps(rounds=2 if quick else 10)
    whole = measure_processes(steps, rounds=1 if quick else 3)
    return report.Report(
        tables=[one_step, whole],
        targets=targets(one_step, whole),
        notes=[
            f"Rounds are interleaved. All start from the same weights (seed {SEED}); "
            "before it was timed each had reached the weights of the lecture's program "
            f"in {CHECKED_STEPS} steps. All Keras models have `jit_compile=True`."
        ],
        versions={
            **provenance.versions(["tensorflow", "keras", "numpy", "torch", "jax"]),
            "cc": compiler_version(),
        },
    )


def compiler_version() -> str:
    """Returns what the C compiler says of itself."""
    if not shutil.which("cc"):
        return "(not installed)"
    said = subprocess.run(["cc", "--version"], capture_output=True, text=True)
    return said.stdout.partition("\n")[0].removeprefix("cc ")


def targets(one_step: report.Table, whole: report.Table) -> list[report.Target]:
    """What the project promises of the numbers in these two tables."""
    return [
        report.Target(
            "a step takes at most 1/60 of the lecture's program's",
            one_step.share(OURS, of=LECTURE),
            1 / 60,
        ),
        report.Target(
            "a step takes at most 1/4 of JAX's", one_step.share(OURS, of=JAX), 1 / 4
        ),
        report.Target(
            "logging everything at most doubles the training time",
            one_step.share(LOGGED, of=OURS),
            2,
        ),
        report.Target(
            "the whole job takes at most 1/15 of the lecture's program's",
            whole.share(MAIN, of=LECTURE_MAIN),
            1 / 15,
        ),
        report.Target(
            "`--help` takes under half a second", whole.median(HELP), 0.5, "s"
        ),
    ]


def measure_steps(rounds: int) -> report.Table:
    """Times one full-batch step of every contender, in microseconds."""
    with contextlib.ExitStack() as stack:
        rows = time_contenders(all_contenders(stack), lecture_weights, rounds)
    return report.Table(
        "one step of the deep network (11 layers of 5, relu)", "µs", rows, OURS
    )


def all_contenders(stack: contextlib.ExitStack) -> list[Contender]:
    """Lists them; none is made yet. Leaving `stack` ends what they began."""
    startup.import_tensorflow()
    import keras
    import tensorflow as tf
    from oracles.lecture_tf1 import LectureProgram

    from xorlab import models

    start = start_weights()

    def ours(activation="relu"):
        return models.deep(activation, seed=SEED)

    def plain():
        model = ours()
        return keras.Model(model.inputs, model.outputs)

    return [
        Contender(
            "plain Keras `fit`, one step an epoch",
            "tensorflow",
            lambda: contenders.OneStepAnEpoch(plain()),
            20,
        ),
        Contender("PyTorch, eager", "torch", lambda: contenders.Torch(start), 1_000),
        Contender(
            LECTURE, "tensorflow", lambda: LectureProgram(start, tf.nn.relu), 2_000
        ),
        Contender(
            "plain Keras `fit`, `steps_per_execution=1000`",
            "tensorflow",
            lambda: contenders.ManyStepsAnExecution(plain()),
            4_000,
        ),
        Contender("NumPy by hand", "numpy", lambda: contenders.NumPy(start), 4_000),
        Contender(JAX, "jax", lambda: contenders.Jax(start), 20_000),
        Contender(
            LOGGED,
            "tensorflow",
            lambda: contenders.OursLogged(ours(), stack),
            200_000,
        ),
        Contender(OURS, "tensorflow", lambda: contenders.Ours(ours()), 200_000),
        Contender(
            "ours, sigmoid",
            "tensorflow",
            lambda: contenders.Ours(ours("sigmoid")),
            200_000,
            "sigmoid",
        ),
        Contender(
            "a scalar loop in C, `cc -O2`", "cc", lambda: contenders.C(start), 200_000
        ),
    ]


def start_weights() -> list[np.ndarray]:
    """The weights that all contenders start from."""
    return initial_weights("uniform", SEED, WIDTHS, data.INPUTS, activate=None)


def lecture_weights(activation: str) -> list[np.ndarray]:
    """Returns the lecture's program's weights after `CHECKED_STEPS` steps."""
    import tensorflow as tf
    from oracles.lecture_tf1 import LectureProgram

    program = LectureProgram(start_weights(), getattr(tf.nn, activation))
    program.run(CHECKED_STEPS)
    return program.weights()


def time_contenders(
    listed: Sequence[Contender],
    expected: Callable[[str], Sequence[np.ndarray]],
    rounds: int,
) -> list[report.Row]:
    """Checks and times the contenders that can run, and names the others.

    Args:
        listed: in the order of the rows.
        expected: the weights after `CHECKED_STEPS` steps, by activation.
        rounds: timings of each.

    Returns:
        A row a contender, in microseconds a step.

    Raises:
        RuntimeError: one of them trains another network than the rest.
    """
    jobs = {}
    for contender in listed:
        if contender.missing:
            continue
        program = contender.make()
        check(contender.name, program, expected(contender.activation))
        program.run(contender.steps)  # Compiles what it compiles.
        jobs[contender.name] = _job(program, contender.steps)
    times = timing.interleaved(jobs, rounds, "µs")
    return [report.Row(c.name, times.get(c.name, ()), c.missing) for c in listed]


def check(name: str, program, expected: Sequence[np.ndarray]):
    """Raises RuntimeError unless a program's first steps lead to `expected`."""
    start = program.weights()
    moved = max(np.abs(e - s).max() for e, s in zip(expected, start, strict=True))
    program.run(CHECKED_STEPS)
    received = program.weights()
    off = max(np.abs(r - e).max() for r, e in zip(received, expected, strict=True))
    if not off <= TOLERANCE * moved:
        raise RuntimeError(
            f"{name}: expected the weights of the lecture's program after "
            f"{CHECKED_STEPS} steps, within {TOLERANCE * moved:.1e}; received weights "
            f"{off:.1e} away; it trains another network"
        )


def _job(program, steps):
    def microseconds_a_step():
        program.restart()
        return timing.seconds_of(lambda: program.run(steps)) / steps * 1e6

    return microseconds_a_step


def measure_processes(steps: int, rounds: int) -> report.Table:
    """Times the whole job as a process, in seconds."""

    def trained(*program):
        def seconds():
            with tempfile.TemporaryDirectory() as logdir:
                flags = {"steps": steps, "seed": SEED, "logdir": logdir}
                return timing.seconds_of_python(
                    [*program, *(f"--{name}={value}" for name, value in flags.items())]
                )

        return seconds

    jobs = {
        LECTURE_MAIN: trained("tests/oracles/lecture_tf1.py"),
        MAIN: trained("-m", "xorlab.train"),
        COLLECTED: trained("-c", COLLECTING),
        HELP: lambda: timing.seconds_of_python(["-m", "xorlab.train", "--help"]),
    }
    times = timing.interleaved(jobs, rounds, "s")
    rows = [report.Row(name, seconds) for name, seconds in times.items()]
    return report.Table(f"the whole process, {steps:,} steps", "s", rows, MAIN)
