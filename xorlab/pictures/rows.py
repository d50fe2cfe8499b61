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
    figure = style.blank(1.6 + 0.75 * max(len(layers), 6), 4.6)
    figure.suptitle(
        "Each layer's outputs for the four rows, from the least (dark) to the largest",
        fontsize="medium",
    )
    grid = figure.add_gridspec(2, len(layers), height_ratios=(1.5, 1))
    for column, output in enumerate(activations.values()):
        axes = figure.add_subplot(grid[0, column])
        axes.imshow(output, aspect="auto", cmap=style.MAP, interpolation="nearest")
        different = len(np.unique(output, axis=0))
        said = f"{different} different" if different > 1 else "all alike"
        axes.set_title(said.replace(" ", "\n"), fontsize="small")
        axes.set_xticks([])
        names = [f"({x1:.0f},{x2:.0f})→{y[0]:.0f}" for (x1, x2), y in _xor()]
        axes.set_yticks(range(4), [] if column else names)
        if column:
            axes.tick_params(length=0)
    apart = figure.add_subplot(grid[1, :])
    differences = [float(np.ptp(x, axis=0).max()) for x in activations.values()]
    drawn = [value or np.nan for value in differences]
    apart.semilogy(range(len(layers)), drawn, **style.line(0))
    bottom, top = style.decades(differences)
    zeros = [at for at, value in enumerate(differences) if value == 0]
    apart.plot(zeros, [bottom] * len(zeros), "x", color="black", clip_on=False)
    apart.set(xlim=(-0.5, len(layers) - 0.5), ylim=(bottom, top))
    apart.set_ylabel("largest difference\nbetween two rows\n(× : exactly 0)")
    apart.grid(alpha=0.3)
    style.name_layers(apart, layers)
    return figure


def _xor():
    return zip(data.INPUTS, data.LABELS, strict=True)
