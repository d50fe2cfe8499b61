"""What the head of a sweep's summary states: command, versions, machine, commit."""

import dataclasses
import pathlib
import platform
import shlex

from xorlab import provenance
from xorlab.sweep.grid import Grid


def about(grid: Grid, out: pathlib.Path) -> dict[str, str]:
    """Returns what the head of `summary.md` states, by name.

    The command is spelled from the grid, so that a sweep run from other code, or
    killed and begun again, states the same.
    """
    found = provenance.versions(["tensorflow", "keras", "numpy"])
    return {
        "command": f"`{command(grid, out)}`",
        "versions": provenance.stated(found),
        "machine": f"{provenance.machine()}, {platform.system()} {platform.machine()}",
        "commit": provenance.commit(),
    }


def command(grid: Grid, out: pathlib.Path) -> str:
    """Returns the command line of a sweep."""
    words = ["python", "-m", "xorlab.sweep"]
    for field in dataclasses.fields(grid):
        value = getattr(grid, field.name)
        if value != field.default:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words.append(f"--{field.name}={text}")
    return shlex.join([*words, f"--out={out}"])
