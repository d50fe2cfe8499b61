"""Trains one chunk by Keras's `fit`: here in a thread, or on a worker elsewhere."""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from xorlab.images.data import load
from xorlab.images.grid import LOGS
from xorlab.images.plan import AT_ONCE
from xorlab.work.plan import Chunk

_LOOKED_AT = 256  # Images that LSUV fits a network to.


def train_chunk(
    chunk: Chunk, stopping: Callable[[], bool] = lambda: False, data_dir: str = ""
) -> dict[str, np.ndarray]:
    """Trains the networks of a chunk, side by side in one model.

    Args:
        chunk: what to train.
        stopping: asked now and then; true gives the chunk up.
        data_dir: as `load` takes it.

    Returns:
        Arrays with an entry a network: `accuracy` and `loss` on the images that are
        not trained on, and `diverged` (a weight or the loss is NaN or infinite). Of
        all of them together: `verdict`, what the callback said at 5% of the training,
        `events`, the bytes of the event file, and `seconds`.

    Raises:
        Stopped: `stopping` said so.
    """
    # Here, so that a plan can be made without TensorFlow.
    from xorlab.images.program import program

    began = time.perf_counter()
    cell = chunk.cell
    images = load(cell.dataset, data_dir)
    seeds = list(range(chunk.first_seed, chunk.first_seed + chunk.networks))
    # A short chunk is filled up with copies, which nobody reads.
    seeds += seeds[-1:] * (AT_ONCE[cell.dataset] - len(seeds))
    networks = program(cell.dataset, cell.activation, cell.steps // LOGS)
    order = batches(len(images.x), cell.batch_size, seeds)
    # A chunk that was given up may still be at them.
    with networks.busy, tempfile.TemporaryDirectory() as folder:
        networks.start(cell.initializer, seeds, images.x[:_LOOKED_AT])
        networks.fit(images, order, cell.learning_rate, folder, stopping)
        verdict, events = networks.told(folder)
        accuracy, loss, finite = networks.test(images)
    arrays = {"accuracy": accuracy, "loss": loss, "diverged": ~finite}
    return {
        **{name: array[: chunk.networks] for name, array in arrays.items()},
        "verdict": np.array(verdict),
        "events": np.frombuffer(events, np.uint8),
        "seconds": np.array(time.perf_counter() - began),
    }


def batches(images: int, size: int, seeds: Sequence[int]) -> Iterator[np.ndarray]:
    """Yields which images a step takes, `[size, R]`, for ever; a column a network.

    Each network goes through all images in its own order, which its seed says, and in
    another the next time; what does not fill a batch is left out that time.
    """
    orders = [_order(images, size, seed) for seed in seeds]
    while True:
        yield np.stack([next(order) for order in orders], axis=1)


def _order(images, size, seed):
    for number in itertools.count():
        random = np.random.Generator(np.random.Philox(key=[seed, number]))
        order = random.permutation(images).astype(np.int32)
        yield from order[: images // size * size].reshape(-1, size)
