"""Whether updates are of a size that can teach, by the weights that they change."""

from xorlab.diagnosis.evidence import Evidence
from xorlab.diagnosis.findings import Finding, Threshold, named
from xorlab.diagnosis.progress import (
    REACH,
    guessing_loss,
    has_seen_enough,
    has_seen_many,
    learns,
    may_yet_learn,
    steps_made,
)
from xorlab.diagnosis.units import (
    SATURATED,
    dead_layers,
    first_telling,
    saturated_layers,
    saturation,
)

LARGE = Threshold(
    1.0,
    "of the weights' norm: a step that replaces all that was there before keeps "
    "nothing that was learned",
)
RESTLESS = Threshold(
    0.1,
    "of the weights' norm, with a loss no better than guessing after a tenth of "
    "training; measured: networks failed above it, and learned with updates of 0.04 at "
    "Adam's usual rates",
)
_FAR = 100.0  # Times the weights' norm: no usual rate does that to usual data.
_USUAL = 0.01  # Keras's default learning rate of SGD.


def too_large(evidence: Evidence) -> Finding | None:
    """Finds updates that undo what was there, or that have killed units since."""
    if learns(evidence):
        return None
    killed = _killed(evidence)
    ratios = evidence.update_ratios
    largest = max(ratios, default=0.0)
    # Where that is not known, the first loss may be that of a model that had learned.
    guess = guessing_loss(evidence)
    threshold: Threshold | None = None
    if killed:
        why = f"Most units of {named(killed)} have died or saturated since the start."
    elif ratios and ratios[-1] > LARGE.value:
        why, threshold = "A step replaces what the weights were.", LARGE
    elif largest > RESTLESS.value and guess is not None and _is_stuck(evidence):
        why, threshold = "The loss is no better than that of guessing.", RESTLESS
    else:
        return None
    if largest > RESTLESS.value:
        why += f" An update was up to {largest:.2g} times as large as the weights"
        why += " themselves (in the median layer)."
    advice = "Try a learning rate ten times smaller, or clip the gradient."
    if largest > _FAR and not _has_unit_scale(evidence):
        advice = (
            "The rate is too large by far more than ten times: look at the size of x "
            "and y first."
        )
    return Finding(
        "rate_too_large",
        why,
        advice,
        killed,
        {"update_ratio": largest},
        threshold,
        ("rate/10", "clip", "normalize"),
    )


def too_small(evidence: Evidence) -> Finding | None:
    """Finds updates that cannot move the weights in the steps that are left."""
    ratios = evidence.update_ratios
    left = evidence.steps_left
    if left is None or not ratios or not has_seen_enough(evidence):
        return None
    if learns(evidence) or may_yet_learn(evidence):
        return None
    steps = steps_made(evidence) + left
    reach = max(ratios) * steps
    if reach >= REACH.value or not _could_move(evidence, steps):
        return None
    return Finding(
        "rate_too_small",
        f"All {steps} steps of this training can move the weights by {reach:.1e} of "
        "their norm (median layer).",
        "Try a learning rate ten times larger, or more.",
        (),
        {"reach": reach},
        REACH,
        ("rate*10",),
    )


def _has_unit_scale(evidence):
    sizes = [evidence.input_rms, *(evidence.labels or [None])]
    return all(x is not None and abs(x) <= _FAR for x in sizes)


def _is_stuck(evidence):
    return has_seen_many(evidence) and learns(evidence) is False


def _killed(evidence):
    """Layers whose units have died, or saturated, since they were first seen."""
    if len(evidence.steps) < 2:
        return ()
    now = dead_layers(evidence, -1)
    before = dead_layers(evidence, first_telling(evidence)) if now else ()
    died = tuple(x for x in now if x not in before)
    # Half of a layer may come back; a whole one gets no gradient that could wake it.
    is_whole = any(evidence.of_layers("dead").get(x, 1.0) == 1 for x in died)
    if died and (is_whole or _is_stuck(evidence)):
        return died
    saturates = saturation(evidence, 0) <= SATURATED.value < saturation(evidence, -1)
    return saturated_layers(evidence, -1) if saturates else ()


def _could_move(evidence, steps):
    """Whether a common rate would move the weights, which have not converged then."""
    if guessing_loss(evidence) is not None:
        return True
    if evidence.steps[0].step > 0:
        return False
    step = evidence.steps[-1]
    if evidence.optimizer != "SGD" or not step.learning_rate:
        return True
    return (
        evidence.update_ratios[-1] / step.learning_rate * _USUAL * steps > REACH.value
    )
