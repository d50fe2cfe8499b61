"""Whether a network still tells its rows apart."""

from xorlab.diagnosis.evidence import Evidence
from xorlab.diagnosis.findings import Finding, Threshold, named
from xorlab.diagnosis.progress import (
    guessing_loss,
    has_seen_enough,
    learns,
    may_yet_learn,
)

SPREAD = Threshold(
    1e-3,
    "the largest standard deviation over rows of one of the last layer's scores; "
    "measured after a tenth of training: 1e-4 to 1e-2 tell nearly the same failures",
)
SEPARATION = Threshold(
    1e-2,
    "times that of the inputs: the least distance of two rows of different label, by "
    "the largest output; measured on XOR after 1,000 of 20,000 steps: precision .96 to "
    ".98, recall .96 to 1.00 for relu",
)
_AVERAGED = 460  # Steps: Keras's momentum of 0.99 leaves 1% of the first averages.
_APART = 0.45  # Of the loss of guessing: rows that are one cost more.


def collapsed(evidence: Evidence) -> Finding | None:
    """Finds rows that are mapped to the same."""
    if not has_seen_enough(evidence) or _lags(evidence):
        return None
    # Rows that are one cannot be told apart, whatever else was learned: of XOR's four,
    # two that share an output cost half of guessing.
    may_part = _is_told_apart(evidence) or may_yet_learn(evidence)
    found = None if may_part else _not_apart(evidence)
    if found is None and learns(evidence) is False:
        found = _same_output(evidence) or _one_direction(evidence)
    return found


def _lags(evidence):
    """Whether outputs are seen by averages that are still those of the start."""
    is_normalized = any(x.kind == "BatchNormalization" for x in evidence.layers)
    return is_normalized and evidence.steps[-1].step < _AVERAGED


def _is_told_apart(evidence):
    guess, losses = guessing_loss(evidence), evidence.losses
    return bool(guess and losses and losses[-1] < _APART * guess)


def _same_output(evidence):
    spreads = evidence.of_layers("spread")
    if not spreads:
        return None
    last = list(spreads)[-1]
    if not spreads[last] < SPREAD.value:
        return None
    numbers = {"spread": spreads[last]}
    return _finding(f"{last} returns the same for all rows.", (last,), numbers, SPREAD)


def _not_apart(evidence):
    separations = evidence.of_layers("separation")
    limit = SEPARATION.value * (evidence.input_separation or 0.0)
    merged = tuple(x for x, n in separations.items() if n < limit)
    # What the last one tells apart, none before it has lost.
    if not merged or merged[-1] != list(separations)[-1]:
        return None
    numbers = {"separation": min(separations.values())}
    why = f"Rows of different labels are next to the same in {named(merged)}."
    return _finding(why, merged, numbers, SEPARATION)


def _one_direction(evidence):
    widths = {x.name: x.units or 0 for x in evidence.layers[:-1]}
    ranks = evidence.of_layers("rank")
    flat = tuple(x for x, rank in ranks.items() if rank <= 1 < widths.get(x, 0))
    if not flat:
        return None
    why = f"All units of {named(flat)} do the same, but for a factor."
    return _finding(why, flat, {"rank": min(ranks.values())}, None)


def _finding(why, layers, numbers, threshold):
    return Finding(
        "collapsed",
        why,
        "What later layers are to tell apart is lost there: try another start, whose "
        "units differ, or leaky_relu.",
        layers,
        numbers,
        threshold,
        ("initializer", "activation", "normalize"),
    )
