"""Where gradients vanish, explode or stop: their RMS by layer in, words out."""

import math
from collections.abc import Mapping

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
