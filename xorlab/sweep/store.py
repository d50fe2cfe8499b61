"""The folder of a sweep: what is done is there whole, the rest is not there."""

import contextlib
import dataclasses
import io
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from xorlab.files import PARTIAL, UnusableDirectory, claimed, write_atomically
from xorlab.sweep.grid import Grid
from xorlab.sweep.plan import Chunk, chunks

GRID = "grid.json"
_CHUNKS = "chunks"


class Store:
    """Keeps the chunks of one sweep, a file each.

    Args:
        out: the sweep's folder.
        grid: the sweep.
    """

    def __init__(self, out: pathlib.Path, grid: Grid):
        self.out = out
        self.grid = grid

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Inside, the folder is this sweep's alone.

        Raises:
            UnusableDirectory: another grid or another's files are in it, another
                process is at it, or it cannot be written.
        """
        with claimed(self.out, "sweep", self._is_own, "out") as present:
            try:
                self._begin(present)
            except UnusableDirectory:
                raise
            except OSError as error:
                raise UnusableDirectory(
                    f"out: expected a folder that can be written; received {self.out} "
                    f"({error.strerror or error}); choose another --out"
                ) from error
            yield

    def missing(self) -> Iterator[Chunk]:
        """Yields the chunks that are still to be trained."""
        done = set(os.listdir(self.out / _CHUNKS))
        return (c for c in chunks(self.grid) if self._path(c).name not in done)

    def put(self, chunk: Chunk, result: dict[str, np.ndarray]) -> None:
        """Keeps a chunk's result.

        Raises:
            OSError: it cannot be written; the chunk is still missing then.
        """
        buffer = io.BytesIO()
        # As Any, because one of the names might be a flag of NumPy's.
        arrays: dict[str, Any] = {**result}
        np.savez(buffer, **arrays)
        write_atomically(self._path(chunk), buffer.getvalue())

    def get(self, chunk: Chunk) -> dict[str, np.ndarray]:
        """Returns a chunk's result."""
        with np.load(self._path(chunk)) as arrays:
            return dict(arrays)

    def _path(self, chunk):
        return self.out / _CHUNKS / f"{chunk.number:06}.npz"

    def _is_own(self, name):
        # Whatever lies beside its grid, a sweep may have written, or its user.
        return name == GRID + PARTIAL or (self.out / GRID).exists()

    def _begin(self, present):
        here = json.dumps(dataclasses.asdict(self.grid), indent=1) + "\n"
        path = self.out / GRID
        if path not in present:
            write_atomically(path, here.encode())
        there = json.loads(path.read_text())
        differing = [
            f"{name} {there.get(name)}, received {value}"
            for name, value in json.loads(here).items()
            if there.get(name) != value
        ]
        if differing:
            raise UnusableDirectory(
                f"out: expected the grid that {self.out} was begun with: "
                f"{'; '.join(differing)}; choose another --out, or give that grid"
            )
        (self.out / _CHUNKS).mkdir(exist_ok=True)
        if not os.access(self.out / _CHUNKS, os.W_OK):
            raise PermissionError("not writable")
