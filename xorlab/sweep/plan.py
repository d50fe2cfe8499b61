"""How a grid is cut into chunks; no TensorFlow."""

import dataclasses
from collections.abc import Iterator

from xorlab.sweep.grid import Grid
from xorlab.work import plan

__all__ = ["NARROW", "Chunk", "chunks", "networks_at_once"]

# Up to this width, networks side by side in the last axis beat MatMul.
NARROW = 16
# Networks of one program: fewer leave vectors short, more leave the cache.
_MOST_NETWORKS = 128
_MOST_WEIGHTS = 2**16  # Of one layer of all networks.


@dataclasses.dataclass(frozen=True)
class Chunk(plan.Chunk):
    """Networks that are trained together.

    Attributes:
        diagnose_at: as in `Grid`.
    """

    diagnose_at: tuple[int, ...] = ()


def networks_at_once(width: int) -> int:
    """Returns R, the networks that a program trains side by side.

    It depends on nothing but the width: a grid of other sizes runs the same program,
    and so gives a network the same numbers.
    """
    return max(1, min(_MOST_NETWORKS, _MOST_WEIGHTS // width**2))


def chunks(grid: Grid) -> Iterator[Chunk]:
    """Yields every chunk of the grid, cell by cell."""
    for chunk in plan.cut(
        grid.cells,
        lambda cell: networks_at_once(cell.width),
        grid.seeds,
        grid.first_seed,
    ):
        yield Chunk(**vars(chunk), diagnose_at=grid.diagnose_at)
