"""What the head of a summary states: command, versions, machine, commit."""

import dataclasses
import pathlib
import platform
import shlex
from collections.abc import Iterable
from typing import Any

from xorlab import provenance


def about(
    room: str, grid: Any, out: pathlib.Path, packages: Iterable[str]
) -> dict[str, str]:
    """Returns what the head of `summary.md` states, by name.

    The command is spelled from the grid, so that what was run from other code, or
    killed and begun again, states the same.

    Args:
        room: whose command it is: `xorlab.sweep`.
        grid: its record.
        out: its folder.
        packages: those that compute.
    """
    return {
        "command": f"`{command(room, grid, out)}`",
        "versions": provenance.stated(provenance.versions(packages)),
        "machine": f"{provenance.machine()}, {platform.system()} {platform.machine()}",
        "commit": provenance.commit(),
    }


def command(room: str, grid: Any, out: pathlib.Path) -> str:
    """Returns the command line of a grid."""
    words = ["python", "-m", room]
    for field in dataclasses.fields(grid):
        value = getattr(grid, field.name)
        if value != field.default:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words.append(f"--{field.name}={text}")
    return shlex.join([*words, f"--out={out}"])
