"""NaN and infinity: where they are first, and what brings them."""

from xorlab.diagnosis.evidence import Evidence
from xorlab.diagnosis.findings import Finding

_COUNTS = {
    "output_not_finite": "the output of {}",
    "gradient_not_finite": "the gradient of {}",
    "weight_not_finite": "the weights of {}, before the update",
}


def not_finite(evidence: Evidence) -> Finding | None:
    """Finds the first step that is not finite, and where in it that begins."""
    for row, step in enumerate(evidence.steps):
        counts = {
            (place, layer): count
            for place in _COUNTS
            for layer, count in evidence.of_layers(place, row).items()
            if count
        }
        place = step.not_finite
        if place is None and counts:
            kind, layer = next(iter(counts))
            place = _COUNTS[kind].format(layer)
        if place is not None:
            return _finding(step.step, place, counts)
    return None


def _finding(step, place, counts):
    layers = tuple(dict.fromkeys(layer for _, layer in counts))
    numbers = {"step": step, "entries": sum(counts.values())}
    why = f"NaN or infinity begins at step {step}, in {place}."
    if "of the batch" in place:
        advice = "Mend the data: look for missing values, and for divisions by zero."
        return Finding("not_finite", why, advice, layers, numbers, remedies=("data",))
    if "before the update" in place:
        advice = "No step mends that: begin again from weights that were saved before."
        remedies: tuple[str, ...] = ("rate/10", "clip")
        return Finding("not_finite", why, advice, layers, numbers, remedies=remedies)
    if step == 0:
        advice = (
            "It is there before any update: start from smaller weights, scale the "
            "inputs, and look for log(0) or 0/0 in the loss."
        )
        remedies = ("initializer", "normalize", "inputs")
        return Finding("overflow", why, advice, layers, numbers, remedies=remedies)
    advice = (
        "Try a smaller learning rate, or clip the gradient, and look for log(0) or 0/0 "
        "in the loss."
    )
    remedies = ("rate/10", "clip")
    return Finding("not_finite", why, advice, layers, numbers, remedies=remedies)
