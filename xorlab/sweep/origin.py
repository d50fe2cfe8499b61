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


def differing(there: dict[str, str], here: dict[str, str]) -> str:
    """Spells what differs between two origins; empty if their numbers are the same.

    >>> code = {"code": "5891b5b522d5"}
    >>> differing({"xorlab": "0.1", **code}, {"xorlab": "0.2", **code})
    ''
    >>> differing({"numpy": "2.3", **code}, {"numpy": "2.4", **code})
    'numpy 2.3, received 2.4'
    """
    words = {
        name: f"{name} {there.get(name, 'unknown')}, received {here.get(name)}"
        for name in here
        if there.get(name) != here[name]
    }
    # Of the same code, xorlab may have any version.
    return "; ".join(words.values()) if words.keys() - {"xorlab"} else ""
