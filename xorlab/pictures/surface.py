"""What a network answers over the unit square, and how that forms."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from xorlab.models import data
from xorlab.pictures import style


def square(side: int = 33) -> np.ndarray:
    """Returns points of the unit square, `[side², 2]`, x1 fastest."""
    x1, x2 = np.meshgrid(*[np.linspace(0, 1, side, dtype=np.float32)] * 2)
    return np.column_stack([x1.ravel(), x2.ravel()])


def surfaces(hypotheses: Mapping[int, np.ndarray]) -> Figure:
    """Draws a network's hypothesis over the unit square: a panel a step.

    A line is where it is 0.5, and it decides; the four numbers are XOR's labels. The
    colours are from 0 to 1, so that a network that answers 0.5 everywhere is of one.

    Args:
        hypotheses: those at the points of `square`, by step.
    """
    steps = len(hypotheses)
    across = steps if steps < 4 else math.ceil(math.sqrt(steps))
    down = math.ceil(steps / across)
    figure = style.blank(1.6 + 2.1 * across, 0.7 + 2.2 * down)
    panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for axes in panels.flat[steps:]:
        axes.set_axis_off()
    for axes, (step, flat) in zip(panels.flat, hypotheses.items(), strict=False):
        side = round(len(flat.ravel()) ** 0.5)
        y = flat.reshape(side, side)
        image = axes.imshow(
            y, origin="lower", extent=(0, 1, 0, 1), vmin=0, vmax=1, cmap=style.MAP
        )
        # Around 0.5 to the seventh digit it would draw the rounding.
        if y.min() < 0.499 and y.max() > 0.501:
            at = np.linspace(0, 1, side)
            axes.contour(at, at, y, [0.5], colors="white", linewidths=2)
        for (x1, x2), [label] in zip(data.INPUTS, data.LABELS, strict=True):
            axes.text(
                # Inside of the square, where the number does not meet the axis.
                0.08 + 0.84 * x1,
                0.08 + 0.84 * x2,
                f"{label:.0f}",
                ha="center",
                va="center",
                fontsize="small",
                bbox={"boxstyle": "circle", "facecolor": "white"},
            )
        lost = "" if np.isfinite(y).all() else "\nNaN or infinity"
        axes.set_title(f"step {step:,}{lost}", fontsize="medium")
        axes.set_xticks([0, 1])
        axes.set_yticks([0, 1])
    figure.supxlabel("x1", fontsize="medium")
    figure.supylabel("x2", fontsize="medium")
    figure.colorbar(image, ax=panels, label="hypothesis (above 0.5: a 1)")
    return figure
