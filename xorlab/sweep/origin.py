"""What a sweep's numbers depend on beside its settings; no TensorFlow."""

from xorlab.sweep.grid import Grid
from xorlab.work import origin as origins

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
    "work/plan.py",
)
# And all that computes what is found in it.
DIAGNOSING = (
    "diagnosis",
    "sweep/diagnosing.py",
    "sweep/evidence.py",
    "sweep/networksteps.py",
)
PACKAGES = ("tensorflow", "numpy")


def computing(grid: Grid) -> tuple[str, ...]:
    """Returns the files that compute what is told of a grid's networks."""
    return COMPUTING + DIAGNOSING if grid.diagnose_at else COMPUTING


def origin(grid: Grid) -> dict[str, str]:
    """Returns the versions of what computes a sweep."""
    return origins.origin(computing(grid), PACKAGES)
