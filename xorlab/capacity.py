"""What this machine holds: what would not fit is told before any of it is taken."""

import math
import os
import pathlib
import shutil

from xorlab.files import nearest


class TooLarge(OSError):
    """What was asked for does not fit into this machine."""


def check_memory(takes: float, flags: str) -> None:
    """Checks that this machine has so much memory, whoever is using it now.

    Args:
        takes: bytes.
        flags: the settings that it comes from.

    Raises:
        TooLarge: it has less.
    """
    _check(takes, memory(), "this machine's memory", flags)


def check_disk(takes: float, folder: pathlib.Path, flags: str) -> None:
    """Checks that so much is free where a folder is, or is to be made.

    Raises:
        TooLarge: less is.
    """
    where = nearest(folder)
    disk = shutil.disk_usage(where)
    if disk.total:  # Or it is none, as /proc, and says by itself what is wrong.
        _check(takes, disk.free, f"what is free in {where}", flags)


def memory() -> float:
    """Returns the bytes of this machine's memory; infinity where it does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows has no `sysconf`.
        return math.inf


def cores() -> int:
    """Returns how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # All, where the system does not tell, as macOS.


def _check(takes, has, of, flags):
    if takes > has:
        raise TooLarge(
            f"{flags}: expected what fits into {of}, {_gigabytes(has)}; received what "
            f"takes {_gigabytes(takes)}; choose less"
        )


def _gigabytes(number):
    return f"{number / 1e9:.3g} GB"
