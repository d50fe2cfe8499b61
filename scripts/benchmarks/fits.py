"""What `xorlab.callbacks.TensorBoard` costs a whole `fit`: its beginning, and many.

What a process does only once is measured in a process of its own each time, which is
`python -m benchmarks.fits MEASURE ARGUMENTS`; it prints JSON.
"""

import json
import resource
import sys
import tempfile
import time

from benchmarks import report, timing
from benchmarks.callback import BATCH, digits, small_cnn
from benchmarks.memory import WIDTH, above
from xorlab import provenance, startup

BARE = "bare `fit`"
KERAS = "`keras.callbacks.TensorBoard`"
OURS = "ours"
GRADS = "ours, `write_grads=True`"
ALL = "ours, `write_activations=True`, `histogram_freq=1`"
NEW = f"{GRADS}, a new one each `fit`"
EVERY = GRADS + ", `histogram_steps={}`"

RESNET = 4 * 23_528_522  # Bytes of its gradient.
WARM = 20  # Fits until memory has found its level.


def measure(quick: bool) -> report.Report:
    """Measures first epochs, many fits, and a layer of 16 million weights.

    Args:
        quick: fewer rounds and shorter ones.
    """
    rounds = 1 if quick else 3
    epoch, whole = _tables(
        "small CNN, seconds to",
        "s",
        ["the end of the first epoch", "the end of `fit`"],
        _in_processes(first_epoch, [BARE, KERAS, OURS, GRADS, ALL], rounds),
    )
    processor, peak = _tables(
        "ResNet50, all trainable,",
        "s",
        ["processor seconds to the first batch's end", "peak memory"],
        _in_processes(resnet, [BARE, GRADS], 1 if quick else 2),
    )
    peaks = {row.name: row.times for row in peak.rows}
    memory = report.Table(
        "ResNet50, all trainable, peak memory above bare `fit`'s",
        f"times the {RESNET // 10**6} MB of the gradient",
        [report.Row(GRADS, above(peaks[GRADS], peaks[BARE]))],
        GRADS,
    )
    fits = WARM + (5 if quick else 60)
    many = _in_processes(many_fits, [BARE, KERAS, GRADS, NEW], 1, fits)
    seconds = report.Table(
        f"a `fit` of {fits}, one after the other, of a small CNN on 256 images",
        "ms",
        [report.Row(name, taken[0]) for name, [taken] in many.items()],
        BARE,
        reference=BARE,
    )
    growth = report.Table(
        f"peak memory after {fits} such fits",
        f"times that after {WARM}",
        [report.Row(name, [taken[1]]) for name, [taken] in many.items()],
        BARE,
        reference=BARE,
    )
    big = [big_steps(jit, 2 if quick else 15) for jit in (True, False)]
    return report.Report(
        tables=[epoch, whole, processor, memory, seconds, growth, *big],
        targets=targets(epoch, processor, memory, growth, big),
        notes=[
            "Rounds are interleaved, and ratios are medians over the rounds. First "
            "epochs, and ResNet50 on a batch of 8 images of 64 by 64, are measured in "
            "a new process each time, from the making of the callback on. All else of "
            "a callback is as by default: ours writes the op graph. The fits that "
            "follow one another are those of one process and one compiled model. Of a "
            "big layer, a step is a share of the time from training's begin to its end."
        ],
        versions=provenance.versions(["tensorflow", "keras", "scikit-learn"]),
    )


def targets(epoch, processor, memory, growth, big) -> list[report.Target]:
    """What the project promises of the numbers in these tables."""
    return [
        report.Target(
            "small CNN, `write_grads=True`: the first epoch in at most 1.5 of bare "
            "`fit`'s time",
            epoch.share(GRADS, of=BARE),
            1.5,
            "×",
        ),
        report.Target(
            "ResNet50: at most twice bare `fit`'s processor seconds",
            processor.share(GRADS, of=BARE),
            2,
            "×",
        ),
        report.Target(
            "ResNet50: at most twice the gradient's bytes", memory.median(GRADS), 2, "×"
        ),
        report.Target(
            "fits with a new callback each: memory grows to at most 1.02 of what it "
            "does in bare ones",
            growth.share(NEW, of=BARE),
            1.02,
            "×",
        ),
        *(
            report.Target(
                f"{table.title}, logged every 10: at most 1.5 of bare `fit`'s time",
                table.share(EVERY.format(10), of=BARE),
                1.5,
                "×",
            )
            for table in big
        ),
    ]


def _in_processes(measured, contenders, rounds, *arguments):
    """Maps contenders to what such processes print, round by round."""
    found = {name: [] for name in contenders}

    def job(name):
        def run():
            command = ["-m", "benchmarks.fits", measured.__name__, name]
            output = timing.output_of_python([*command, *map(str, arguments)])
            found[name].append(json.loads(output.splitlines()[-1]))
            return found[name][-1][-1]

        return run

    timing.interleaved({name: job(name) for name in contenders}, rounds, "last")
    return found


