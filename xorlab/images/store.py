"""The folder of a table, and what its numbers depend on."""

from collections.abc import Iterable

from xorlab.images.grid import Grid
from xorlab.images.plan import chunks
from xorlab.work import store
from xorlab.work.origin import origin
from xorlab.work.plan import Chunk

# All that computes a number or a verdict; a change elsewhere changes none.
COMPUTING = (
    "callbacks.py",
    "diagnosis",
    "images/data.py",
    "images/plan.py",
    "images/program.py",
    "images/training.py",
    "models/activations.py",
    "models/fitnet.py",
    "models/initializers.py",
    "models/layers.py",
    "models/side_by_side.py",
    "models/starts.py",
    "models/unit_variance.py",
    "steps",
    "watching",
    "work/plan.py",
)
PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn")


class Store(store.Store[Grid, Chunk]):
    """Keeps the chunks of one table."""

    owner = "table"

    def chunks(self) -> Iterable[Chunk]:
        return chunks(self.grid)

    def origin(self) -> dict[str, str]:
        return origin(COMPUTING, PACKAGES)
