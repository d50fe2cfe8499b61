"""What is said of a few numbers: mean, spread, and differences paired by seed."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Difference(NamedTuple):
    """A mean difference and its 95% interval."""

    mean: float
    low: float
    high: float

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def paired(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Returns by how much the first are larger than the second, pair by pair.

    Student's interval of the mean (Student 1908, Biometrika 6): 2.78 standard errors
    for five pairs.

    Args:
        first, second: numbers of the same seeds; at least two.

    >>> paired([3, 4, 5], [1, 2, 3])
    Difference(mean=2.0, low=2.0, high=2.0)
    """
    differences = np.subtract(first, second).astype(float)
    mean = float(differences.mean())
    error = differences.std(ddof=1) / math.sqrt(len(differences))
    half = float(error) * student(len(differences) - 1)
    return Difference(mean, mean - half, mean + half)


def student(freedom: int) -> float:
    """Returns the 97.5% point of Student's t distribution.

    >>> f"{student(4):.3f}"
    '2.776'
    """
    # With t = √freedom · tan(a), the density is cos(a) to the power freedom − 1.
    angles = np.linspace(0, math.pi / 2, 100_001)
    density = np.cos(angles) ** (freedom - 1)
    parts = (density[1:] + density[:-1]) / 2
    shares = np.cumsum(parts) / parts.sum()
    angle = np.interp(0.95, shares, angles[1:])
    return math.sqrt(freedom) * math.tan(angle)
