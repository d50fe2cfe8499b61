"""What a sweep takes of a machine, by formula; no TensorFlow."""

import os
import pathlib

from xorlab import capacity
from xorlab.diagnosis import CAUSES
from xorlab.models.activations import ACTIVATIONS
from xorlab.models.size import count
from xorlab.sweep.grid import Grid
from xorlab.sweep.plan import networks_at_once

# Measured at 16 million weights: bytes a weight of the networks side by side, at the
# peak; and, at depths of 5 to 100, bytes a layer of the program that trains them.
_WEIGHT, _LAYER = 32, 2_400_000
# Bytes a network in arrays: in chunks, and once more together.
_COLUMNS = 2 * 200
# Bytes of a chunk's file, beside its arrays; and a network's row of `networks.csv`.
_FILE, _ROW = 2_500, 150
# Of each step at which a network is judged: a truth a cause, and a column of that.
_FOUND = 3 * len(CAUSES)


def check_disk(grid: Grid, out: pathlib.Path) -> None:
    """Checks that what a sweep writes fits beside what there is of it.

    Raises:
        TooLarge: it does not.
    """
    there = 0
    if os.path.isdir(out):
        there = sum(path.stat().st_size for path in out.glob("chunks/*.npz"))
    capacity.check_disk(disk(grid) - there, out, "seeds")


def check_memory(grid: Grid, in_arrays: bool = False) -> None:
    """Checks that this machine can train a grid's networks.

    Args:
        grid: what is to be trained.
        in_arrays: whether what is found is kept in memory, too.

    Raises:
        TooLarge: it cannot.
    """
    if in_arrays:
        capacity.check_memory(_COLUMNS * grid.networks, "seeds")
    capacity.check_memory(memory(grid, capacity.cores()), "depths, widths")


def memory(grid: Grid, threads: int) -> int:
    """Returns the bytes that training takes at its peak, TensorFlow's own aside.

    That is the largest program, and for each thread the networks that it trains: their
    weights times a number that was measured with plain gradient descent. Other
    optimizers remember more.
    """
    pieces = max(ACTIVATIONS[name].pieces for name in grid.activations)
    depth = max(grid.depths)
    weights = max(
        networks_at_once(width) * count(depth, width, pieces) for width in grid.widths
    )
    return threads * _WEIGHT * weights + _LAYER * depth


def disk(grid: Grid) -> int:
    """Returns the bytes of the chunks, and of `networks.csv`."""
    total = 0
    for cell in grid.cells:
        files = -(-grid.seeds // networks_at_once(cell.width))
        # Two float64 a layer, beside cost, accuracy, when solved, and two truths.
        arrays = 2 * 8 * cell.depth + 3 * 4 + 2
        found = _FOUND * len(grid.diagnose_at)
        total += files * _FILE + grid.seeds * (arrays + found + _ROW)
    return total
