"""What numbers depend on beside their settings; no TensorFlow."""

import hashlib
import pathlib
from collections.abc import Iterable

from xorlab import provenance

PACKAGE = pathlib.Path(__file__).parents[1]


def origin(code: Iterable[str], packages: Iterable[str]) -> dict[str, str]:
    """Returns the versions of what computes: of libraries, and of the code itself.

    Args:
        code: files below the package, or folders of them, that compute a number.
        packages: that do.
    """
    files = (path for name in code for path in _files(PACKAGE / name))
    content = b"".join(path.read_bytes() for path in files)
    found = provenance.versions(packages)
    del found["python"]  # It computes nothing.
    return {**found, "code": hashlib.sha256(content).hexdigest()[:12]}


def _files(path):
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def same(expected: dict[str, str], received: dict[str, str]) -> bool:
    """Returns whether two origins compute the same numbers.

    >>> same({"xorlab": "0.1", "code": "5891b5"}, {"xorlab": "0.2", "code": "5891b5"})
    True
    """
    # Of the same code, xorlab may have any version.
    return {**expected, "xorlab": ""} == {**received, "xorlab": ""}


def differing(expected: dict[str, str], received: dict[str, str]) -> str:
    """Spells what differs between two origins.

    >>> differing({"numpy": "2.3", "code": "5891b5"}, {"numpy": "2.4"})
    'numpy 2.3, received 2.4; code 5891b5, received none'
    """
    return "; ".join(
        f"{name} {expected.get(name, 'none')}, received {received.get(name, 'none')}"
        for name in expected | received
        if expected.get(name) != received.get(name)
    )
