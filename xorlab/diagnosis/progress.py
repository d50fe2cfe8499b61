"""Whether a network gets anywhere, by its loss."""

import math

from xorlab.diagnosis.evidence import Evidence
from xorlab.diagnosis.findings import Threshold

LEARNS = Threshold(
    0.95,
    "measured: with large updates, 6 of 6 networks failed whose loss was above 0.95 of "
    "the labels' entropy after a tenth of training",
)


def guessing_loss(evidence: Evidence) -> float | None:
    """The loss of the best guess that is the same for all rows; None if not known.

    That of equally frequent classes where the labels were not seen: it is the largest.
    """
    if evidence.guessing_loss is not None:
        return evidence.guessing_loss
    if evidence.loss_name == "binary_crossentropy":
        return math.log(2)
    is_of_classes = (evidence.loss_name or "").endswith("categorical_crossentropy")
    if is_of_classes and (evidence.last_units or 0) > 1:
        return math.log(evidence.last_units or 0)
    return None


def learns(evidence: Evidence) -> bool | None:
    """Whether the loss is below that of guessing, or has fallen; None if not known."""
    losses = [x for x in evidence.losses if math.isfinite(x)]
    if not losses:
        return None
    guess = guessing_loss(evidence)
    if guess is None:
        if len(losses) < 2:
            return True if losses[0] == 0 else None
        guess = losses[0]
    if losses[-1] <= LEARNS.value * guess:
        return True
    return False if len(losses) > 1 else None
