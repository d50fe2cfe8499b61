"""What tables of images found: drawn from the summaries of `xorlab.images.summary`."""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from xorlab.pictures.heatmap import heat_map


def accuracies(summaries: Sequence) -> Figure:
    """Draws the mean accuracy, activation by start, with what the table says of each.

    Args:
        summaries: a `Summary` a cell.
    """
    activations = list(dict.fromkeys(s.activation for s in summaries))
    starts = list(dict.fromkeys(s.initializer for s in summaries))
    values = [[math.nan] * len(starts) for _ in activations]
    words = [[""] * len(starts) for _ in activations]
    for summary in summaries:
        row = activations.index(summary.activation)
        column = starts.index(summary.initializer)
        values[row][column] = summary.mean
        words[row][column] = summary.shown().replace(", ", "\n")
    seeds = summaries[0].n
    title = f"Images named right, in %: mean ± spread of {seeds} seeds"
    return heat_map(values, activations, starts, title, "mean accuracy", words)
