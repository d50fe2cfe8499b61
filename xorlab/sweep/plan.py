"""How a grid is cut into chunks; no TensorFlow."""

import dataclasses
from collections.abc import Iterator

from xorlab.sweep.grid import Cell, Grid

# Up to this width, networks side by side in the last axis beat MatMul.
NARROW = 16
# Networks of one program: fewer leave vectors short, more leave the cache.
_MOST_NETWORKS = 128
_MOST_WEIGHTS = 2**16  # Of one layer of all networks.


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Networks that are trained together.

    Attributes:
        number: from 0, in the order of the grid.
        cell: their settings.
        first_seed: of the first of them.
        networks: how many; their seeds follow one another.
    """

    number: int
    cell: Cell
    first_seed: int
    networks: int

    def __str__(self) -> str:
        cell = self.cell
        return (
            f"{self.networks} networks of {cell.activation}, depth {cell.depth}, "
            f"width {cell.width}"
        )


def networks_at_once(width: int) -> int:
    """Returns R, the networks that a program trains side by side.

    It depends on nothing but the width: a grid of other sizes runs the same program,
    and so gives a network the same numbers.
    """
    return max(1, min(_MOST_NETWORKS, _MOST_WEIGHTS // width**2))


def chunks(grid: Grid) -> Iterator[Chunk]:
    """Yields every chunk of the grid, cell by cell."""
    number = 0
    for cell in grid.cells:
        size = networks_at_once(cell.width)
        for done in range(0, grid.seeds, size):
            count = min(size, grid.seeds - done)
            yield Chunk(number, cell, grid.first_seed + done, count)
            number += 1
