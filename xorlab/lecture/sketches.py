"""What the lecture's pictures show, drawn anew from their structure and numbers.

The pictures themselves are the course's, and are not here. Curves were read off
pictures 06 and 10: costs to 0.01 (0.0005 in picture 06), steps to 500.
"""

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from xorlab import pictures
from xorlab.models.activations import ACTIVATIONS
from xorlab.pictures import style

_READ_OFF = "the lecture's picture {}, read off"
# Picture 06. Cost by step; and from when to when the accuracy is 0.75, else 0.5.
_STUCK = {0: 0.7075, 2_000: 0.6931, 200_000: 0.6931}
_FLICKERS = (
    (149_000, 150_500),
    (152_500, 155_000),
    (178_000, 181_500),
    (185_500, 187_500),
    (195_000, 195_500),
    (197_500, 200_000),
)
# Picture 10.
_LEARNT = {0: 0.66, 1_000: 0.11, 2_000: 0.06, 3_000: 0.04, 4_000: 0.03, 5_000: 0.025}
_LEARNT |= {7_500: 0.015, 10_000: 0.01, 20_000: 0.008, 40_000: 0.003, 60_000: 0.002}
_FACTORS = (0.01, 0.01, 0.03)  # Picture 08.
_BOX, _OPENED = "#D9E6E6", "#F3F8F8"


def weights_by_hand() -> Figure:
    """Draws picture 01: two maps, set by hand."""
    first = "W1 = [5  -7]\n        [5  -7]\nb1 = [-8  3]"
    return _network([2, 2, 1], [first, "W2 = [-11]\n        [-11]\nb2 = 6"])


def three_matrices() -> Figure:
    """Draws picture 02: three maps that learn."""
    return _network([2, 5, 4, 1], ["W1\n2 × 5", "W2\n5 × 4", "W3\n4 × 1"])


def graph() -> Figure:
    """Draws picture 04: the scopes of picture 03, as TensorBoard shows them."""
    axes = _canvas(7.2, 2.3)
    names = [*(f"layer{n}" for n in range(1, 11)), "last"]
    axes.text(0.15, 1.0, "X-input", rotation=90, ha="center", va="center")
    small = {"fontsize": 8, "ha": "center"}
    for number, name in enumerate(names, start=1):
        x = 0.62 * number
        _arrow(axes, (x - 0.4, 1.0), (x - 0.15, 1.0))
        _box(axes, x, 1.0, 0.3, 0.8, name, rotation=90)
        for at, weight in ((x - 0.1, f"Weight{number}"), (x + 0.12, f"Bias{number}")):
            axes.text(at, 1.7, weight, rotation=90, va="bottom", **small)
            _box(axes, at, 1.58, 0.1, 0.16, dashed=True)
            _arrow(axes, (at, 1.5), (at, 1.4))
        _arrow(axes, (x, 0.6), (x, 0.46))
        _box(axes, x, 0.37, 0.1, 0.16, dashed=True)
        axes.text(x, 0.25, "train", va="top", **small)
    return axes.figure


def layer_opened() -> Figure:
    """Draws picture 10's graph: what is inside of `layer6`."""
    axes = _canvas(4.2, 4.6)
    _box(axes, 2.1, 2.3, 2.9, 2.1, face=_OPENED)
    axes.text(0.75, 3.2, "layer6", va="center")
    layers = {"layer4": 0.25, "layer5": 0.85, "layer7": 3.75, "layer8": 4.35}
    ops = {"MatMul": 1.6, "add": 2.3, "Relu": 3.0}
    ordered = [*list(layers.items())[:2], *ops.items(), *list(layers.items())[2:]]
    weights = {"MatMul": "Weight6", "add": "Bias6"}
    for name, y in ordered:
        is_op = name in ops
        _box(axes, 2.1, y, 0.75, 0.3, name, face="white" if is_op else _BOX)
        before = [weights[name]] if name in weights else []
        if not is_op:
            before = [f"Weight{name[5:]}, Bias{name[5:]}"]
        for words in before:
            axes.text(1.35, y, words, fontsize=8, ha="right", va="center")
            _arrow(axes, (1.4, y), (1.7, y))
        if name != "add":
            axes.text(2.85, y, "train", fontsize=8, va="center")
            _arrow(axes, (2.5, y), (2.8, y))
    for (_, below), (_, above) in zip(ordered, ordered[1:], strict=False):
        _arrow(axes, (2.1, below + 0.15), (2.1, above - 0.15))
    return axes.figure


def stuck() -> Figure:
    """Draws picture 06: a cost that stays, an accuracy that flickers."""
    accuracy = {0: 0.5}
    for begin, end in _FLICKERS:
        accuracy |= {begin - 1: 0.5, begin: 0.75, end: 0.75, end + 1: 0.5}
    accuracy.pop(200_001)
    return _curves("06", _STUCK, accuracy)


