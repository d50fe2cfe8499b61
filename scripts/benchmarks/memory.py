"""Peak memory of training one big layer, in a process a contender.

Such a process is `python -m benchmarks.memory CONTENDER JIT_COMPILE`; it prints bytes.
"""

import resource
import sys
import tempfile

from benchmarks import report, timing

WIDTH = 4_000  # The kernel has 16 million elements,
TENSOR = 4 * WIDTH**2  # and so many bytes.
BATCH = 32
STEPS = 5

BARE = "bare `fit`"
OURS = "ours, `histogram_steps=1`"
SECOND_PASS = "second-pass callback with `tf.summary.histogram`, every step"
CONTENDERS = (BARE, OURS, SECOND_PASS)


def measure(jit_compile: bool, rounds: int) -> report.Table:
    """Measures what logging adds to the peak, in multiples of the tensor's bytes.

    To be called while this process is small: on Linux a peak begins with the peak of
    the process that started it.
    """

    def peak(contender):
        arguments = ["-m", "benchmarks.memory", contender, str(int(jit_compile))]
        return lambda: int(timing.output_of_python(arguments).split()[-1]) / TENSOR

    jobs = {contender: peak(contender) for contender in CONTENDERS}
    peaks = timing.interleaved(jobs, rounds, "times the tensor")
    bare = peaks.pop(BARE)
    return report.Table(
        f"peak memory above bare `fit`'s, `jit_compile={jit_compile}`",
        f"times the {TENSOR // 10**6} MB of the gradient",
        [report.Row(name, above(p, bare)) for name, p in peaks.items()],
        OURS,
    )


def above(peaks: list[float], bare: list[float]) -> list[float]:
    """What each round adds to the bare one beside it."""
    return [peak - base for peak, base in zip(peaks, bare, strict=True)]


def main(contender: str, jit_compile: bool):
    """Trains a few steps, and prints this process's peak memory in bytes."""
    import keras
    import numpy as np

    from benchmarks.second_pass import SecondPass
    from xorlab.callbacks import TensorBoard

    # Zeros, because drawing 16 million numbers would take more than training does.
    big = keras.layers.Dense(WIDTH, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input([WIDTH]), big, keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=jit_compile)
    rows = BATCH * STEPS
    x, y = np.ones([rows, WIDTH], "float32"), np.ones([rows, 1], "float32")
    with tempfile.TemporaryDirectory() as folder:
        callbacks = []
        if contender == OURS:
            callbacks.append(
                TensorBoard(
                    folder, write_grads=True, write_graph=False, histogram_steps=1
                )
            )
        elif contender == SECOND_PASS:
            callbacks.append(SecondPass(folder, x[:BATCH], y[:BATCH], every=1))
        model.fit(x, y, BATCH, verbose=0, callbacks=callbacks)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(kilobytes * (1 if sys.platform == "darwin" else 1024))


if __name__ == "__main__":
    main(sys.argv[1], bool(int(sys.argv[2])))
