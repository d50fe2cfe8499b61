"""Whether signal and gradient keep their size on their way through the layers."""

import itertools
import statistics

from xorlab.diagnosis.connection import before_weights, cut_off
from xorlab.diagnosis.evidence import Evidence, once
from xorlab.diagnosis.findings import Finding, Threshold, named
from xorlab.diagnosis.progress import (
    LEARNS,
    can_escape,
    guessing_loss,
    learns,
    may_yet_learn,
)

VANISHING = Threshold(
    1e-3,
    "a layer with a thousandth of another's gradient takes a thousand steps where that "
    "takes one; measured on 441 runs of 39 public models: none that learned had one",
)
START = Threshold(
    1e-3,
    "of the first layer's outputs; measured: stuck networks that start below it learn "
    "from another start",
)
SCORES = Threshold(
    100.0,
    "times the loss of guessing, our choice: networks that learned began below 2 "
    "times, those with inputs or weights far too large above 700 times",
)

_FLAT, _SOLVED = 0.05, 0.1  # Of the loss before, and of the first.


@once
def start(evidence: Evidence) -> Finding | None:
    """Finds a start at which outputs shrink, or grow, from layer to layer."""
    if learns(evidence):
        return None
    before = {x.name for x in before_weights(evidence.layers)}
    sizes = evidence.of_layers("output_rms", 0)
    sizes = {x: n for x, n in sizes.items() if n > 0 and x not in before}
    *hidden, _ = sizes or [""]
    if len(hidden) < 2:
        return None
    first, last = hidden[0], hidden[-1]
    ratio = sizes[last] / sizes[first]
    if START.value <= ratio <= 1 / START.value:
        return None
    shrinks = ratio < START.value
    return Finding(
        "start" if shrinks else "exploding",
        f"What the layers return {'shrinks' if shrinks else 'grows'} on its way: "
        f"{first} returned {sizes[first]:.2g} at the first step, {last} "
        f"{sizes[last]:.2g} (root mean square).",
        "Start from weights that keep its size (glorot or he), or put "
        "BatchNormalization between the layers.",
        tuple(hidden),
        {"ratio": ratio},
        START,
        ("initializer", "normalize"),
    )


def too_large_scores(evidence: Evidence) -> Finding | None:
    """Finds a start at which the loss is far above that of guessing."""
    guess, losses = guessing_loss(evidence), evidence.losses
    if learns(evidence) or not guess or not losses:
        return None
    if evidence.steps[0].loss is None or not losses[0] > SCORES.value * guess:
        return None
    # What is far away may be the labels, while the network returns next to nothing.
    powers = {"mean_squared_error": 2, "mean_absolute_error": 1}
    farthest = max(map(abs, evidence.labels or (0.0,)))
    if losses[0] <= farthest ** powers.get(evidence.loss_name or "", 0):
        return None
    return Finding(
        "exploding",
        f"The loss is {losses[0]:.2g} at the first step, where guessing costs "
        f"{guess:.2g}: what the network returns is far too large.",
        "Scale the inputs, start from smaller weights, or put BatchNormalization "
        "between the layers.",
        numbers={"loss": losses[0], "guessing": guess},
        threshold=SCORES,
        remedies=("inputs", "initializer", "normalize"),
    )


def vanishing(evidence: Evidence) -> Finding | None:
    """Finds layers whose gradient was next to nothing on its way to the input.

    From the first step on: one that has become small since then has learned, or was
    killed. Not while the network may yet learn.
    """
    if may_yet_learn(evidence):
        return None
    starved, first, best = _starved(evidence)
    if not starved:
        return None
    last = evidence.of_layers("passing_rms")
    # Where all shrink, those that never got anything are no better for it.
    most = max([first.get(best, 0.0), *last.values()])
    limit = VANISHING.value * most
    before = _before(best, first)
    layers = tuple(x for x in starved if x in before and last.get(x, 0.0) < limit)
    if not layers:
        return None
    least = min(layers, key=first.__getitem__)
    return Finding(
        "vanishing",
        f"The gradient vanishes on its way to {named(layers)}: {least} received "
        f"{first[least]:.1e} at the first step, and {best} {first[best]:.2g} (root "
        "mean square).",
        "Try an activation whose slope does not shrink it, such as relu, a start that "
        "keeps its size, or BatchNormalization.",
        layers,
        {"ratio": first[least] / first[best]},
        VANISHING,
        ("activation", "initializer", "normalize"),
    )


def exploding(evidence: Evidence) -> Finding | None:
    """Finds a gradient that grows on its way to the input, and keeps the loss up.

    Adam's steps, for one, are no larger for it.
    """
    if can_escape(evidence, 1 / LEARNS.value):
        return None
    starved, first, best = _starved(evidence)
    if start(evidence):  # Outputs that shrink leave nothing to the layers behind.
        return None
    before = _before(best, first)
    behind = [x for x in starved if x not in before]
    if not behind:
        return None
    least = min(behind, key=first.__getitem__)
    large = tuple(x for x, rms in first.items() if rms * VANISHING.value > first[least])
    return Finding(
        "exploding",
        f"The gradient grows on its way to the input: {least} received "
        f"{first[least]:.1e} at the first step, and {best} {first[best]:.2g} (root "
        "mean square).",
        "Clip it, take fewer layers or residual connections, or a smaller start.",
        large,
        {"ratio": first[best] / first[least]},
        Threshold(1 / VANISHING.value, VANISHING.source),
        ("clip", "initializer", "rate/10"),
    )


def _starved(evidence):
    """As `_unequal`, where the network does not learn."""
    return ((), {}, "") if learns(evidence) else _unequal(evidence)


def may_only_guess(evidence: Evidence) -> bool:
    """Whether a loss may have fallen to that of guessing, where that was not measured.

    It is flat since, and the gradient vanished: the last layer alone learns to guess.
    """
    losses = evidence.losses
    quarter = len(losses) // 4
    if evidence.guessing_loss is not None or not quarter:
        return False
    then = statistics.fmean(losses[quarter:-quarter])
    now = statistics.fmean(losses[-quarter:])
    is_flat = abs(now - then) <= _FLAT * abs(then) and now > _SOLVED * abs(losses[0])
    starved, first, best = _unequal(evidence)
    return is_flat and not _before(best, first).isdisjoint(starved)


@once
def _unequal(evidence):
    """Returns layers that received next to nothing at the first step, what all received
    then, and which received most."""
    if not evidence.steps:
        return (), {}, ""
    # What a kernel of zeros holds back at the very first says nothing.
    begin = range(min(2, len(evidence.steps)))
    told = (evidence.of_layers("passing_rms", row) for row in begin)
    first = max(told, key=lambda rms: sum(x > 0 for x in rms.values()))
    aside = cut_off(evidence)
    first = {x: rms for x, rms in first.items() if rms > 0 and x not in aside}
    if not first:
        return (), {}, ""
    best = max(first, key=first.__getitem__)
    limit = VANISHING.value * first[best]
    return tuple(x for x, rms in first.items() if rms < limit), first, best


def _before(layer, order):
    return set(itertools.takewhile(lambda x: x != layer, order))
