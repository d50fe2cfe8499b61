"""Files that are there whole or not at all."""

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import BinaryIO


class UnusableDirectory(OSError):
    """A folder of results holds something else, or cannot be written."""


PARTIAL = ".partial"  # Ends the name of a file that is being written.


@contextlib.contextmanager
def writing_atomically(path: pathlib.Path) -> Iterator[BinaryIO]:
    """Opens a file that takes the place of `path` when the block ends well.

    Killed meanwhile, or on an error, what was there before is still there.

    Raises:
        OSError: it cannot be written; it has `path` for its file name.
    """
    partial = path.with_name(path.name + PARTIAL)
    try:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            # Renaming an unwritten file over a written one loses both in a power cut.
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        if isinstance(error, OSError):
            error.filename = str(path)
        raise


def write_atomically(path: pathlib.Path, content: bytes):
    """Writes a whole file as `writing_atomically` does."""
    with writing_atomically(path) as file:
        file.write(content)
