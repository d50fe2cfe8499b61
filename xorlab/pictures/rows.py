"""What each layer makes of the four rows of XOR."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from xorlab.models import data
from xorlab.pictures import style


def rows_by_layer(activations: Mapping[str, np.ndarray]) -> Figure:
    """Draws every layer's output for the four rows, and how far these are apart.

    Above, a row is a row of XOR and a column a unit, from the layer's smallest output
    to its largest; below, the largest difference between two rows, on a log scale.
    Where a layer gives two rows one output, nothing after it can tell them apart: three
    rows that are one cost ¾·H(⅔) = 0.4774 at the least.

    Args:
        activations: `[4, O]` by layer, input first.
    """
    layers = list(activations)
    longest = max(map(len, style.told_apart(layers)))
    figure = style.blank(1.6 + 0.75 * max(len(layers), 6), 3.9 + 0.1 * longest)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.5, 1))
    for at, output in enumerate(activations.values()):
        # Each layer is an image of its own, with its own least and largest.
        around = (at - 0.45, at + 0.45, 3.5, -0.5)
        shown = np.ma.masked_invalid(output)
        above.imshow(
            shown, extent=around, aspect="auto", cmap=style.MAP, interpolation="nearest"
        )
        different = len(np.unique(output, axis=0))
        said = f"{different}\ndifferent" if different > 1 else "all\nalike"
        if not np.isfinite(output).all():
            said = "not\nfinite"
        above.text(at, -0.6, said, ha="center", va="bottom", fontsize="small")
    above.set(xlim=(-0.55, len(layers) - 0.45), ylim=(3.5, -0.5))
    above.set_title(
        "Outputs for the four rows, from each layer's least to its largest",
        fontsize="medium",
        pad=32,
    )
    rows = zip(data.INPUTS, data.LABELS, strict=True)
    above.set_yticks(range(4), [f"({a:.0f},{b:.0f})→{y:.0f}" for (a, b), [y] in rows])
    above.tick_params(length=0, labelbottom=False)
    above.spines[:].set_visible(False)

    with np.errstate(invalid="ignore", over="ignore"):
        apart = [float(np.ptp(x, axis=0).max()) for x in activations.values()]
    drawn = [value if 0 < value < np.inf else np.nan for value in apart]
    below.semilogy(range(len(layers)), drawn, **style.line(0))
    bottom, top = style.decades(apart)
    zeros = [at for at, value in enumerate(apart) if value == 0]
    below.plot(zeros, [bottom] * len(zeros), "x", color="black", clip_on=False)
    below.set_ylim(bottom, top)
    below.set_ylabel("largest difference\nbetween two rows\n(× : exactly 0)")
    below.grid(alpha=0.3)
    style.mark_decades(below.yaxis)
    style.name_layers(below, layers)
    return figure
