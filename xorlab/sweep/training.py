"""Trains one chunk: the same function for a thread here and a worker elsewhere."""

import itertools
import time
from collections.abc import Callable

import numpy as np

from xorlab import startup
from xorlab.sweep.plan import Chunk
from xorlab.work.plan import Stopped

# Steps, times units of a layer, between two looks at whether to go on: well under a
# second. More often, threads wait for each other's hold of the interpreter.
_SLICE = 25_000


def train_chunk(
    chunk: Chunk, stopping: Callable[[], bool] = lambda: False, device: str = "CPU"
) -> dict[str, np.ndarray]:
    """Trains the networks of a chunk.

    Args:
        chunk: what to train.
        stopping: asked now and then; true gives the chunk up.
        device: where to, as `xorlab.startup.on_device` names it.

    Returns:
        Arrays with a row a network: `cost`, `accuracy`, `solved` (all rows right at
        the end), `diverged` (the cost was NaN or infinite at some step), `solved_at`
        (the step from which on all rows were right; -1 if unsolved),
        `gradient_rms_start`, `gradient_rms_end` (`[n, depth]`, input first), and, of a
        chunk that is diagnosed, `found`, as `Diagnosis.found` returns it. And two
        scalars: `compile_seconds`, `train_seconds`.

    Raises:
        Stopped: `stopping` said so.
        ValueError: this machine has no such device.
    """
    with startup.on_device(device):
        return _train(chunk, stopping)


def _train(chunk, stopping):
    # Here, so that a plan can be made without TensorFlow.
    from xorlab.sweep.diagnosing import Diagnosis
    from xorlab.sweep.engine import first_weights, program

    cell = chunk.cell
    shared = program(cell)
    seeds = range(chunk.first_seed, chunk.first_seed + chunk.networks)
    networks = [first_weights(cell, seed) for seed in seeds]
    # A short chunk is filled up with copies, which nobody reads.
    networks += networks[-1:] * (shared.networks - len(networks))
    state = shared.start(networks)
    compile_seconds = shared.compile(state)

    began = time.perf_counter()
    _, _, rms_start = shared.measure(state)
    diagnosis = Diagnosis(chunk, stopping) if chunk.diagnose_at else None
    slices = range(0, cell.steps, max(1, _SLICE // cell.width))
    pauses = {*slices, *chunk.diagnose_at, cell.steps}
    for step, until in itertools.pairwise(sorted(pauses)):
        if stopping():
            raise Stopped
        if diagnosis:
            diagnosis.look(step, shared, state)
        state = shared.train(state, cell.learning_rate, until - step)
    cost, accuracy, rms_end = shared.measure(state)
    diverged = state.diverged.numpy() | ~np.isfinite(cost)
    solved = (accuracy == 1) & ~diverged
    solved_at = np.minimum(state.solved_at.numpy(), cell.steps)
    arrays = {
        "cost": cost,
        "accuracy": accuracy,
        "solved": solved,
        "diverged": diverged,
        "solved_at": np.where(solved, solved_at, -1),
        "gradient_rms_start": rms_start,
        "gradient_rms_end": rms_end,
    }
    if diagnosis:
        arrays["found"] = diagnosis.found()
    return {
        **{name: array[: chunk.networks] for name, array in arrays.items()},
        "compile_seconds": np.array(compile_seconds),
        "train_seconds": np.array(time.perf_counter() - began),
    }
