"""Layers that the loss does not depend on, and layers that depend on nothing."""

from collections.abc import Sequence

from xorlab.diagnosis.evidence import Evidence, LayerFacts, once
from xorlab.diagnosis.findings import Finding, named


def disconnected(evidence: Evidence) -> Finding | None:
    """Finds layers with trainable weights that get no gradient, not even a zero one."""
    layers = tuple(x.name for x in evidence.layers if x.is_connected is False)
    if not layers and _is_frozen(evidence):
        return Finding(
            "disconnected",
            "No weight of this model is trainable.",
            "Set trainable = True on its layers, and compile it again.",
        )
    if not layers:
        return None
    return Finding(
        "disconnected",
        f"The loss does not depend on {named(layers)}: no gradient leads there.",
        "Give that output a loss, call the layer, or set trainable = False.",
        layers,
        remedies=("loss",),
    )


def _is_frozen(evidence):
    have = [x.is_trainable for x in evidence.layers if x.is_trainable is not None]
    is_none = bool(have) and not any(have)
    return is_none and not evidence.of_layers("update_norm")


@once
def constant(evidence: Evidence) -> Finding | None:
    """Finds layers that return the same for all rows, whatever their input is."""
    over_one = tuple(
        x.name
        for x in evidence.layers
        if x.kind == "LayerNormalization" and x.units == 1
    )
    if over_one:
        return Finding(
            "constant",
            f"{named(over_one)} normalises over a single feature, and so returns the "
            "same for every row.",
            "Take it away, or normalise over the batch (BatchNormalization).",
            over_one,
            remedies=("normalize",),
        )
    zero = zero_layers(evidence)
    if zero:
        return Finding(
            "constant",
            f"All weights of {named(zero)} are zero, and stay so: all units of a layer "
            "do the same, and pass no gradient on.",
            "Start from random weights.",
            zero,
            remedies=("initializer",),
        )
    return None


def zero_layers(evidence: Evidence) -> tuple[str, ...]:
    """Layers whose weights were all zero when first seen, and still are."""
    zero = [x for x, norm in evidence.of_layers("weight_norm").items() if norm == 0]
    # A schedule may warm up from a rate of zero, at which no weight could have moved.
    if not zero or all(step.learning_rate == 0 for step in evidence.steps[:-1]):
        return ()
    first = evidence.of_layers("weight_norm", 0)
    trainable = {x.name for x in evidence.layers if x.is_trainable is not False}
    return tuple(x for x in zero if first.get(x) == 0 and x in trainable)


def before_weights(layers: Sequence[LayerFacts]) -> Sequence[LayerFacts]:
    """Layers that come before the first with trainable weights."""
    first = next((row for row, x in enumerate(layers) if x.is_trainable), 0)
    return layers[:first]


@once
def held_back(evidence: Evidence, step: int) -> frozenset[str]:
    """Layers to which those of zero weights let no gradient through at a step."""
    norms = evidence.of_layers("weight_norm", step)
    return _up_to(evidence, [x for x, norm in norms.items() if norm == 0])


def cut_off(evidence: Evidence) -> frozenset[str]:
    """Layers whose gradient says nothing of their own, since a constant one follows."""
    found = constant(evidence)
    return frozenset() if found is None else _up_to(evidence, found.layers)


def _up_to(evidence, layers):
    """These layers, and all before the last of them."""
    names = [x.name for x in evidence.layers]
    ends = [names.index(x) + 1 for x in layers if x in names]
    return frozenset(names[: max(ends, default=0)])
