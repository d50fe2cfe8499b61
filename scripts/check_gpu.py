"""Checks the callback on a GPU: `python scripts/check_gpu.py`.

Prints a table in Markdown: whether training stays the same to the bit, whether the
gradients logged are those of a tape, and what logging costs.
"""

import logging
import math
import statistics
import tempfile

from absl import flags
from benchmarks import timing
from benchmarks.callback import rewinding

from xorlab import provenance, settings, startup

_DEVICE = flags.DEFINE_string("device", "GPU:0", "where to train, as TensorFlow names")
_QUICK = flags.DEFINE_bool("quick", False, "a short trial run, of small weights")

BATCH = 32
COLUMNS = (
    "model",
    "XLA",
    "same bits as bare `fit` (as two bare ones)",
    "largest error of a gradient's RMS",
    "ms a step, bare",
    "every step",
    "every 10",
    "peak memory, MB: bare",
    "every step",
)


def main(argv):
    """Measures and prints; returns the exit code."""
    try:
        settings.check_no_words(argv)
        startup.import_tensorflow()
        # It tells of each file that it reads.
        logging.getLogger("tensorboard").setLevel(logging.WARNING)
        with startup.on_device(_DEVICE.value):
            print_table(cases(16 if _QUICK.value else 4000), _DEVICE.value)
    except ValueError as error:
        return startup.refuse(error)
    stated = provenance.stated(provenance.versions(["tensorflow", "keras"]))
    print(f"\n`{_DEVICE.value}` of {provenance.machine()}: {stated}.")
    return 0


def print_table(cases, device):
    """Checks every case without XLA and with it; prints each row at once."""
    print(row(COLUMNS))
    print(row(["---"] * len(COLUMNS)))
    for name, make in cases.items():
        for xla in (False, True):
            cells = [name, "yes" if xla else "no", *check(make, xla, device)]
            print(row(cells), flush=True)


def row(cells):
    """A line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def cases(wide):
    """Functions that make a model, data and targets; `wide`² weights in one."""
    import numpy as np
    from keras import Input, Sequential, layers

    rng = np.random.default_rng(0)

    def case(shape, *stack):
        def make():
            x = rng.normal(size=(BATCH * 20, *shape)).astype("float32")
            y = rng.normal(size=(BATCH * 20, 1)).astype("float32")
            return Sequential([Input(shape), *(layer() for layer in stack)]), x, y

        return make

    def dense(*arguments, **options):
        return lambda: layers.Dense(*arguments, **options)

    return {
        "CNN": case(
            (8, 8, 1),
            lambda: layers.Conv2D(16, 3, activation="relu"),
            lambda: layers.Conv2D(32, 3, activation="relu"),
            layers.Flatten,
            dense(64, activation="relu"),
            dense(1),
        ),
        "GRU": case((20, 8), lambda: layers.GRU(32), dense(1)),
        "half precision": case(
            (64,), dense(64, activation="tanh", dtype="mixed_float16"), dense(1)
        ),
        f"{wide**2:,} weights": case((wide,), dense(wide), dense(1)),
    }


def check(make, xla, device):
    """Returns what a row says of a model after its name and XLA."""
    import keras

    keras.utils.set_random_seed(1)
    model, x, y = make()
    model.compile("adam", "mse", jit_compile=xla)
    rewind = rewinding(model)
    true = true_rms(model, x[:BATCH], y[:BATCH])

    def train(every):
        """Trains from the start; returns what came of it."""
        rewind()
        with tempfile.TemporaryDirectory() as folder:
            callbacks = watching(folder, every)
            forget_peak(device)
            seconds = timing.seconds_of(
                lambda: model.fit(
                    x, y, BATCH, verbose=0, shuffle=False, callbacks=callbacks
                )
            )
            rms = {name: logged_rms(folder, name) for name in true if every == 1}
        return model.get_weights(), seconds * 1e3 / (len(x) / BATCH), peak(device), rms

    bare, bits, again = (train(every) for every in (None, 1, None))
    rms = bits[-1]
    errors = [abs(rms[name] / expected - 1) for name, expected in true.items()]
    train(10)
    rounds = [[train(every) for every in (None, 1, 10)] for _ in range(3)]
    milliseconds = [
        statistics.median(one[1] for one in contender)
        for contender in zip(*rounds, strict=True)
    ]
    return [
        f"{same(bare, bits)} ({same(bare, again)})",
        f"{max(errors):.1e}",
        *(f"{each:.3g}" for each in milliseconds),
        *(f"{one[2] / 1e6:.0f}" for one in rounds[-1][:2]),
    ]


def watching(folder, every):
    """The callbacks of a `fit` that logs so often, or not at all."""
    from xorlab.callbacks import TensorBoard

    if every is None:
        return []
    settings = {"write_grads": True, "write_graph": False, "histogram_steps": every}
    return [TensorBoard(folder, **settings)]


def same(one, other):
    """Says whether two trainings ended with the same weights."""
    import numpy as np

    return "yes" if all(map(np.array_equal, one[0], other[0])) else "no"


def true_rms(model, x, y):
    """A tape's gradients of the first batch, as the RMS of each layer."""
    import tensorflow as tf

    from xorlab.steps import naming, rms_by_layer

    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, y, model(x, training=True))
    gradients = tape.gradient(loss, naming.weights_of(model))
    return rms_by_layer({name: g.numpy() for name, g in gradients.items()})


def logged_rms(folder, layer):
    """What the callback logged of a layer at the first step."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(f"{folder}/train", {"tensors": 0}).Reload()
    first, *_ = events.Tensors(f"gradient_rms/{layer}")
    return float(make_ndarray(first.tensor_proto))


def forget_peak(device):
    """Begins the peak of memory anew, where a device tells it."""
    import tensorflow as tf

    if device.startswith("GPU"):
        tf.config.experimental.reset_memory_stats(device)


def peak(device):
    """The most bytes that the device held; NaN where it does not tell."""
    import tensorflow as tf

    if not device.startswith("GPU"):
        return math.nan
    return tf.config.experimental.get_memory_info(device)["peak"]


if __name__ == "__main__":
    startup.run_command(main)