def _tables(title, unit, columns, found):
    """Makes a table of each of the numbers that processes printed."""
    return [
        report.Table(
            f"{title} {column}",
            unit,
            [
                report.Row(name, [each[number] for each in rounds])
                for name, rounds in found.items()
            ],
            BARE,
            reference=BARE,
        )
        for number, column in enumerate(columns)
    ]


def callbacks_of(contender: str, folder: str) -> list:
    """Makes a contender's callbacks, which log to a folder."""
    import keras

    from xorlab.callbacks import TensorBoard

    if contender == BARE:
        return []
    if contender == KERAS:
        return [keras.callbacks.TensorBoard(folder)]
    if contender == ALL:
        return [TensorBoard(folder, write_activations=True, histogram_freq=1)]
    return [TensorBoard(folder, write_grads=contender != OURS)]


def first_epoch(contender: str, folder: str) -> list[float]:
    """Returns seconds to the end of the first epoch, and to the end of `fit`."""
    import keras

    x, y = digits()
    model, ends = small_cnn(), []
    began = time.perf_counter()
    noting = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter() - began)
    )
    callbacks = [*callbacks_of(contender, folder), noting]
    model.fit(x, y, BATCH, verbose=0, callbacks=callbacks)
    return [*ends, time.perf_counter() - began]


def resnet(contender: str, folder: str) -> list[float]:
    """Returns processor seconds to the first batch's end, and peak memory.

    The latter in multiples of the gradient's bytes.
    """
    import keras
    import numpy as np

    model = keras.applications.ResNet50(
        weights=None, input_shape=[64, 64, 3], classes=10
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    ends = []
    began = time.process_time()
    noting = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: ends.append(time.process_time() - began)
    )
    callbacks = [*callbacks_of(contender, folder), noting]
    x, y = np.zeros([8, 64, 64, 3], "float32"), np.zeros([8], "int32")
    model.fit(x, y, verbose=0, callbacks=callbacks)
    return [*ends, _peak() / RESNET]


def many_fits(contender: str, folder: str, fits: str) -> list:
    """Returns the milliseconds of each `fit`, and how far the peak memory grew."""
    x, y = digits()
    x, y = x[:256], y[:256]
    model = small_cnn()
    callbacks, times, peaks = callbacks_of(contender, folder), [], []
    for _ in range(int(fits)):
        began = time.perf_counter()
        if contender == NEW:
            callbacks = callbacks_of(contender, folder)
        model.fit(x, y, BATCH, verbose=0, callbacks=callbacks)
        times.append((time.perf_counter() - began) * 1e3)
        peaks.append(_peak())
    return [times[WARM:], peaks[-1] / peaks[WARM - 1]]


def _peak():
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * (1 if sys.platform == "darwin" else 1024)


def big_steps(jit_compile: bool, rounds: int) -> report.Table:
    """Times steps of a layer of 16 million weights, in a process."""
    arguments = ["-m", "benchmarks.fits", "big", str(int(jit_compile)), str(rounds)]
    output = timing.output_of_python(arguments)
    times = json.loads(output.splitlines()[-1])
    return report.Table(
        f"a step of a layer of 16 million weights, `jit_compile={jit_compile}`",
        "ms",
        [report.Row(name, milliseconds) for name, milliseconds in times.items()],
        BARE,
        reference=BARE,
    )


def big(jit_compile: str, folder: str, rounds: str) -> dict[str, list[float]]:
    """Returns milliseconds a step, by contender."""
    import keras
    import numpy as np

    from xorlab.callbacks import TensorBoard

    layer = keras.layers.Dense(WIDTH, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input([WIDTH]), layer, keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=bool(int(jit_compile)))
    steps = 20
    x, y = np.ones([BATCH * steps, WIDTH], "float32"), np.ones([BATCH * steps, 1])
    contenders = {BARE: []}
    for every in (1, 10):
        options = {"write_grads": True, "histogram_steps": every, "verbose": False}
        contenders[EVERY.format(every)] = [TensorBoard(folder, **options)]

    def job(callbacks):
        def fit():
            marks = []

            def mark(logs):
                marks.append(time.perf_counter())

            # Leaving `fit` may wait until 1.3, 2.6, 5.1, … seconds are over.
            first = keras.callbacks.LambdaCallback(on_train_begin=mark)
            last = keras.callbacks.LambdaCallback(on_train_end=mark)
            around = [first, *callbacks, last]
            model.fit(x, y, BATCH, verbose=0, callbacks=around)
            return (marks[1] - marks[0]) / steps * 1e3

        fit()
        return fit

    jobs = {name: job(callbacks) for name, callbacks in contenders.items()}
    return timing.interleaved(jobs, int(rounds), "ms")


def main(measured: str, first: str, *more: str):
    """Measures in this process, and prints what came of it."""
    startup.import_tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(globals()[measured](first, folder, *more)))


if __name__ == "__main__":
    main(*sys.argv[1:])
