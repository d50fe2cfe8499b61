"""Units that no longer learn: dead ones are zero for all rows, saturated ones flat."""

import statistics

from xorlab.diagnosis.connection import cut_off, held_back
from xorlab.diagnosis.evidence import Evidence, once
from xorlab.diagnosis.findings import Finding, Threshold, named
from xorlab.diagnosis.progress import guessing_loss, learns

DEAD = Threshold(
    0.5,
    "He et al. 2015, section 2.2, start ReLUs so that each is on for half of its "
    "inputs; half of a layer is where it has lost more than it kept",
)
SATURATED = Threshold(
    0.4,
    "of the hidden layers' outputs, on average; measured: 30 of 30 networks above it "
    "after a tenth of training failed",
)
_RELUS = ("relu", "relu6")


def dead(evidence: Evidence) -> Finding | None:
    """Finds layers of ReLUs that were dead for the most part from the start on."""
    if learns(evidence) or _may_have_learned(evidence):
        return None
    now = dead_layers(evidence, -1)
    if not now:
        return None
    first = first_telling(evidence)
    layers = tuple(x for x in dead_layers(evidence, first) if x in now)
    # Networks with half a layer dead learn; through a whole one nothing passes.
    shares = evidence.of_layers("dead", first)
    numbers = {"dead": max((shares.get(x, 1.0) for x in layers), default=0.0)}
    if numbers["dead"] < 1:
        return None
    return Finding(
        "dead",
        f"Most units of {named(layers)} are dead since the first step: zero for all "
        "rows, so that they pass no gradient on.",
        "Start from biases of zero and smaller weights, or try leaky_relu.",
        layers,
        numbers,
        DEAD,
        ("initializer", "activation", "normalize"),
    )


@once
def dead_layers(evidence: Evidence, step: int) -> tuple[str, ...]:
    """Layers of which most units were dead at a step that was seen.

    Where units were not seen, the last layer before those that receive a gradient.
    """
    shares = evidence.of_layers("dead", step)
    if shares:
        many = [x for x, share in shares.items() if share >= DEAD.value]
        if not many:
            return ()
        # Zero weights are no matter of units.
        norms = evidence.of_layers("weight_norm", step)
        aside = cut_off(evidence) | {x for x, norm in norms.items() if norm == 0}
        return tuple(x for x in many if x not in aside)
    received = evidence.of_layers("gradient_rms", step)
    blocked = [x for x, rms in received.items() if rms == 0]
    passed = [x for x, rms in received.items() if rms > 0]
    if not blocked or not passed or len(evidence.steps) < 2:
        return ()
    aside = cut_off(evidence) | held_back(evidence, step)
    relus = _before_relus(evidence.layers)
    ends = [x for x in blocked if x not in aside and x in relus]
    is_last = ends and ends[-1] == list(received)[-1]
    return () if is_last else tuple(ends[-1:])


def first_telling(evidence: Evidence) -> int:
    """The first step that was seen at which no layer of zeros holds gradients back."""
    steps = range(len(evidence.steps))
    return next((x for x in steps if not held_back(evidence, x)), 0)


def _may_have_learned(evidence):
    """Whether the first step that was seen may be one of a model that had learned."""
    first = evidence.steps[0].step if evidence.steps else 0
    return first > 0 and guessing_loss(evidence) is None


def _before_relus(layers):
    """Names the layers with weights whose outputs, in the end, a ReLU is given."""
    found, last = set(), None
    for layer in layers:
        if layer.is_trainable:
            last = layer.name
        if layer.activation in _RELUS:
            found.add(last)
    return found


def saturated(evidence: Evidence) -> Finding | None:
    """Finds tanh and sigmoid units that are flat for all rows from the start on."""
    if learns(evidence) or _may_have_learned(evidence):
        return None
    if saturation(evidence, 0) <= SATURATED.value:
        return None
    layers, share = saturated_layers(evidence, 0), saturation(evidence, 0)
    return Finding(
        "saturated",
        f"Units of {named(layers)} are saturated since the first step: on average "
        f"{share:.0%} of a layer's, where the slope is next to zero.",
        "Start from smaller weights, scale the inputs, or put BatchNormalization "
        "before the activation.",
        layers,
        {"saturated": share},
        SATURATED,
        ("initializer", "normalize", "activation", "inputs"),
    )


def saturated_layers(evidence: Evidence, step: int) -> tuple[str, ...]:
    """Hidden layers of which too many outputs are saturated."""
    shares = _hidden_shares(evidence, step)
    return tuple(x for x, share in shares.items() if share > SATURATED.value)


def saturation(evidence: Evidence, step: int) -> float:
    """The mean share of saturated outputs over hidden layers that can saturate."""
    shares = _hidden_shares(evidence, step).values()
    return statistics.fmean(shares) if shares else 0.0


def _hidden_shares(evidence, step):
    # The one that the model ends in is right to saturate.
    last = evidence.layers[-1].name if evidence.layers else None
    shares = evidence.of_layers("saturated", step)
    return {x: share for x, share in shares.items() if x != last}
