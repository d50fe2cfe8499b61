"""How a table is cut into chunks; no TensorFlow."""

from collections.abc import Iterator

from xorlab.images.grid import Grid
from xorlab.work.plan import Chunk, cut

# Networks side by side: small ones are trained in the time of a few, those of the
# original's widths fill memory and cores alone.
AT_ONCE = {"digits": 5, "cifar10": 1}


def chunks(grid: Grid) -> Iterator[Chunk]:
    """Yields every chunk of the grid, cell by cell."""
    return cut(
        grid.cells, lambda cell: AT_ONCE[cell.dataset], grid.seeds, grid.first_seed
    )
