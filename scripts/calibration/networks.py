"""XOR networks, thousands of them, by the sweep's engine."""

import dataclasses
import pathlib
import pickle
from collections.abc import Iterator

import numpy as np
import tqdm

from xorlab import models, sweep
from xorlab.diagnosis import Evidence
from xorlab.files import write_atomically
from xorlab.sweep import evidence as telling
from xorlab.sweep.engine import first_weights, program
from xorlab.sweep.plan import networks_at_once

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu")
STARTS = ("uniform", "he_normal", "data_dependent")
# Far too small, the lecture's or the usual, and too large.
RATES = {"sgd": (1e-5, 0.1, 5.0), "adam": (1e-8, 0.003, 0.3)}
DEPTHS = (3, 6, 11)
STEPS, LOOKS = 20_000, (0, 250, 500, 750, 1000)


def cells(quick: bool) -> list[sweep.Cell]:
    """Returns the settings of all networks."""
    grids = [
        sweep.Grid(
            activations=("sigmoid", "relu") if quick else ACTIVATIONS,
            depths=(3,) if quick else DEPTHS,
            initializers=("uniform",) if quick else STARTS,
            learning_rates=rates,
            optimizer=optimizer,
            steps=STEPS // 10 if quick else STEPS,
        )
        for optimizer, rates in RATES.items()
        if optimizer == "sgd" or not quick
    ]
    return [cell for grid in grids for cell in grid.cells]


def train(out: pathlib.Path, quick: bool) -> None:
    """Trains all cells that a folder does not hold yet, a file each."""
    with tqdm.tqdm(cells(quick), unit=" cells", desc="XOR") as bar:
        for number, cell in enumerate(bar):
            path = out / f"xor{number}.pickle"
            if not path.exists():
                _train(cell, path)


def _train(cell, path):
    network = program(cell)
    seeds = range(networks_at_once(cell.width))
    state = network.start([first_weights(cell, seed) for seed in seeds])
    seen = []
    for step in (x for x in LOOKS if x < cell.steps):
        state = network.train(state, cell.learning_rate, step - int(state.step))
        seen.append(telling.look(network, state, cell))
    state = network.train(state, cell.learning_rate, cell.steps - int(state.step))
    cost, accuracy, _ = network.measure(state)
    diverged = state.diverged.numpy() | ~np.isfinite(cost)
    failed = (accuracy < 1) | diverged
    kept = [
        (seed, bool(failed[seed]), steps)
        for seed, steps in zip(seeds, zip(*seen, strict=True), strict=True)
    ]
    write_atomically(path, pickle.dumps((cell, kept)))


def is_reported(seed: int) -> bool:
    """Whether nothing is chosen by the networks of a seed."""
    return seed % 2 == 1


def judged(
    out: pathlib.Path, quick: bool
) -> Iterator[tuple[sweep.Cell, int, bool, Evidence]]:
    """Yields of each network its cell and seed, whether it failed, and what was seen.

    Those that are right before any training are left out.
    """
    for number in range(len(cells(quick))):
        cell, kept = pickle.loads((out / f"xor{number}.pickle").read_bytes())
        known = telling.known(cell)
        left = cell.steps - max(x for x in LOOKS if x < cell.steps)
        for seed, failed, steps in kept:
            if not _is_right_at_start(cell, seed):
                seen = dataclasses.replace(known, steps=steps, steps_left=left)
                yield cell, seed, failed, seen


def _is_right_at_start(cell, seed):
    """Whether there is nothing to learn."""
    activation = models.ACTIVATIONS[cell.activation]
    weights = first_weights(cell, seed)
    *hidden, (kernel, bias) = zip(weights[::2], weights[1::2], strict=True)
    x = models.data.INPUTS
    for weight, biases in hidden:
        x = activation(x @ weight + biases).numpy()
    return bool((((x @ kernel + bias) > 0) == (models.data.LABELS > 0.5)).all())
