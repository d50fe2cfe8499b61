"""How all figures look: distinct to the colour-blind, and in grey.

Lines differ by colour, marker and dash at once; maps go from dark to bright.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

# Okabe & Ito 2008; their yellow is too bright for lines.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES = ("-", "--", "-.", ":")
MAP = "viridis"
ZERO = "#BBBBBB"  # Fills what stands for exact zeros.
_MOST_NAMES = 16  # Along an axis.


def blank(width: float, height: float) -> Figure:
    """Makes an empty figure; sizes in inches."""
    return Figure(figsize=(width, height), dpi=100, layout="constrained")


def line(number: int) -> dict[str, Any]:
    """Returns the looks of a figure's so-manieth line, from 0."""
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "marker": _MARKERS[number % len(_MARKERS)],
        "linestyle": _DASHES[number % len(_DASHES)],
        "markersize": 4.5,
        "linewidth": 1.5,
    }


def decades(numbers: Iterable[float]) -> tuple[float, float]:
    """Ends of a log axis: whole decades that hold what is positive; three at the least.

    So that numbers that are alike do not look far apart.
    """
    present = [number for number in numbers if 0 < number < math.inf] or [1.0]
    top = math.ceil(math.log10(max(present)) + 0.1)
    bottom = min(math.floor(math.log10(min(present)) - 0.1), top - 3)
    return 10.0**bottom, 10.0**top


def mark_decades(axis: Axis) -> None:
    """Writes powers of ten as the terminal does: 1e-8. Quicker than with exponents."""
    axis.set_major_locator(LogLocator(numticks=9))
    axis.set_major_formatter(lambda x, _: f"1e{round(math.log10(x))}")
    axis.set_minor_locator(NullLocator())


def name_layers(axes: Axes, layers: Sequence[str]) -> None:
    """Writes layers below the x axis, the first at 0: of many, every so-manieth."""
    apart = math.ceil(len(layers) / _MOST_NAMES)
    places = range(0, len(layers), apart)
    names = told_apart(layers)
    axes.set_xticks(places, [names[x] for x in places], rotation=90)
    axes.set_xlim(-0.5, len(layers) - 0.5)  # Also where a layer has no point.
    axes.set_xlabel("layer, from the input")


def shortened(name: str, most: int = 24) -> str:
    """Leaves out the middle of a long name.

    >>> shortened("encoder/block_1/attention/query", most=15)
    'encoder…n/query'
    """
    half = (most - 1) // 2
    return name if len(name) <= most else f"{name[:half]}…{name[-half:]}"


def told_apart(names: Sequence[str]) -> list[str]:
    """Shortens names; of those that would look alike, it keeps the words that differ.

    >>> told_apart([f"encoder/block_{n}/attention/query" for n in (1, 2)])
    ['encoder…1…', 'encoder…2…']
    """
    short = [shortened(name) for name in names]
    for alike in [x for x, times in Counter(short).items() if times > 1]:
        at = [n for n, x in enumerate(short) if x == alike]
        words = [re.split("[/_]", names[n]) for n in at]
        columns = list(itertools.zip_longest(*words, fillvalue=""))
        differ = [len(set(column)) > 1 for column in columns]
        for n, its in zip(at, words, strict=True):
            kept = [x for x, is_own in zip(its, differ, strict=False) if is_own]
            short[n] = shortened("…".join([its[0], *kept]) + "…")
    return short
