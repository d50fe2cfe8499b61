"""Results on disk: files that are there whole or not, in folders with one owner."""

import contextlib
import os
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl


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


def write_atomically(path: pathlib.Path, content: bytes) -> None:
    """Writes a whole file as `writing_atomically` does."""
    with writing_atomically(path) as file:
        file.write(content)


def check_writable(folder: str | os.PathLike, flag: str, inside: str) -> None:
    """Checks that a folder inside of another is there, or can be made, and written.

    Args:
        folder: is not made.
        flag: the setting that names it.
        inside: the folder that is to be in it.

    Raises:
        ValueError: it is no path.
        OSError: it cannot be made or written.
    """
    if not isinstance(folder, (str, os.PathLike)):
        raise ValueError(
            f"{flag}: expected the path of a folder; received {folder!r}; name one"
        )
    if "://" in str(folder):
        return  # Of a file system that TensorFlow knows.
    existing = nearest(pathlib.Path(folder) / inside)
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise OSError(
            f"{flag}: expected a folder that can be written; received {folder} "
            f"({existing} is not); choose another"
        )


def nearest(path: pathlib.Path) -> pathlib.Path:
    """Returns what is there of a path: itself, or the nearest folder that it is in."""
    path = path.absolute()
    return next(place for place in (path, *path.parents) if os.path.exists(place))


@contextlib.contextmanager
def claimed(
    folder: pathlib.Path,
    owner: str,
    is_own: Callable[[pathlib.Path], bool],
    flag: str,
) -> Iterator[set[pathlib.Path]]:
    """Inside, a folder of results is this process's alone.

    It is made where it is not there, and then removed if it is empty in the end, with
    the folders that were made for it. On Windows nothing keeps two processes apart.

    Args:
        folder: of the results.
        owner: what writes such folders, in the words of an error: `run`.
        is_own: whether what is at a path is what such an owner writes.
        flag: the setting that names the folder, or two with a comma.

    Yields:
        What was in it.

    Raises:
        UnusableDirectory: another process is at it, it holds what no such owner writes,
            or it cannot be made or written.
    """
    another = f"choose another --{flag.replace(', ', ' or --')}"
    with contextlib.ExitStack() as stack:
        try:
            there = nearest(folder)
            stack.callback(os.close, _locked(folder))
            # While it is locked still: another process may wait for it.
            stack.callback(_remove_empty, folder, there)
            present = set(folder.iterdir())
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError("not writable")
        except BlockingIOError as error:
            raise UnusableDirectory(
                f"{flag}: expected a folder that no other {owner} is writing; received "
                f"{folder}, which one is; wait for it, or {another}"
            ) from error
        except OSError as error:
            raise UnusableDirectory(
                f"{flag}: expected a folder that can be written; received {folder} "
                f"({error.strerror or error}); {another}"
            ) from error
        others = sorted(path.name for path in present if not is_own(path))
        if others:
            raise UnusableDirectory(
                f"{flag}: expected only a {owner}'s own files in {folder}; "
                f"found {others[0]}; {another}"
            )
        yield present


def _locked(folder):
    """Makes a folder, and locks it; returns what unlocks it when it is closed."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        if sys.platform == "win32":
            return os.open(os.devnull, os.O_RDONLY)
        opened = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last owner may have removed it meanwhile.
            if folder.exists() and os.path.samestat(os.fstat(opened), folder.stat()):
                return opened
        except BaseException:
            os.close(opened)
            raise
        os.close(opened)


def _remove_empty(folder, until):
    """Removes a folder, and those that it was made in, if nothing else is in them."""
    with contextlib.suppress(OSError):
        while not os.path.samefile(folder, until):
            folder.rmdir()
            folder = folder.parent
