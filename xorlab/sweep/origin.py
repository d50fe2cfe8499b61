"""What a network's numbers depend on beside its settings; no TensorFlow."""

import hashlib
import pathlib

from xorlab import provenance

PACKAGE = pathlib.Path(__file__).parents[1]
# All that computes a network's numbers; a change elsewhere changes none.
COMPUTING = (
    "models/activations.py",
    "models/data.py",
    "models/initializers.py",
    "models/optimizers.py",
    "sweep/engine.py",
    "sweep/layouts.py",
    "sweep/optimizers.py",
    "sweep/plan.py",
    "sweep/training.py",
)


def origin() -> dict[str, str]:
    """Returns the versions of what computes: of libraries, and of the code itself."""
    code = b"".join((PACKAGE / name).read_bytes() for name in COMPUTING)
    found = provenance.versions(["tensorflow", "numpy"])
    del found["python"]  # It computes nothing.
    return {**found, "code": hashlib.sha256(code).hexdigest()[:12]}


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
