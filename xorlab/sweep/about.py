"""What the head of a sweep's summary states."""

import pathlib

from xorlab.sweep.grid import Grid
from xorlab.work import about as heads


def about(grid: Grid, out: pathlib.Path) -> dict[str, str]:
    """Returns what the head of `summary.md` states, by name."""
    return heads.about("xorlab.sweep", grid, out, ["tensorflow", "keras", "numpy"])


def command(grid: Grid, out: pathlib.Path) -> str:
    """Returns the command line of a sweep."""
    return heads.command("xorlab.sweep", grid, out)
