"""Whether a network gets anywhere, and how much of its training was seen."""

import itertools
import math
import statistics

from xorlab.diagnosis.evidence import Evidence, once
from xorlab.diagnosis.findings import Threshold

LEARNS = Threshold(
    0.95,
    "of the loss of guessing; measured: of networks above it after a tenth of "
    "training, with updates of more than 2% of their weights, 6 of 6 failed",
)
SEEN = Threshold(
    0.05,
    "of all steps; measured: at 5 to 10% of training the rules found 49 of 52 failures "
    "of a fresh sample, with 1 false alarm on 35 networks that learned",
)
REACH = Threshold(
    0.1,
    "of the weights' norm, in all steps of the training; measured: 30 of 30 networks "
    "failed that were below it after a tenth of training",
)
# One batch's loss is noise: the last quarter of those that were seen speaks for now.
# Where that is a single one, it has to be half of what it was.
_RECENT, _HALF = 0.25, 0.5
_PATIENCE = 50  # Steps: those that learned of ours were better than guessing by then.


def guessing_loss(evidence: Evidence) -> float | None:
    """The loss of the best guess that is the same for all rows; None if not known.

    Where the labels were not seen, that of equally frequent classes: no other is
    larger.
    """
    if evidence.guessing_loss is not None:
        return evidence.guessing_loss
    if evidence.loss_name == "binary_crossentropy":
        return math.log(2)
    is_of_classes = (evidence.loss_name or "").endswith("categorical_crossentropy")
    if is_of_classes and evidence.last_units and evidence.last_units > 1:
        return math.log(evidence.last_units)
    return None


@once
def learns(evidence: Evidence) -> bool | None:
    """Whether the loss is below that of guessing, or has fallen; None if not known."""
    losses = [x for x in evidence.losses if math.isfinite(x)]
    if not losses or len(losses) < len(evidence.losses):
        return False if evidence.losses else None
    is_one = _recent(losses) == 1
    share = _HALF if is_one else LEARNS.value
    guess = guessing_loss(evidence)
    if guess is None:
        if len(losses) == 1:
            return None
        guess = losses[0]
    # Below zero, too, less is better.
    if _recent_loss(losses) <= guess - (1 - share) * abs(guess):
        return True
    return None if is_one else False


def has_moved(before: Evidence, evidence: Evidence) -> bool:
    """Whether the loss is another since, by what tells learning from guessing.

    Args:
        before: what was seen then.
        evidence: what was seen by now.
    """
    if not before.losses or not evidence.losses:
        return True
    then, now = _recent_loss(before.losses), _recent_loss(evidence.losses)
    guess = guessing_loss(evidence) or evidence.losses[0]
    return not abs(now - then) < (1 - LEARNS.value) * abs(guess)


@once
def may_yet_learn(evidence: Evidence) -> bool:
    """Whether the loss still falls, and the steps that are left can take it far.

    It falls where the last quarter's is the least of four. Then it may escape; or, if
    each is below the one before, come to half of guessing at its pace.
    """
    losses = evidence.losses
    size = _recent(losses)
    latest_first = range(len(losses), size - 1, -size)
    quarters = [statistics.fmean(losses[x - size : x]) for x in latest_first][:4]
    if len(quarters) < 4 or quarters[0] >= min(quarters[1:]):
        return False
    if can_escape(evidence):
        return True
    now, before, *_, first = quarters
    pace = (before - now) / max(1, _RECENT * steps_made(evidence))
    end = now - pace * (evidence.steps_left or 0)
    is_steady = all(x < y for x, y in itertools.pairwise(quarters))
    return is_steady and end < _HALF * (guessing_loss(evidence) or first)


def can_escape(evidence: Evidence, share: float = 1.0) -> bool:
    """Whether the loss is below that of guessing, or near, and the weights can move.

    Args:
        evidence: what was seen.
        share: of the loss of guessing. What comes down to it may settle there.
    """
    guess, ratios = guessing_loss(evidence), evidence.update_ratios
    losses, left = evidence.losses, evidence.steps_left or 0
    if guess is None or not losses or not ratios:
        return False
    return _recent_loss(losses) < share * guess and ratios[-1] * left >= REACH.value


def steps_made(evidence: Evidence) -> int:
    """How many steps were made since the first that was seen."""
    if not evidence.steps:
        return 0
    return evidence.steps[-1].step - evidence.steps[0].step


def has_seen_many(evidence: Evidence) -> bool:
    """Whether that were so many steps that they tell of the others, too."""
    return has_seen_enough(evidence) and has_had_time(evidence)


def has_had_time(evidence: Evidence) -> bool:
    """Whether so many steps were made that a network that learns would show it."""
    return steps_made(evidence) >= _PATIENCE


def has_seen_enough(evidence: Evidence) -> bool:
    """Whether enough was seen to say that a network does not learn."""
    made, left = steps_made(evidence), evidence.steps_left
    share = 1.0 if left is None else made / max(1, made + left)
    return len(evidence.steps) > 1 and share >= SEEN.value


def _recent_loss(losses):
    return statistics.fmean(losses[-_recent(losses) :])


def _recent(losses):
    return max(1, round(_RECENT * len(losses)))
