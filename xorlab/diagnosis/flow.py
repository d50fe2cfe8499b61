"""Whether the gradient keeps its size on its way to the input."""

from xorlab.diagnosis.evidence import Evidence
from xorlab.diagnosis.findings import Finding, Threshold, named
from xorlab.diagnosis.progress import learns

VANISHING = Threshold(
    1e-3,
    "one learning rate serves all layers: a gradient a thousand times smaller needs a "
    "thousand steps where another needs one; measured on 441 runs of 39 public models: "
    "no network that learned was below it at its start",
)


def vanishing(evidence: Evidence) -> Finding | None:
    """Finds layers whose gradient was next to nothing from the first step on.

    Those whose gradient has become small since then have learned, or were killed.
    """
    first, last = (evidence.of_layers("passing_rms", step) for step in (0, -1))
    # What a zero kernel keeps from all layers before it is no matter of size.
    first = {layer: rms for layer, rms in first.items() if rms > 0}
    if learns(evidence) or not first or not last:
        return None
    best = max(first, key=first.__getitem__)
    most, now = first[best], max(last.values())
    layers = tuple(
        layer
        for layer, rms in first.items()
        if rms < VANISHING.value * most and last.get(layer, 0.0) < VANISHING.value * now
    )
    if not layers:
        return None
    return Finding(
        "vanishing",
        f"The gradient vanishes on its way to {named(layers)}: at the first step that "
        f"was seen, {layers[0]} receives {first[layers[0]]:.1e}, and {best} {most:.2g} "
        "(root mean square).",
        "Try an activation whose slope does not shrink it, such as relu, a start that "
        "keeps its size, or BatchNormalization.",
        layers,
        {"ratio": first[layers[0]] / most},
        VANISHING,
        ("activation", "initializer", "normalize"),
    )
