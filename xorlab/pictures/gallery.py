"""The gallery of activations, with their slopes (the lecture's picture 11)."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from xorlab.models.activations import Activation
from xorlab.pictures import style

_INPUTS = np.linspace(-4, 4, 201, dtype=np.float32)  # [x]; the largest slopes are here.
# What stands for maxout's learnt maps: x and -x/2.
_MAPS = np.array([1.0, -0.5], dtype=np.float32)


def activation_gallery(table: Mapping[str, Activation]) -> Figure:
    """Draws each activation and its slope; it imports TensorFlow, to compute them.

    Args:
        table: `xorlab.models.ACTIVATIONS`, or a part of it.
    """
    across = min(4, len(table))
    down = math.ceil(len(table) / across)
    figure = style.blank(2.9 * across, 0.5 + 2.3 * down)
    panels = figure.subplots(down, across, squeeze=False).flat
    for axes in panels[len(table) :]:
        axes.remove()
    for axes, activation in zip(panels, table.values(), strict=False):
        value, slope = _sampled(activation)
        for number, (name, curve) in enumerate(
            {"f(x)": value, "slope f′(x)": slope}.items()
        ):
            axes.plot(_INPUTS, curve, label=name, **style.line(number) | {"marker": ""})
        axes.set_title(
            f"{activation.name}\n{activation.formula}\n"
            f"steepest {activation.largest_slope:.3g}",
            fontsize="small",
        )
        axes.set_ylim(-1.3, 3)
        axes.set_xticks(range(-4, 5, 2))
        axes.axhline(0, color="black", linewidth=0.5)
        axes.axvline(0, color="black", linewidth=0.5)
        axes.grid(alpha=0.3)
    figure.supxlabel("x, what comes into the unit", fontsize="medium")
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=2)
    return figure


def _sampled(activation):
    """Returns f and f' at all inputs."""
    import tensorflow as tf

    x = tf.constant(_INPUTS[:, None])
    with tf.GradientTape() as tape:
        tape.watch(x)
        pieces = x if activation.pieces == 1 else x * _MAPS[: activation.pieces]
        value = activation(pieces)
    return value.numpy().ravel(), tape.gradient(value, x).numpy().ravel()
