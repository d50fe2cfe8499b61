"""What a sweep's numbers depend on beside its settings; no TensorFlow."""

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
PACKAGES = ("tensorflow", "numpy")


def origin() -> dict[str, str]:
    """Returns the versions of what computes a sweep."""
    return origins.origin(COMPUTING, PACKAGES)
