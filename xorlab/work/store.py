"""A folder of chunks: what is done is there whole, the rest is not there."""

import contextlib
import dataclasses
import errno
import hashlib
import io
import json
import os
import pathlib
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

import numpy as np

from xorlab.files import PARTIAL, UnusableDirectory, claimed, write_atomically
from xorlab.work.origin import differing, same

GRID = "grid.json"
_CHUNKS = "chunks"
_DIGEST = hashlib.sha256().digest_size


Grid = TypeVar("Grid", bound=Any)
Chunk = TypeVar("Chunk", bound=Any)


class Store(Generic[Grid, Chunk]):
    """Keeps the chunks of one grid, a file each.

    A file is NumPy's `.npz`, and after it the digest of what it holds, of the chunk,
    and of what made it: so no other file is taken for it.

    Args:
        out: the folder.
        grid: what is trained in chunks; a frozen record that JSON can spell.

    Attributes:
        owner: what such a folder is of, in the words of an error: `sweep`.
    """

    owner: str

    def __init__(self, out: pathlib.Path, grid: Grid):
        self.out = out
        self.grid = grid
        self._made_by = self.origin()

    def chunks(self) -> Iterable[Chunk]:
        """Returns every chunk: frozen records with a `number`, from 0 up."""
        raise NotImplementedError

    def origin(self) -> dict[str, str]:
        """Returns what this program computes with."""
        raise NotImplementedError

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Inside, the folder is this grid's alone.

        Left before a chunk is done, it keeps nothing of it.

        Raises:
            UnusableDirectory: another grid or another's files are in it, another
                process is at it, or it cannot be written.
        """
        with claimed(self.out, self.owner, self._is_own, "out") as present:
            try:
                self._begin(present)
            except UnusableDirectory:
                raise
            except OSError as error:
                raise UnusableDirectory(
                    f"out: expected a folder that can be written; received {self.out} "
                    f"({error.strerror or error}); choose another --out"
                ) from error
            try:
                yield
            finally:
                with contextlib.suppress(OSError):
                    (self.out / _CHUNKS).rmdir()  # Unless a chunk is done.
                    (self.out / GRID).unlink()

    def missing(self) -> list[Chunk]:
        """Lists the chunks that are still to be trained.

        Damaged files, and those of other networks, are named in a warning.

        Raises:
            UnusableDirectory: there are some, and other code began the grid.
        """
        wrong, missing = [], []
        for chunk in self.chunks():
            if self._content(chunk) is None:
                missing.append(chunk)
                if self._path(chunk).exists():
                    wrong.append(self._path(chunk).name)
        # One table is of one program, so no option mixes two.
        if missing and not same(self._made_by, here := self.origin()):
            raise UnusableDirectory(
                f"out: expected to go on with what {self.out} was begun with: "
                f"{differing(self._made_by, here)}; numbers may differ; choose another "
                "--out, or go back to that"
            )
        if wrong:
            warnings.warn(
                f"{self.out / _CHUNKS}: damaged, or of other networks, and trained "
                f"anew: {', '.join(wrong)}",
                stacklevel=2,
            )
        return missing

    def put(self, chunk: Chunk, result: dict[str, np.ndarray]) -> None:
        """Keeps a chunk's result.

        Raises:
            OSError: it cannot be written; the chunk is still missing then.
        """
        buffer = io.BytesIO()
        # As Any, because one of the names might be a flag of NumPy's.
        arrays: dict[str, Any] = {**result}
        np.savez(buffer, **arrays)
        content = buffer.getvalue()
        write_atomically(self._path(chunk), content + self._digest(chunk, content))

    def get(self, chunk: Chunk) -> dict[str, np.ndarray]:
        """Returns a chunk's result.

        Raises:
            FileNotFoundError: it is not there whole.
        """
        content = self._content(chunk)
        if content is None:
            raise FileNotFoundError(errno.ENOENT, "not whole", str(self._path(chunk)))
        with np.load(io.BytesIO(content)) as arrays:
            return dict(arrays)

    def _content(self, chunk):
        """Returns the bytes of a chunk's arrays; None if they are not there whole."""
        try:
            kept = self._path(chunk).read_bytes()
        except OSError:
            return None
        content, digest = kept[:-_DIGEST], kept[-_DIGEST:]
        return content if digest == self._digest(chunk, content) else None

    def _digest(self, chunk, content):
        of = json.dumps([_spelled(chunk), self._made_by], sort_keys=True)
        return hashlib.sha256(of.encode() + content).digest()

    def _path(self, chunk):
        return self.out / _CHUNKS / f"{chunk.number:06}.npz"

    def _is_own(self, path):
        # Whatever lies beside its grid, its owner may have written, or its user.
        return path.name == GRID + PARTIAL or (self.out / GRID).exists()

    def _begin(self, present):
        grid = json.loads(json.dumps(_spelled(self.grid)))
        path = self.out / GRID
        if path not in present or not any(self.out.glob(f"{_CHUNKS}/*.npz")):
            # Nothing is done, so any grid may begin.
            text = json.dumps({**grid, "made_by": self.origin()}, indent=1) + "\n"
            write_atomically(path, text.encode())
        there = self._read(path)
        self._made_by = there.pop("made_by")
        others = [
            f"{name} {there.get(name)}, received {grid.get(name)}"
            for name in grid | there
            if there.get(name) != grid.get(name)
        ]
        if others:
            raise UnusableDirectory(
                f"out: expected the grid that {self.out} was begun with: "
                f"{'; '.join(others)}; choose another --out, or give that grid"
            )
        (self.out / _CHUNKS).mkdir(exist_ok=True)
        if not os.access(self.out / _CHUNKS, os.W_OK):
            raise PermissionError("not writable")

    def _read(self, path):
        try:
            there = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            there = None
        if isinstance(there, dict) and isinstance(there.get("made_by"), dict):
            return there
        raise UnusableDirectory(
            f"out: expected {path} to say which {self.owner} is in its folder; "
            "received one that is damaged, or that an earlier xorlab wrote; choose "
            "another --out"
        )


def _spelled(record):
    """A record's settings; lists that are empty, such as later ones, are left out."""
    settings = dataclasses.asdict(record).items()
    return {name: value for name, value in settings if value != ()}