def learnt() -> Figure:
    """Draws picture 10's curves: a cost that falls, an accuracy of 1."""
    return _curves("10", _LEARNT, {0: 0.5, 500: 1.0, 60_000: 1.0})


def product() -> Figure:
    """Draws picture 08: what a few factors of the chain rule leave."""
    figure = style.blank(5.4, 3)
    axes = figure.add_subplot()
    left = np.cumprod([1.0, *_FACTORS])
    axes.semilogy(range(len(left)), left, **style.line(0))
    axes.set_xticks(range(len(left)), ["1", *(f"× {x}" for x in _FACTORS)])
    axes.set(xlabel="factors, from the cost to the input", ylim=(1e-6, 2))
    axes.set_ylabel("their product")
    style.mark_decades(axes.yaxis)
    axes.grid(alpha=0.3)
    return figure


def two_activations() -> Figure:
    """Draws picture 09: sigmoid against ReLU."""
    figure = style.blank(5.4, 3)
    axes = figure.add_subplot()
    z = np.linspace(-6, 6, 241, dtype=np.float32)
    for number, name in enumerate(("sigmoid", "relu")):
        looks = style.line(number) | {"marker": ""}
        axes.plot(z, ACTIVATIONS[name](z), label=name, **looks)
    axes.set(xlabel="z", ylabel="f(z)", ylim=(-0.1, 2.1))
    axes.legend()
    axes.grid(alpha=0.3)
    return figure


def curves_and_formulas() -> Figure:
    """Draws picture 11: six activations; maxout has a formula alone."""
    figure = style.blank(7.2, 4.6)
    names = ("sigmoid", "tanh", "relu", "leaky_relu", "maxout", "elu")
    x = np.linspace(-10, 10, 201, dtype=np.float32)
    for axes, name in zip(figure.subplots(2, 3).flat, names, strict=True):
        activation = ACTIVATIONS[name]
        axes.set_title(f"{name}\n{activation.formula}", fontsize="small")
        if activation.pieces == 1:
            axes.plot(x, activation(x), **style.line(0) | {"marker": ""})
            axes.grid(alpha=0.3)
        else:
            axes.set_axis_off()
    figure.supxlabel("x", fontsize="medium")
    return figure


# By chapter: the pictures' numbers, and what draws them.
SKETCHES: dict[str, tuple[tuple[str, Callable[[], Figure]], ...]] = {
    "handmade": (("01", weights_by_hand),),
    "shallow": (("02", three_matrices),),
    "sigmoid": (("04", graph), ("06", stuck)),
    "vanishing": (("08", product),),
    "relu": (("09", two_activations), ("10", layer_opened), ("10", learnt)),
    "gallery": (("11", curves_and_formulas),),
}


def _curves(number, cost, accuracy):
    run = _READ_OFF.format(number)
    return pictures.learning_curves({"cost": {run: cost}, "accuracy": {run: accuracy}})


def _network(units, maps):
    """Draws maps in a row, a sigmoid behind each, with as many lines as units."""
    across = 0.8 + 2 * len(maps)
    axes = _canvas(across, 1.5)
    axes.text(0.1, 0.75, "X", va="center")
    axes.text(across - 0.1, 0.75, "Y", ha="right", va="center")
    for at, (words, before) in enumerate(zip(maps, units, strict=False)):
        x = 1.3 + 2 * at
        for line in range(before):
            y = 0.75 + 0.16 * (line - (before - 1) / 2)
            _arrow(axes, (x - 1.0, y), (x - 0.65, y))
        _box(axes, x, 0.75, 1.3, 1.1, words)
        circle = {"boxstyle": "circle", "facecolor": "white"}
        axes.text(x + 0.82, 0.75, "σ", ha="center", va="center", bbox=circle)
    _arrow(axes, (across - 0.5, 0.75), (across - 0.25, 0.75))
    return axes.figure


def _canvas(width, height):
    """Axes without a frame, in inches."""
    axes = Figure(figsize=(width, height), dpi=100).add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    return axes


def _box(axes, x, y, width, height, words="", *, rotation=0, face=_BOX, dashed=False):
    corner = x - width / 2, y - height / 2
    patch = Rectangle(corner, width, height, facecolor=face, edgecolor="black")
    patch.set(linestyle="--" if dashed else "-", linewidth=0.8)
    axes.add_patch(patch)
    axes.text(x, y, words, rotation=rotation, fontsize=9, ha="center", va="center")


def _arrow(axes, start, end):
    looks = {"arrowstyle": "->", "shrinkA": 0, "shrinkB": 0, "linewidth": 0.8}
    axes.annotate("", end, start, arrowprops=looks)
