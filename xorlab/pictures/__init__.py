"""Recorded numbers in, figures out; needs the extra `plots` (matplotlib).

Enters: what a run or a sweep recorded.
Leaves: `matplotlib.figure.Figure`s, and PNG files.
Imports: `files`, `settings`.
"""

from xorlab.pictures.png import save
from xorlab.pictures.sweeps import OF_SWEEPS, gradients_by_depth, phase_diagram

__all__ = ["OF_SWEEPS", "gradients_by_depth", "phase_diagram", "save"]


def __dir__() -> list[str]:
    return __all__
