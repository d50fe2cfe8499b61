"""What is said of many networks: shares with their uncertainty, and medians."""

import collections
import math
from collections.abc import Callable, Iterable

import numpy as np

# The normal distribution's 97.5% point: 95% of it lies within ± this.
_Z = 1.959963984540054


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Returns the 95% interval of a share (Wilson 1927, JASA 22).

    Unlike the textbook's p ± 1.96 s it is of use at shares of 0 and 1.

    Args:
        successes: 0 to trials.
        trials: 1 or more.

    >>> low, high = wilson(0, 1000)
    >>> f"{low:.4f} to {high:.4f}"
    '0.0000 to 0.0038'
    """
    share = successes / trials
    spread = _Z**2 / trials
    middle = share + spread / 2
    half = math.sqrt(spread * (share * (1 - share) + spread / 4))
    low, high = (middle - half) / (1 + spread), (middle + half) / (1 + spread)
    # Where all or none succeed an end is exactly that, but for rounding.
    return (low if successes else 0.0), (high if successes < trials else 1.0)


def medians(batches: Callable[[], Iterable[np.ndarray]]) -> np.ndarray:
    """Finds the exact median of every column, in memory that no number of rows moves.

    Two passes of counting: float32 numbers that are not negative are in the order of
    their bits, the upper 16 find the bucket of a median, the lower 16 the number in it.

    Args:
        batches: called twice; yields the same `[n, K]` float32 arrays, not negative.

    Returns:
        `[K]` float64: medians without the NaN entries; NaN where there is no other.

    >>> medians(lambda: [np.float32([[1, 5]]), np.float32([[4, np.nan], [2, 7]])])
    array([2., 6.])
    """
    upper = _count(batches(), lambda keys, column: keys >> 16)
    numbers = upper.sum(1)
    # The two in the middle; they are one where the number is odd.
    ranks = ((numbers - 1) // 2, numbers // 2)
    middle = np.mean([_at(rank, upper, batches) for rank in ranks], axis=0)
    return np.where(numbers > 0, middle, np.nan)


def _at(rank, upper, batches):
    """Returns the number of this rank, from 0, in every column, as float64."""
    bucket, rank = _find(rank, upper)
    lower = _count(
        batches(), lambda keys, column: keys[keys >> 16 == bucket[column]] & 0xFFFF
    )
    rest, _ = _find(rank, lower)
    return (bucket << 16 | rest).astype(np.uint32).view(np.float32).astype(np.float64)


def _find(rank, counts):
    """Returns, by column, the bucket that a rank falls in, and its rank inside."""
    up_to = counts.cumsum(1)
    bucket = (up_to > rank[:, None]).argmax(1)
    columns = np.arange(len(counts))
    return bucket, rank - (up_to - counts)[columns, bucket]


def _count(batches, pick):
    """Counts, by column, how often `pick` returns which of 2**16 numbers."""
    counts: dict[int, np.ndarray] = collections.defaultdict(
        lambda: np.zeros(2**16, np.int64)
    )
    for batch in batches:
        for number, values in enumerate(batch.T):
            values = np.ascontiguousarray(values[~np.isnan(values)])
            picked = pick(values.view(np.uint32), number)
            counts[number] += np.bincount(picked, minlength=2**16)
    return np.stack([counts[number] for number in sorted(counts)])
