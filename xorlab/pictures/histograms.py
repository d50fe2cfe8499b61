"""Weights, activations and gradients as histograms, side by side."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from xorlab.pictures import style

# Histogram rows, `[K, 3]`: left, right and count of a bucket, as an event file holds.
Histograms = Mapping[str, np.ndarray]

_INK = style.line(0)["color"]
_NOTHING = np.empty([2, 0]), np.empty(0), 0.0


def histograms_by_layer(columns: Mapping[str, Histograms]) -> Figure:
    """Draws how large the numbers are, on a log scale: a column a kind, a row a layer.

    The sign is left out. Exact zeros have no logarithm: they are a grey bar of their
    own at the left. What all numbers share stands as one narrow bar.

    Args:
        columns: histogram rows by layer, input first, by kind: `weights` and the like.
            The rows of a kind are over the same axis.
    """
    # The longest first: one of all layers has them in the model's order.
    kinds = sorted(columns.values(), key=len, reverse=True)
    layers = list(dict.fromkeys(layer for kind in kinds for layer in kind))
    names = style.told_apart(layers)
    figure = style.blank(0.6 + 3.0 * len(columns), 0.9 + 0.55 * len(layers))
    panels = figure.subplots(len(layers), len(columns), sharex="col", squeeze=False)
    for column, (kind, by_layer) in enumerate(columns.items()):
        parts = {layer: _by_magnitude(rows) for layer, rows in by_layer.items()}
        low, high = style.decades(
            np.concatenate([x[0].ravel() for x in parts.values()])
        )
        # The axis is the logarithm itself, where the bar of zeros has a place, too.
        left, right = math.log10(low), math.log10(high)
        width = 0.04 * (right - left)
        for row, layer in enumerate(layers):
            axes = panels[row, column]
            edges, counts, zeros = parts.get(layer, _NOTHING)
            begins, ends = np.log10(edges)
            # A value that all share has no width.
            widths = np.maximum(ends - begins, width / 4)
            axes.bar(begins, counts, widths, align="edge", color=_INK)
            if layer in by_layer and not counts.size and not zeros:
                middle = {"ha": "center", "va": "center", "transform": axes.transAxes}
                axes.text(0.5, 0.5, "NaN or infinity alone", **middle)
            if zeros:
                looks = {"color": style.ZERO, "hatch": "///", "edgecolor": "black"}
                axes.bar(left - width, zeros, width, **looks)
            axes.set_xlim(left - 2 * width, right)
            axes.set_yticks([])
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"1e{x:.0f}"))
            if not column:
                axes.set_ylabel(names[row], rotation=0, ha="right", va="center")
        panels[0, column].set_title(kind, fontsize="medium")
    figure.supxlabel("size |x|; hatched at the left: exactly 0", fontsize="medium")
    return figure


def _by_magnitude(rows):
    """Returns the buckets' ends, `[2, K]`, their counts, and how many zeros."""
    left, right, count = np.asarray(rows).T
    filled = (count > 0) & (left * right > 0)
    edges = np.sort(np.abs([left[filled], right[filled]]), axis=0)
    zeros = count[(left <= 0) & (right >= 0)].sum()
    return edges, count[filled], zeros
