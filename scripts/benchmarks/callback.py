"""What `xorlab.callbacks.TensorBoard` costs, against other ways to see gradients.

Steps are timed in several processes, because in each the same work has a speed of its
own. Such a process is `python -m benchmarks.callback ROUNDS EPOCHS`; it prints JSON.
"""

import contextlib
import dataclasses
import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks import memory, report, timing, verdict
from xorlab import provenance, startup

BATCH = 32

BARE = "bare `fit`"
BARE_AGAIN = "bare `fit`, again"
OURS = "ours, `histogram_steps={}`"
UNJUDGED = "ours, `histogram_steps=1`, without a verdict"
KERAS = "`keras.callbacks.TensorBoard`, `histogram_freq=1` (an epoch)"
SECOND_PASS = "second-pass callback, every {}"
HISTOGRAM = "`tf.summary.histogram`, called eagerly"
OURS_HISTOGRAM = "ours, all that a logged step adds"


@dataclasses.dataclass(frozen=True)
class Contender:
    """A way to train and watch.

    Attributes:
        name: its row.
        callbacks: for every `fit`; kept, so that what they trace is traced once.
        epochs: of one timing.
    """

    name: str
    callbacks: Sequence
    epochs: int


def measure(quick: bool) -> report.Report:
    """Measures memory, then times training steps and histograms.

    Args:
        quick: fewer rounds and shorter ones.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
    """
    if not importlib.util.find_spec("sklearn"):
        raise ModuleNotFoundError(
            "expected scikit-learn, for its digits; it is not installed; "
            "run pip install scikit-learn"
        )
    memories = [memory.measure(jit, rounds=1 if quick else 3) for jit in (True, False)]
    processes = 1 if quick else 3
    steps, histograms = measure_steps(
        processes,
        rounds=3 if quick else 6,
        epochs=2 if quick else 10,
    )
    startup.import_tensorflow()
    diagnosis = verdict.of_models(small_cnn, *digits(), rounds=2 if quick else 9)
    return report.Report(
        tables=[steps, histograms, diagnosis, *memories],
        targets=targets(steps, histograms, diagnosis, memories),
        notes=[
            "Rounds are interleaved, and ratios are medians over the rounds; those of "
            f"steps were made in {processes} processes. In each, all train one model "
            "from the same weights; they had trained one epoch of it, to the same "
            "weights, and run an untimed round before. "
            "How far the second bare `fit` is from 1 × says how exact the others are. "
            "A logged histogram is what a step of ours that logs adds to a bare one. "
            "Keras's callback logs weights alone. The second-pass callback logs the "
            "gradients of the first batch. Memory is the peak of a process of its own, "
            "less that of bare `fit`, all code loaded or compiled for it included."
        ],
        versions=provenance.versions(["tensorflow", "keras", "scikit-learn"]),
    )


def targets(
    steps: report.Table,
    histograms: report.Table,
    diagnosis: report.Table,
    memories: Sequence[report.Table],
) -> list[report.Target]:
    """What the project promises of the numbers in these tables."""
    return [
        report.Target(
            "logging every 10 steps: at most 1.10 of bare `fit`'s time",
            steps.share(OURS.format(10), of=BARE),
            1.10,
            "×",
        ),
        report.Target(
            "logging every step: at most 1.25 of bare `fit`'s time",
            steps.share(OURS.format(1), of=BARE),
            1.25,
            "×",
        ),
        report.Target(
            "the verdict adds at most 5% to a logged step",
            steps.share(OURS.format(1), of=UNJUDGED),
            1.05,
            "×",
        ),
        report.Target(
            "`xorlab.diagnose`: at most ten times an epoch that compiles nothing",
            diagnosis.share(verdict.DIAGNOSE, of=verdict.EPOCH),
            10,
            "×",
        ),
        report.Target(
            "a logged histogram takes at most 1/50 of `tf.summary.histogram`'s time",
            histograms.share(OURS_HISTOGRAM, of=HISTOGRAM),
            1 / 50,
        ),
        *(
            report.Target(
                f"{table.title}: at most twice the gradient's bytes",
                table.median(memory.OURS),
                2,
                "×",
            )
            for table in memories
        ),
    ]


def measure_steps(
    processes: int, rounds: int, epochs: int
) -> tuple[report.Table, report.Table]:
    """Times a training step of every contender, and one histogram.

    Args:
        processes: that time them, one after the other.
        rounds: in each.
        epochs: of a timing.

    Raises:
        RuntimeError: a process failed.
    """
    times = {}
    for number in range(1, processes + 1):
        print(f"steps, process {number}/{processes}", file=sys.stderr, flush=True)
        arguments = ["-m", "benchmarks.callback", str(rounds), str(epochs)]
        output = timing.output_of_python(arguments)
        measured = json.loads(output.splitlines()[-1])
        for name, milliseconds in measured["times"].items():
            times.setdefault(name, []).extend(milliseconds)
    logged = measured["logged"]
    theirs = times.pop(HISTOGRAM)
    ours = added(times[OURS.format(1)], times[BARE], logged)
    steps = [report.Row(name, milliseconds) for name, milliseconds in times.items()]
    histograms = [report.Row(HISTOGRAM, theirs), report.Row(OURS_HISTOGRAM, ours)]
    return (
        report.Table(
            f"a training step of a small CNN, batches of {BATCH}",
            "ms",
            steps,
            BARE,
            reference=BARE,
        ),
        report.Table(
            f"a logged histogram, of {logged} a step", "ms", histograms, OURS_HISTOGRAM
        ),
    )


