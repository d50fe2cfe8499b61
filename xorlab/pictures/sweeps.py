"""What sweeps found: drawn from the summaries of `xorlab.sweep.results`.

Axis labels name only the settings that differ between the cells shown.
"""

import math
from collections.abc import Callable, Sequence

from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from xorlab.pictures import style
from xorlab.pictures.heatmap import heat_map
from xorlab.settings import spelled

# How a picture writes a value of a setting.
_LABELS: dict[str, Callable[..., str]] = {
    "depth": "{} layers".format,
    "width": "width {}".format,
    "initializer": str,
    "init_scale": lambda scale: f"× {spelled(scale)}",
    "learning_rate": lambda rate: f"rate {spelled(rate)}",
}


def phase_diagram(summaries: Sequence) -> Figure:
    """Draws the share solved, as colour and number, activation by all other settings.

    Args:
        summaries: a `Summary` a cell.
    """
    activations = list(dict.fromkeys(s.cell.activation for s in summaries))
    columns = list(dict.fromkeys(_others(summaries)))
    shares = [[math.nan] * len(columns) for _ in activations]
    for summary, column in zip(summaries, _others(summaries), strict=True):
        row = activations.index(summary.cell.activation)
        shares[row][columns.index(column)] = summary.share

    networks = sorted({summary.n for summary in summaries})
    steps = sorted({summary.cell.steps for summary in summaries})
    title = (
        f"Share of {_span(networks)} networks that solve XOR in {_span(steps)} steps"
    )
    return heat_map(shares, activations, columns, title, "share solved")


def gradients_by_depth(summaries: Sequence) -> Figure:
    """Draws the median gradient RMS of every layer before training, a line a cell.

    Args:
        summaries: a `Summary` a cell.
    """
    activations = list(dict.fromkeys(s.cell.activation for s in summaries))
    columns = list(dict.fromkeys(_others(summaries)))
    across = math.ceil(math.sqrt(len(activations)))
    down = math.ceil(len(activations) / across)
    lines = sum(2 + column.count("\n") for column in columns)
    size = (1.5 + 3.2 * across, max(0.6 + 2.4 * down, 0.4 + 0.14 * lines))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).flat
    for axes in panels[len(activations) :]:
        axes.remove()
    for activation, axes in zip(activations, panels, strict=False):
        axes.set_title(activation, fontsize="medium")
        axes.grid(alpha=0.3)
        for summary, column in zip(summaries, _others(summaries), strict=True):
            if summary.cell.activation == activation:
                # Dark to bright in the order of the grid; zeros have no logarithm.
                shade = columns.index(column) / max(1, len(columns))
                rms = [value or math.nan for value in summary.gradient_rms_start]
                layers = range(1, len(rms) + 1)
                looks = style.line(columns.index(column)) | {"color": _colour(shade)}
                axes.semilogy(layers, rms, label=column, **looks)
    most = max(len(summary.gradient_rms_start) for summary in summaries)
    figure.axes[0].set_xlim(0.5, most + 0.5)
    figure.axes[0].xaxis.set_major_locator(
        MaxNLocator("auto", integer=True, min_n_ticks=1)
    )
    style.mark_decades(figure.axes[0].yaxis)
    figure.supxlabel("layer, from the input", fontsize="medium")
    figure.supylabel("median gradient RMS before training", fontsize="medium")
    handles: dict[str, Artist] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(handles.values(), handles, loc="outside right upper")
    return figure


def _others(summaries):
    """Labels every cell by the settings, except activation, in which cells differ."""
    differing = [
        name
        for name in _LABELS
        if len({getattr(summary.cell, name) for summary in summaries}) > 1
    ] or ["depth"]
    return [
        "\n".join(_LABELS[name](getattr(s.cell, name)) for name in differing)
        for s in summaries
    ]


def _span(numbers):
    low, high = numbers[0], numbers[-1]
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _colour(shade):
    return colormaps[style.MAP](0.9 * shade)


# What is drawn of a finished sweep, into a file of the function's name.
OF_SWEEPS = (phase_diagram, gradients_by_depth)
