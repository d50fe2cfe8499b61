"""Whether a network learned XOR, in words."""

import math
from collections.abc import Mapping

from xorlab.models import data

_UNDECIDED = 0.001  # Outputs this near to one another, or to a half, are one.


def outcome(result: Mapping) -> str:
    """Says in one sentence whether the network learned its table.

    Args:
        result: what `run` returns.
    """
    hypothesis, cost = result["hypothesis"], result["cost"]
    pairs = zip(result["predicted"], data.LABELS, strict=True)
    rows, correct = len(data.LABELS), sum(y == label[0] for y, label in pairs)
    if result["diverged_at"] is not None:
        return f"It diverged: the cost is not finite at step {result['diverged_at']}."
    if all(abs(y - 0.5) < _UNDECIDED for y in hypothesis):
        return (
            f"It did not learn XOR: all hypotheses are within {_UNDECIDED:g} of 0.5, "
            f"so that which rows are right is rounding; the cost is {cost:.4g}."
        )
    if correct < rows:
        shared = _shared(hypothesis)
        return (
            f"It did not learn XOR: {correct} of {rows} rows are right, at a cost of "
            f"{cost:.4g}.{shared}"
        )
    if result["accuracy_at_start"] == 1:
        return (
            f"It was right on all {rows} rows before training, and is so now, at a "
            f"cost of {cost:.4g}."
        )
    return f"It learned XOR: all {rows} rows are right, at a cost of {cost:.4g}."


def learned(result: Mapping) -> bool:
    """Whether all rows are right, by more than rounding."""
    return outcome(result).startswith(("It learned", "It was right"))


def _shared(hypothesis):
    """Says which rows share one output, if three do, and what that costs."""
    order = sorted(range(len(hypothesis)), key=hypothesis.__getitem__)
    groups: list[list[int]] = []
    for row in order:
        is_alike = groups and hypothesis[row] - hypothesis[groups[-1][-1]] < _UNDECIDED
        groups[-1:] = [[*groups[-1], row]] if is_alike else [*groups[-1:], [row]]
    largest = max(groups, key=lambda group: len(group))
    if len(largest) < 3:
        return ""
    largest.sort()
    names = [f"({x1:.0f},{x2:.0f})" for x1, x2 in data.INPUTS[largest]]
    least = sum(map(_least_cost, groups)) / len(hypothesis)
    return (
        f" The rows {', '.join(names[:-1])} and {names[-1]} share one output, "
        f"{hypothesis[largest[0]]:.3f}: what tells them apart is lost on the way, and "
        f"the least cost that is left is {least:.4f}."
    )


def _least_cost(group):
    """The cost of rows that share one output, at their mean label, in all."""
    mean = float(data.LABELS[group].mean())
    return -len(group) * sum(p * math.log(p) for p in (mean, 1 - mean) if p)
