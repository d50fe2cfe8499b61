"""What the batches of logged steps tell of inputs and labels."""

import dataclasses
import math
from typing import Any

import numpy as np

from xorlab.diagnosis import Evidence
from xorlab.steps.batch import MOST, BatchFacts

_ALMOST_ALL = 0.999


class SeenData:
    """Adds up what the batches of steps held, as far as that is known of all."""

    def __init__(self) -> None:
        self._batches = 0
        self._input = 0.0
        self._sums: dict[str, Any] = {}
        self._range = (math.inf, -math.inf)
        self._are_known = True

    def add(self, batch: BatchFacts) -> None:
        """Takes note of one."""
        self._batches += 1
        self._input += batch.input_square
        self._are_known &= math.isfinite(batch.variance)
        if not self._are_known:
            return
        least, largest = self._range
        self._range = min(least, batch.least), max(largest, batch.largest)
        means: dict[str, Any] = {
            "one": 1.0,
            "mean": batch.mean,
            "square": batch.variance + batch.mean**2,
            "deviation": batch.deviation,
            "columns": batch.columns,
            "classes": batch.classes,
        }
        sums = {name: batch.weight * x for name, x in means.items()}
        sums["rows"] = batch.rows
        self._sums = {name: x + self._sums.get(name, 0.0) for name, x in sums.items()}

    def of(self, known: Evidence) -> Evidence:
        """Returns what is known of a model, and of its data."""
        if not self._batches:
            return known
        square = self._input / self._batches
        size = math.sqrt(square) if math.isfinite(square) else None
        known = dataclasses.replace(known, input_rms=size)
        # Of labels that a loss ignores, nothing is.
        if not self._are_known or known.ignored_label is not None:
            return known
        if self._sums["one"] <= 0:  # No row has a weight.
            return known
        guess = self._guessing_loss(known)
        return dataclasses.replace(known, labels=self._range, guessing_loss=guess)

    def _guessing_loss(self, known):
        """The loss of the best constant prediction, weighted as the batches are."""
        rows, total = self._sums["rows"], self._sums["one"]
        means = {name: x / total for name, x in self._sums.items()}
        loss, scale = known.loss_name, total / rows
        columns = means["columns"][np.isfinite(means["columns"])]
        if loss == "mean_squared_error":
            return scale * max(0.0, means["square"] - means["mean"] ** 2)
        if loss == "mean_absolute_error":
            return scale * means["deviation"]
        if loss == "binary_crossentropy" and 0 <= columns.min() and columns.max() <= 1:
            shares = _smoothed(columns, rows, 2)
            both = np.stack([shares, 1 - shares])
            return scale * _entropy(both) / len(shares)
        if loss == "categorical_crossentropy":
            return scale * _entropy(_smoothed(columns, rows, len(columns)))
        units = known.last_units or 0
        shares = means["classes"][:units]
        if loss == "sparse_categorical_crossentropy" and units <= MOST:
            if shares.sum() > _ALMOST_ALL:
                return scale * _entropy(_smoothed(shares, rows, units))
        return None


def _smoothed(shares, rows, classes):
    """Shares as if each class had been seen once more: a few rows may hold none."""
    return (shares * rows + 1) / (rows + classes)


def _entropy(shares):
    return float(-(shares * np.log(shares)).sum())
