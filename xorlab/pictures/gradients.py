"""How strong a gradient reaches each layer, at some steps and over time."""

import math
from collections.abc import Mapping

from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from xorlab.diagnosis import VANISHING
from xorlab.pictures import style

# RMS by layer, input first, by step: what is logged as `gradient_rms/<layer>`.
Gradients = Mapping[int, Mapping[str, float]]

_UNIT = "gradient RMS (cost per unit of weight)"
_MOST_TICKS = 4
_MOST_ROWS = 40  # With a name.


def gradients_by_layer(runs: Mapping[str, Gradients]) -> Figure:
    """Draws gradient RMS against layer: a panel a run, a line a step.

    A dotted line is a thousandth of what the last layer receives at the first step:
    below it the gradient has vanished (`xorlab.diagnosis.VANISHING`). An exact zero,
    which has no logarithm, is a cross at the lower edge, and what is not finite a star
    at the upper one. Layers that a step is not of have no point in its line.

    Args:
        runs: gradients by step, one step at least, by the panel's title.
    """
    names = [name for run in runs.values() for name in style.told_apart(_layers(run))]
    longest = max(map(len, names))
    figure = style.blank(0.9 + 3.6 * max(len(runs), 1.4), 3.5 + 0.1 * longest)
    panels = figure.subplots(1, len(runs), sharey=True, squeeze=False)[0]
    values = [
        rms for run in runs.values() for step in run.values() for rms in step.values()
    ]
    bottom, top = style.decades(values)
    entries: dict[str, Artist] = {}
    for axes, (title, run) in zip(panels, runs.items(), strict=True):
        layers = _layers(run)
        for number, (step, rms) in enumerate(run.items()):
            looks = style.line(number)
            drawn = [x if 0 < x < math.inf else math.nan for x in _of(rms, layers)]
            [line] = axes.semilogy(range(len(layers)), drawn, **looks)
            if not all(map(math.isnan, drawn)):
                entries[f"step {step:,}"] = line
            zeros = [layers.index(x) for x in rms if rms[x] == 0]
            lost = [layers.index(x) for x in rms if not math.isfinite(rms[x])]
            for places, height, marker, word in (
                (zeros, bottom, "x", "exactly 0"),
                (lost, top, "*", "not finite"),
            ):
                if places:
                    [mark] = axes.plot(
                        places,
                        [height] * len(places),
                        marker,
                        color=looks["color"],
                        # The later, the larger: they may lie upon each other.
                        markersize=6 + 3 * number,
                        clip_on=False,
                    )
                    entries[f"step {step:,}: {word}"] = mark
        first = next(iter(run))
        last = list(run[first].values())[-1]
        if last > 0:
            vanished = VANISHING.value * last
            line = axes.axhline(vanished, color="black", linestyle=":")
            if vanished > bottom:  # Else it is below the picture.
                entries[f"1/1000 of the last layer's, step {first:,}"] = line
        axes.set_ylim(bottom, top)
        axes.set_title(style.shortened(title, 48), fontsize="medium")
        style.name_layers(axes, layers)
        axes.grid(alpha=0.3)
    style.mark_decades(panels[0].yaxis)
    panels[0].set_ylabel(_UNIT)
    across = 3 if len(entries) < 4 else 2
    figure.legend(entries.values(), entries, loc="outside lower center", ncols=across)
    return figure


def gradients_over_time(gradients: Gradients) -> Figure:
    """Draws gradient RMS as colour: a row a layer, input first, a column a step.

    Args:
        gradients: by step, one at least; the columns are as wide as each other, however
            far steps are apart.
    """
    steps, layers = list(gradients), _layers(gradients)
    by_step = [_of(rms, layers) for rms in gradients.values()]
    table = list(zip(*by_step, strict=True))
    bottom, top = style.decades(value for row in table for value in row)
    colours = colormaps[style.MAP].with_extremes(under=style.ZERO, bad="white")
    # A zero is below what the colours begin with; NaN has none.
    shown = [[value if value else bottom / 1e3 for value in row] for row in table]

    # Of few layers as high as of six, where the words beside it have room.
    figure = style.blank(7.2, 1.7 + 0.24 * min(max(len(layers), 6), _MOST_ROWS))
    axes = figure.add_subplot()
    image = axes.imshow(
        shown,
        norm=LogNorm(bottom, top),
        cmap=colours,
        aspect="auto",
        interpolation="nearest",
    )
    apart = math.ceil(len(layers) / _MOST_ROWS)
    rows = range(0, len(layers), apart)
    names = style.told_apart(layers)
    axes.set_yticks(rows, [names[row] for row in rows])
    apart = math.ceil(len(steps) / _MOST_TICKS)
    columns = range(0, len(steps), apart)
    axes.set_xticks(columns, [f"{steps[column]:,}" for column in columns])
    axes.set(xlabel="step", ylabel="layer, from the input")
    bar = figure.colorbar(image, ax=axes, label=_UNIT.replace(" (", "\n("))
    style.mark_decades(bar.ax.yaxis)
    values = [value for row in table for value in row]
    others = []
    if 0 in values:
        others.append(Patch(facecolor=style.ZERO, label="exactly 0"))
    if not all(map(math.isfinite, values)):
        others.append(
            Patch(facecolor="white", edgecolor="black", label="none, or not finite")
        )
    if others:
        figure.legend(handles=others, loc="outside upper right", ncols=len(others))
    return figure


def _of(rms, layers):
    return [rms.get(layer, math.nan) for layer in layers]


def _layers(run):
    """All layers of a run, in order; a step may be of some of them only."""
    return list(dict.fromkeys(x for rms in run.values() for x in rms))
