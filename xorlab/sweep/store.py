"""The folder of a sweep."""

import pathlib
from collections.abc import Iterable

from xorlab.sweep.grid import Grid
from xorlab.sweep.origin import origin
from xorlab.sweep.plan import Chunk, chunks
from xorlab.work import store
from xorlab.work.store import GRID

__all__ = ["GRID", "Store"]


class Store(store.Store[Grid, Chunk]):
    """Keeps the chunks of one sweep.

    Args:
        out: the folder.
        grid: what is trained in chunks.
        device: where to; on a GPU numbers differ in their last bits, and then in more.
    """

    owner = "sweep"

    def __init__(self, out: pathlib.Path, grid: Grid, device: str = "CPU"):
        self._device = device.partition(":")[0]  # Any one of a kind computes alike.
        super().__init__(out, grid)

    def chunks(self) -> Iterable[Chunk]:
        return chunks(self.grid)

    def origin(self) -> dict[str, str]:
        return origin(self.grid) | {"device": self._device}
