"""How cells of networks are cut into chunks; no TensorFlow."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Networks that are trained together.

    Attributes:
        number: from 0, in the order of the grid.
        cell: their settings; as text, it says which they are.
        first_seed: of the first of them.
        networks: how many; their seeds follow one another.
    """

    number: int
    cell: Any
    first_seed: int
    networks: int

    def __str__(self) -> str:
        return f"{self.networks} networks of {self.cell}"


def cut(
    cells: Iterable[Any], at_once: Callable[[Any], int], seeds: int, first_seed: int
) -> Iterator[Chunk]:
    """Yields every chunk, cell by cell.

    Args:
        cells: in their order.
        at_once: networks of a chunk of a cell, at most.
        seeds: networks of each cell.
        first_seed: of each.
    """
    number = 0
    for cell in cells:
        size = at_once(cell)
        for done in range(0, seeds, size):
            yield Chunk(number, cell, first_seed + done, min(size, seeds - done))
            number += 1


class Stopped(Exception):
    """A chunk was given up because its caller asked for it."""
