"""Where gradients vanish, explode or stop: their RMS by layer in, words out."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

# One learning rate serves all layers: a gradient a thousand times smaller needs a
# thousand steps where the last layer needs one. The lecture's deep sigmoid starts
# below 1e-6, networks that learn between 1e-2 and 1e2.
VANISHING = 1e-3
EXPLODING = 1 / VANISHING
# Updates of a weight near 1 below this are lost in float32's rounding at learning rates
# up to 1.
STANDING_STILL = 6e-8


def first_to_last(gradient_rms: Mapping[str, float]) -> float:
    """Ratio of the first layer's gradient RMS to the last layer's.

    Args:
        gradient_rms: RMS by layer, input first.

    Returns:
        The ratio; NaN where the last layer's is zero or not finite.

    >>> first_to_last({"layer1": 1e-9, "last": 0.1})
    1e-08
    """
    first, *_, last = gradient_rms.values()
    return first / last if 0 < last < math.inf else math.nan


def judge_gradients(gradient_rms: Mapping[str, float]) -> str:
    """Says in one sentence whether gradients reach the first layer.

    Args:
        gradient_rms: RMS by layer, input first.

    >>> judge_gradients({"layer1": 0.0, "layer2": 0.0, "last": 0.1})
    'No gradient at all reaches layer1, layer2: dead units pass none on, or it is \
smaller than float32 can hold.'
    """
    first, *_, last = gradient_rms
    if not all(math.isfinite(rms) for rms in gradient_rms.values()):
        return "Not every gradient is a finite number."
    starved = [layer for layer, rms in gradient_rms.items() if rms == 0]
    if len(starved) == len(gradient_rms):
        return "The gradient is exactly zero everywhere: nothing tells it where to go."
    if starved:
        names = ", ".join(starved)
        return (
            f"No gradient at all reaches {names}: dead units pass none on, or it is "
            "smaller than float32 can hold."
        )
    if max(gradient_rms.values()) < STANDING_STILL:
        return (
            f"Training stands still: no layer's gradient is above "
            f"{max(gradient_rms.values()):.1e}, and such updates are lost in rounding."
        )
    ratio = first_to_last(gradient_rms)
    if ratio < VANISHING:
        return (
            f"The gradient vanishes on its way to the input: {first} receives "
            f"{ratio:.1e} of what {last} does."
        )
    if ratio > EXPLODING:
        return (
            f"The gradient explodes on its way to the input: {first} receives "
            f"{ratio:.1e} times what {last} does."
        )
    return (
        f"The gradient reaches the input: {first} receives {ratio:.2g} "
        f"times what {last} does."
    )


def judge_layers(
    gradient_rms: Mapping[str, float],
    not_finite: Mapping[str, float],
    weights_not_finite: Mapping[str, float] = MappingProxyType({}),
) -> str:
    """Says which layers of a model are in trouble, and why, as Markdown.

    Args:
        gradient_rms: RMS by layer.
        not_finite: how many entries of each layer's gradient are NaN or infinite.
        weights_not_finite: how many of its weights were so before the update.

    >>> judge_layers({"a": 0.2, "b": 0.1}, {"a": 0, "b": 0})
    'Every layer receives a gradient of its own size.'
    """
    # What comes of them says nothing more, not even where it is zero.
    lost = [layer for layer, count in weights_not_finite.items() if count]
    sick = [x for x, count in not_finite.items() if count and x not in lost]
    lines = [
        f"- **{layer}** has {weights_not_finite[layer]:.0f} NaN or infinite weights, "
        "which no step mends: begin again from weights that were saved before."
        for layer in lost
    ]
    lines += [
        f"- **{layer}** has {not_finite[layer]:.0f} NaN or infinite entries in its "
        "gradient: try a smaller learning rate, and look for log(0) or 0/0 in the loss."
        for layer in sick
    ]
    well = {x: rms for x, rms in gradient_rms.items() if x not in sick + lost}
    best = max(well, key=well.__getitem__, default="")
    for layer, rms in well.items():
        if rms == 0:
            lines.append(
                f"- **{layer}** receives no gradient at all: its units are dead (all "
                "negative before a ReLU), or the loss does not depend on it."
            )
        elif rms < VANISHING * well[best]:
            lines.append(
                f"- **{layer}** starves: its gradient, {rms:.1e}, is less than a "
                f"thousandth of that of {best}, {well[best]:.2g}. It vanishes on its "
                "way there: activations that saturate, or a start that shrinks it."
            )
    return "\n".join(lines) or "Every layer receives a gradient of its own size."


def judge_recurrent(layers: Sequence[str]) -> str:
    """Says of recurrent layers what their gradients do not tell.

    The gradient of a recurrent layer's weights adds up those of all time steps, so it
    looks well where the first steps add next to nothing (Bengio, Simard & Frasconi
    1994).

    Args:
        layers: their names.

    >>> judge_recurrent(["lstm"])
    'The gradient through time inside lstm is not seen: it may vanish on its way to \
the first time steps though nothing above says so.'
    """
    if not layers:
        return ""
    return (
        f"The gradient through time inside {', '.join(layers)} is not seen: it may "
        "vanish on its way to the first time steps though nothing above says so."
    )
