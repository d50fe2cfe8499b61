"""Where a result comes from: versions, machine and commit."""

import pathlib
import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

from xorlab import __version__
from xorlab.capacity import cores


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Returns the versions of xorlab, of Python and of packages, by name."""
    found = {"xorlab": __version__, "python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "(not installed)"
    return found


def stated(found: Mapping[str, str]) -> str:
    """Spells versions in a line."""
    words = {"python": "Python"}
    return ", ".join(f"{words.get(name, name)} {v}" for name, v in found.items())


def machine() -> str:
    """Returns the processor's model, and how many cores this process may use."""
    return f"{_processor()}, {cores()} cores"


def commit() -> str:
    """Returns the commit of the checkout that xorlab runs from."""
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


_QUIET: dict[str, Any] = {"check": True, "capture_output": True}


def _processor():
    try:
        with open("/proc/cpuinfo") as file:
            return next(
                line.split(":")[1].strip() for line in file if "model name" in line
            )
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"
