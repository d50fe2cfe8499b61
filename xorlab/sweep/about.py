"""What made a result: command, versions, machine, commit."""

import dataclasses
import os
import pathlib
import platform
import shlex
import subprocess
from importlib import metadata

from xorlab import __version__
from xorlab.sweep.grid import Grid


def about(grid: Grid, out: pathlib.Path) -> dict[str, str]:
    """Returns what the head of `summary.md` states, by name.

    The command is spelled from the grid, so that a sweep run from other code, or
    killed and begun again, states the same.
    """
    packages = ("tensorflow", "keras", "numpy")
    versions = [f"{name} {metadata.version(name)}" for name in packages]
    return {
        "command": f"`{command(grid, out)}`",
        "versions": ", ".join(
            [f"xorlab {__version__}", f"Python {platform.python_version()}", *versions]
        ),
        "machine": f"{_processor()}, {len(os.sched_getaffinity(0))} cores, "
        f"{platform.system()} {platform.machine()}",
        "commit": _commit(),
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


def _processor():
    try:
        with open("/proc/cpuinfo") as file:
            return next(
                line.split(":")[1].strip() for line in file if "model name" in line
            )
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"


def _commit():
    here = pathlib.Path(__file__).resolve()
    git = ["git", "-C", str(here.parent)]
    try:
        # Fails where the package was installed into some other checkout.
        subprocess.run([*git, "ls-files", "--error-unmatch", here.name], **_QUIET)
        shown = subprocess.run(
            [*git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            **_QUIET,
        )
    except (OSError, subprocess.CalledProcessError):
        return "not from a git checkout"
    return shown.stdout.decode().strip()


_QUIET = {"check": True, "capture_output": True}
