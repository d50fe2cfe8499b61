"""A step of many networks, whose numbers lie side by side.

Rules ask for few of them, and a Python object for each takes longer than to find them.
R networks, L layers.
"""

import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from xorlab.diagnosis import LayerStep, StepEvidence, representation


class NetworkSteps(Iterable[StepEvidence]):
    """What was measured of a step of each of R networks, network by network.

    Args:
        step, learning_rate: as in `StepEvidence`.
        losses: of the networks.
        names: of the L layers.
        numbers: `[L, R]` by attribute of `LayerStep`, or of the first layers alone; NaN
            where nothing was measured. Of outputs it may lack some; weights, their
            gradients, updates and what is not finite are there.
    """

    def __init__(
        self,
        step: int,
        learning_rate: float,
        losses: Sequence[float],
        names: Sequence[str],
        numbers: Mapping[str, np.ndarray],
    ):
        self.step = step
        self.learning_rate = learning_rate
        self.losses = losses
        self.names = names
        self.numbers = numbers
        self._told: dict[str, list[dict[str, float]]] = {}

    def __len__(self) -> int:
        return len(self.losses)

    def __iter__(self) -> Iterator[StepEvidence]:
        return (_NetworkStep(self, network) for network in range(len(self)))

    def told(self, attribute: str) -> list[dict[str, float]]:
        """Returns for each network what `StepEvidence.of_layers` does."""
        if attribute not in self._told:
            self._told[attribute] = self._by_name(self._array(attribute))
        return self._told[attribute]

    def _by_name(self, numbers):
        told = [dict(zip(self.names, x, strict=False)) for x in numbers.T.tolist()]
        for network in np.flatnonzero(np.isnan(numbers).any(0)):
            some = told[network].items()
            told[network] = {name: x for name, x in some if not math.isnan(x)}
        return told

    @np.errstate(all="ignore")
    def _array(self, attribute):
        """As `LayerStep` has it, whose properties are found for all at once."""
        of = self.numbers
        match attribute:
            case "not_finite":
                return sum(of[x] for x in LayerStep._fields if x.endswith(attribute))
            case "update_ratio":
                norm = of["weight_norm"]
                return np.where(norm > 0, of["update_norm"] / norm, math.nan)
            case "passing_rms":
                rms = of["gradient_rms"]
                passing = 1 - np.nan_to_num(of["gradient_zeros"])
                return np.where(passing > 0, rms / np.sqrt(passing), 0 * rms)
        if attribute not in LayerStep._fields:
            raise AttributeError(f"LayerStep has no attribute {attribute!r}")
        nothing = np.full_like(of["gradient_rms"], math.nan)
        return of.get(attribute, nothing)

    @functools.cached_property
    def is_finite(self) -> list[bool]:
        """Whether each network's loss and entries are all finite."""
        entries = (self._array("not_finite") == 0).all(0)
        return (entries & np.isfinite(self.losses)).tolist()

    @functools.cached_property
    def update_ratio(self) -> list[float | None]:
        """Each network's median over layers; None where there is none."""
        # NaN is sorted to the end.
        ordered = np.sort(self._array("update_ratio"), 0)
        known = (~np.isnan(ordered)).sum(0)
        middle = np.stack([(known - 1) // 2, known // 2])
        medians = np.take_along_axis(ordered, middle, 0).mean(0)
        return list(map(representation.number_or_none, medians.tolist()))


class _NetworkStep(StepEvidence):
    """That of one of the networks; in a file, a `StepEvidence` of its own."""

    def __init__(self, steps: NetworkSteps, network: int):
        self._steps: NetworkSteps
        self._network: int
        # A frozen record is set in no other way.
        vars(self).update(
            step=steps.step,
            loss=steps.losses[network],
            learning_rate=steps.learning_rate,
            not_finite=None,
            is_finite=steps.is_finite[network],
            update_ratio=steps.update_ratio[network],
            _steps=steps,
            _network=network,
        )

    def of_layers(self, attribute):
        return self._steps.told(attribute)[self._network]

    @functools.cached_property
    def layers(self):
        told = {x: self.of_layers(x) for x in self._steps.numbers}
        of_layer: dict[str, dict[str, Any]] = {
            name: {x: numbers[name] for x, numbers in told.items() if name in numbers}
            for name in self._steps.names
        }
        return {name: LayerStep(**numbers) for name, numbers in of_layer.items()}

    def __reduce__(self):
        # Which is read without the other networks.
        return StepEvidence, (self.step, self.layers, self.loss, self.learning_rate)
