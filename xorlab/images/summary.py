"""What is said of a cell: its networks at the learning rate that the others chose."""

import collections
import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from xorlab.images.grid import Cell
from xorlab.images.statistics import Difference, paired
from xorlab.settings import spelled

# A network has converged if it is right at least twice as often as by guessing one of
# ten classes, and no number of it is NaN or infinite.
CONVERGED = 0.2
# How the callback's verdict begins where it finds nothing wrong.
_WELL = (
    "Every layer receives a gradient",
    "Nothing is wrong",
    "Nothing is found so far",
)


@dataclasses.dataclass(frozen=True)
class Trained:
    """The networks of one activation, start and learning rate, in order of the seeds.

    Attributes:
        cell: their settings.
        accuracy: on images that were not trained on.
        loss: there.
        diverged: whether a weight or the loss is NaN or infinite.
        verdict: what the callback said at 5% of the training.
        seconds: that they took together.
    """

    cell: Cell
    accuracy: np.ndarray
    loss: np.ndarray
    diverged: np.ndarray
    verdict: str
    seconds: float

    @property
    def is_well(self) -> bool:
        """Whether the verdict found nothing wrong."""
        return self.verdict.startswith(_WELL)


@dataclasses.dataclass(frozen=True)
class Summary:
    """A cell of the table.

    Attributes:
        activation, initializer: what it is of.
        rates: the learning rate of each network: the one at which the networks of the
            other seeds were right most often.
        accuracy: of each network at that rate.
        diverged: of each.
        verdict: what the callback said at 5% of the training at the usual rate.
        is_well: whether that found nothing wrong.
        seconds: of all rates together.
    """

    activation: str
    initializer: str
    rates: tuple[float, ...]
    accuracy: tuple[float, ...]
    diverged: tuple[bool, ...]
    verdict: str
    is_well: bool
    seconds: float

    @property
    def n(self) -> int:
        """Networks."""
        return len(self.accuracy)

    @property
    def converged(self) -> int:
        """How many of them have."""
        pairs = zip(self.accuracy, self.diverged, strict=True)
        return sum(right >= CONVERGED and not lost for right, lost in pairs)

    @property
    def mean(self) -> float:
        """Accuracy, over all networks."""
        return float(np.mean(self.accuracy))

    @property
    def spread(self) -> float:
        """Standard deviation over networks; NaN of one."""
        return float(np.std(self.accuracy, ddof=1)) if self.n > 1 else float("nan")

    @property
    def rate(self) -> float:
        """The learning rate that most networks have."""
        return max(self.rates, key=self.rates.count)

    @property
    def has_converged(self) -> bool:
        """Whether at least half of them have; else the cell is `n/c`."""
        return 2 * self.converged >= self.n

    def shown(self) -> str:
        """Says it as the table does."""
        if not self.has_converged:
            return f"n/c ({self.converged} of {self.n})"
        lost = f", {self.n - self.converged} n/c" if self.converged < self.n else ""
        return f"{100 * self.mean:.1f} ± {100 * self.spread:.1f}{lost}"

    def row(self) -> dict[str, Any]:
        """Returns the cell's row of `summary.csv`."""
        return {
            "activation": self.activation,
            "initializer": self.initializer,
            "n": self.n,
            "mean": self.mean,
            "spread": self.spread,
            "converged": self.converged,
            "diverged": sum(self.diverged),
            "learning_rate": self.rate,
            "verdict_is_well": self.is_well,
            "seconds": self.seconds,
        }

    def line(self) -> str:
        """Says in a line what came of the cell."""
        return (
            f"{self.activation:>15} {self.initializer:14}  {self.shown():18} "
            f"rate {spelled(self.rate)}"
        )


def summarise(trained: Iterable[Trained]) -> list[Summary]:
    """Makes a summary of every activation and start, in their order."""
    groups: dict[tuple[str, str], list[Trained]] = {}
    for each in trained:
        key = (each.cell.activation, each.cell.initializer)
        groups.setdefault(key, []).append(each)
    return [_summary(group) for group in groups.values()]


def _summary(group):
    accuracy = np.stack([each.accuracy for each in group])  # [rates, seeds]
    others = accuracy.sum(1, keepdims=True) - accuracy
    chosen = others.argmax(0)
    seeds = range(accuracy.shape[1])
    usual = group[np.bincount(chosen).argmax()]
    return Summary(
        usual.cell.activation,
        usual.cell.initializer,
        tuple(group[rate].cell.learning_rate for rate in chosen),
        tuple(float(accuracy[chosen[seed], seed]) for seed in seeds),
        tuple(bool(group[chosen[seed]].diverged[seed]) for seed in seeds),
        usual.verdict,
        usual.is_well,
        sum(each.seconds for each in group),
    )


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two cells that differ in one word, compared seed by seed.

    Attributes:
        one, other: the cells.
        differing: in what they differ: `activation` or `initializer`.
    """

    one: Summary
    other: Summary
    differing: str

    @property
    def within(self) -> str:
        """What they share: an activation, or a start."""
        return getattr(self.one, _OTHER[self.differing])

    @property
    def first(self) -> str:
        """What `one` has and `other` has not."""
        return getattr(self.one, self.differing)

    @property
    def second(self) -> str:
        """What `other` has and `one` has not."""
        return getattr(self.other, self.differing)

    @functools.cached_property
    def difference(self) -> Difference:
        """Of accuracy, first less second."""
        return paired(self.one.accuracy, self.other.accuracy)

    def turned(self) -> "Pair":
        """Returns it with the second cell first."""
        return Pair(self.other, self.one, self.differing)

    def row(self) -> dict[str, Any]:
        """Returns the row of `pairs.csv`."""
        names = {"within": self.within, "first": self.first, "second": self.second}
        return names | self.difference._asdict()


_OTHER = {"initializer": "activation", "activation": "initializer"}


def pairs(summaries: list[Summary]) -> Iterator[Pair]:
    """Yields starts compared within each activation, then activations within starts."""
    for differing, shared in _OTHER.items():
        groups: dict[str, list[Summary]] = {}
        for summary in summaries:
            groups.setdefault(getattr(summary, shared), []).append(summary)
        for group in groups.values():
            for one, other in itertools.combinations(group, 2):
                yield Pair(one, other, differing)


def verdicts(trained: Iterable[Trained]) -> Mapping[tuple[bool, bool], int]:
    """Counts networks by (the verdict found nothing wrong, the network converged)."""
    counts: dict[tuple[bool, bool], int] = collections.Counter()
    for each in trained:
        for right, lost in zip(each.accuracy, each.diverged, strict=True):
            counts[each.is_well, bool(right >= CONVERGED and not lost)] += 1
    return counts
