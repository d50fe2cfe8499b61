"""The folder of a sweep."""

from collections.abc import Iterable

from xorlab.sweep.grid import Grid
from xorlab.sweep.origin import origin
from xorlab.sweep.plan import Chunk, chunks
from xorlab.work import store
from xorlab.work.store import GRID

__all__ = ["GRID", "Store"]


class Store(store.Store[Grid, Chunk]):
    """Keeps the chunks of one sweep."""

    owner = "sweep"

    def chunks(self) -> Iterable[Chunk]:
        return chunks(self.grid)

    def origin(self) -> dict[str, str]:
        return origin()
