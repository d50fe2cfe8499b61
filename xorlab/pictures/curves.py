"""Numbers over the steps of runs, as the lecture shows cost and accuracy."""

import math
from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from xorlab.pictures import style

# Least height of an axis, by the largest value on it: the seventh digit of a float32,
# where sums are rounded, is then no wider than the line.
_LEAST_SPAN = 0.02


def learning_curves(
    panels: Mapping[str, Mapping[str, Mapping[int, float]]], unit: str = "step"
) -> Figure:
    """Draws a panel a subject, below each other, and in each a line a run.

    What is not finite is a star at the upper edge.

    Args:
        panels: numbers by step, by run, by the name of the vertical axis. Where that is
            of an accuracy, the axis is from 0 to 1.
        unit: what numbers are by, such as `epoch`.
    """
    figure = style.blank(7.2, 0.8 + 2.3 * len(panels))
    every = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    runs = list(dict.fromkeys(run for panel in panels.values() for run in panel))
    for axes, (subject, panel) in zip(every, panels.items(), strict=True):
        for run, numbers in panel.items():
            looks = style.line(runs.index(run)) | {
                "markevery": max(1, len(numbers) // 12)
            }
            name = style.shortened(run, 40)
            axes.plot(list(numbers), list(numbers.values()), label=name, **looks)
            lost = [x for x, y in numbers.items() if not math.isfinite(y)]
            if lost:
                star = {"transform": axes.get_xaxis_transform(), "clip_on": False}
                star |= {"color": looks["color"], "label": f"{name}: not finite"}
                axes.plot(lost, [1] * len(lost), "*", **star)
        axes.set_ylabel(style.shortened(subject))
        if "accuracy" in subject:
            axes.set_ylim(-0.04, 1.04)
        else:
            _widen(axes)
        axes.grid(alpha=0.3)
    every[-1].set_xlabel(unit)
    # There is no half of a step, though it be the only one.
    whole = MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1)
    every[-1].xaxis.set_major_locator(whole)
    every[-1].xaxis.set_major_formatter("{x:,.0f}")
    # A run may have no line in the first panel.
    lines = {line.get_label(): line for axes in every for line in axes.lines}
    figure.legend(lines.values(), lines, loc="outside upper center", ncols=2)
    return figure


def _widen(axes):
    low, high = axes.get_ylim()
    least = _LEAST_SPAN * max(abs(low), abs(high))
    missing = max(0.0, least - (high - low))
    axes.set_ylim(low - missing / 2, high + missing / 2)