def main(rounds: int, epochs: int):
    """Times all contenders in this process, and prints their times in milliseconds.

    Raises:
        RuntimeError: one of them trains another network than the rest.
    """
    startup.import_tensorflow()
    x, y = digits()
    # One for all: of two that are alike, one may be faster than the other for good.
    model = small_cnn()
    rewind = rewinding(model)
    with contextlib.ExitStack() as stack:
        jobs, trained = {}, None
        for contender in all_contenders(stack, x, y, epochs):
            rewind()
            train(model, x, y, contender, epochs=1)
            trained = trained or model.get_weights()
            check(contender.name, model.get_weights(), trained)
            jobs[contender.name] = _training_job(model, x, y, contender, rewind)
        logged = 2 * len(trained)  # A gradient and a weight each.
        jobs[HISTOGRAM] = _histogram_job(stack, trained)
        for job in jobs.values():
            job()  # What a process does only once is no step's.
        times = timing.interleaved(jobs, rounds, "ms")
    print(json.dumps({"logged": logged, "times": times}))


def added(watched: Sequence[float], bare: Sequence[float], logged: int) -> list[float]:
    """What each round's logged step adds to the bare one beside it, a histogram."""
    return [(w - b) / logged for w, b in zip(watched, bare, strict=True)]


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Returns scikit-learn's images, `[N, 8, 8, 1]` from 0 to 1, and their labels."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return (data.images[..., np.newaxis] / 16).astype(np.float32), data.target


def small_cnn():
    """Makes the network that all contenders train."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input([8, 8, 1]),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def all_contenders(stack: contextlib.ExitStack, x, y, epochs: int) -> list[Contender]:
    """Lists them. Leaving `stack` removes their logs."""
    import keras

    from benchmarks.second_pass import SecondPass
    from xorlab.callbacks import TensorBoard

    def folder():
        return stack.enter_context(tempfile.TemporaryDirectory())

    def ours(every):
        return TensorBoard(
            folder(), write_grads=True, write_graph=False, histogram_steps=every
        )

    def second_pass(every):
        return SecondPass(folder(), x[:BATCH], y[:BATCH], every)

    keras_own = keras.callbacks.TensorBoard(
        folder(), write_graph=False, histogram_freq=1
    )
    return [
        Contender(BARE, [], epochs),
        Contender(BARE_AGAIN, [], epochs),
        *(Contender(OURS.format(n), [ours(n)], epochs) for n in (1, 10, 100)),
        Contender(UNJUDGED, [verdict.unjudged(folder(), histogram_steps=1)], epochs),
        Contender(KERAS, [keras_own], epochs),
        # One epoch takes as long as many of the others'.
        Contender(SECOND_PASS.format("step"), [second_pass(1)], 1),
        Contender(SECOND_PASS.format("10 steps"), [second_pass(10)], 1),
    ]


def rewinding(model) -> Callable[[], None]:
    """Returns what takes a model, and its optimizer, back to where they are now."""
    model.optimizer.build(model.trainable_variables)
    variables = [*model.weights, *model.optimizer.variables]
    values = [np.array(variable) for variable in variables]

    def rewind():
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    return rewind


def train(model, x, y, contender: Contender, epochs: int):
    """Trains, watched by the contender's callbacks."""
    callbacks = list(contender.callbacks)
    model.fit(x, y, BATCH, epochs, verbose=0, shuffle=False, callbacks=callbacks)


def check(name: str, weights: Sequence[np.ndarray], expected: Sequence[np.ndarray]):
    """Raises RuntimeError unless two networks are equal to the bit."""
    if not all(map(np.array_equal, weights, expected)):
        raise RuntimeError(
            f"{name}: expected the weights that bare fit trains, to the bit; received "
            "others; it trains another network"
        )


def _training_job(model, x, y, contender, rewind):
    steps = contender.epochs * -(-len(x) // BATCH)

    def milliseconds_a_step():
        rewind()
        seconds = timing.seconds_of(
            lambda: train(model, x, y, contender, contender.epochs)
        )
        return seconds / steps * 1e3

    return milliseconds_a_step


def _histogram_job(stack, arrays):
    import tensorflow as tf

    tensors = [tf.constant(array) for array in arrays]
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    writer = tf.summary.create_file_writer(folder)

    def log():
        with writer.as_default(0):
            for number, tensor in enumerate(tensors):
                tf.summary.histogram(str(number), tensor)

    log()
    return lambda: timing.seconds_of(log) / len(tensors) * 1e3


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
