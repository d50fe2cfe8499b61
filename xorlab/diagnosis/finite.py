"""NaN and infinity: where they are first."""

from xorlab.diagnosis.evidence import Evidence, once
from xorlab.diagnosis.findings import Finding

_COUNTS = {
    "weight_not_finite": "the weights of {}, before the update",
    "output_not_finite": "the output of {}",
    "gradient_not_finite": "the gradient of {}",
}


def not_finite(evidence: Evidence) -> Finding | None:
    """Finds where NaN or infinity begins, unless training has led there."""
    row, place, numbers, layers = _first(evidence)
    if place is None:
        return None
    why = f"NaN or infinity begins at step {numbers['step']}, in {place}."
    if "of the batch" in place:
        advice = "Mend the data: look for missing values, and for divisions by zero."
        return Finding("not_finite", why, advice, layers, numbers, remedies=("data",))
    if row > 0:
        return None
    if "before the update" in place:
        advice = "No step mends that: begin again from weights that were saved before."
        return Finding("not_finite", why, advice, layers, numbers)
    return Finding(
        "overflow",
        why,
        "It is there from the start: begin with smaller weights, scale the inputs, and "
        "look for log(0) or 0/0 in the loss.",
        layers,
        numbers,
        remedies=("initializer", "normalize", "inputs", "output"),
    )


def diverged(evidence: Evidence) -> Finding | None:
    """Finds a training that was finite once."""
    row, place, numbers, layers = _first(evidence)
    if place is None or row == 0 or "of the batch" in place:
        return None
    if row > 0 and "before the update" in place:
        before = evidence.steps[row - 1].step
        return Finding(
            "diverged",
            f"NaN or infinity came between step {before} and step {numbers['step']}, "
            f"of which none was logged: it is now in {place}.",
            "First look for NaN in your data: np.isfinite(x).all(), or "
            "xorlab.diagnose(model, x, y), which reads them. Then try a smaller "
            "learning rate, or clip the gradient.",
            layers,
            numbers,
            remedies=("data", "rate/10", "clip"),
        )
    return Finding(
        "diverged",
        f"Training has diverged: NaN or infinity begins at step {numbers['step']}, in "
        f"{place}.",
        "Try a smaller learning rate, or clip the gradient, and look for log(0) or 0/0 "
        "in the loss.",
        layers,
        numbers,
        remedies=("rate/10", "clip"),
    )


def finite_steps(evidence: Evidence) -> int:
    """How many steps were finite before the first that was not."""
    row, place, *_ = _first(evidence)
    return len(evidence.steps) if place is None else row


@once
def _first(evidence):
    """Returns the first step that is not finite, and where in it that begins."""
    for row, step in enumerate(evidence.steps):
        if step.is_finite:
            continue
        counts = {
            (kind, layer): count
            for kind in _COUNTS
            for layer, count in evidence.of_layers(kind, row).items()
            if count
        }
        place = step.not_finite
        if place is None and counts:
            kind, layer = next(iter(counts))
            place = _COUNTS[kind].format(layer)
        layers = tuple(dict.fromkeys(layer for _, layer in counts))
        numbers = {"step": step.step, "entries": sum(counts.values())}
        return row, place or "the loss", numbers, layers
    return 0, None, {}, ()
