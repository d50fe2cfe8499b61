"""How gradients start, by mean-field theory: what infinitely wide networks would do.

>>> [f"{chi:.3f}" for chi in mean_field("sigmoid", depth=4, width=5).chi]
['0.092', '0.087']
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from xorlab.models import data
from xorlab.models.activations import ACTIVATIONS, Activation
from xorlab.models.initializers import DATA_DEPENDENT, LSUV, variance

# Axis letters: N rows, Q nodes, L weight layers.

# Where a standard normal is looked at: clear of zero, where slopes jump, and evenly, as
# the nodes of Gauss and Hermite lie too far apart for the slope of a tanh that is
# narrower than its inputs (in width 256 from U(-1, 1) they are off by a factor of 6).
_NODES = np.linspace(-7, 7, 120)
_WEIGHTS = np.exp(-(_NODES**2) / 2) / np.exp(-(_NODES**2) / 2).sum()


@dataclasses.dataclass(frozen=True)
class MeanField:
    """The start of `xorlab.models.deep`, on the four XOR rows.

    Attributes:
        chi: of each hidden layer but the first, the factor on the mean square of the
            gradient of pre-activations that it hands on to the layer before it:
            fan_in · Var(w) · E[f'(z)²] (Schoenholz et al. 2017, arXiv:1611.01232,
            section 3). Below 1 gradients vanish, above 1 they explode.
        bound: the same with the largest |f'| for f'(z): `chi` is never above it.
        gradient_rms: `[L]`, input first, in cost per unit of weight: as `rms_by_layer`
            defines it, the root of the mean square over networks.
    """

    chi: tuple[float, ...]
    bound: tuple[float, ...]
    gradient_rms: tuple[float, ...]


def mean_field(
    activation: str,
    depth: int,
    width: int,
    *,
    initializer: str = "uniform",
    init_scale: float = 1.0,
) -> MeanField:
    """Predicts how the gradients of `xorlab.models.deep` start.

    What two rows have in common is iterated from the data, layer by layer (Poole et al.
    2016, arXiv:1606.05340), and their gradients back from the loss. Both take the units
    of a layer as normal and independent, as they are if it is wide. Not taken into
    account is that `data_dependent` and `lsuv` scale the last layer by what four rows
    of a single unit happen to be: measured gradients below it are larger, mostly by a
    half.

    Over 8 networks of width 256, the ratios of hidden layers' `gradient_rms` are as
    measured within a third, whatever the activation and the start; at width 5 some are
    off by more than a half.

    Args:
        activation, depth, width, initializer, init_scale: those of `deep`.
    """
    chosen = ACTIVATIONS[activation]
    widths = [2] + [width] * (depth - 1) + [1]
    variances, slopes = [], []
    rows = data.INPUTS.astype(float)
    outputs = [rows @ rows.T / 2]  # [N, N] each: mean products of a unit on two rows.
    for layer, (fan_in, fan_out) in enumerate(zip(widths, widths[1:], strict=False), 1):
        of_weights = init_scale**2 * variance(initializer, fan_in, fan_out)
        sums = fan_in * of_weights * outputs[-1]
        if initializer == DATA_DEPENDENT:
            sums = sums - sums.mean(0) - sums.mean(1)[:, None] + sums.mean()
        if initializer in (DATA_DEPENDENT, LSUV):
            factor = init_scale**2 / np.diag(sums).mean()
            sums, of_weights = factor * sums, factor * of_weights
        variances.append(of_weights)
        if layer < depth:
            output, slope = _through(chosen, sums)
            outputs.append(output)
            slopes.append(slope)

    maps = [chosen.pieces] * (depth - 1) + [1]
    gradients = [_errors(sums)]  # Of the pre-activations, the last layer's first.
    for layer in reversed(range(1, depth)):
        receivers = widths[layer + 1] * maps[layer]
        passed = receivers * variances[layer] * gradients[-1]
        gradients.append(slopes[layer - 1] * passed)
    gradients.reverse()
    of_hidden = np.trace(gradients[:-1], axis1=1, axis2=2)
    squares = [
        # Of I weights and a bias of each unit.
        np.sum(gradient * (fan_in * output + 1)) / (fan_in + 1)
        for gradient, fan_in, output in zip(gradients, widths, outputs, strict=False)
    ]
    return MeanField(
        chi=tuple((of_hidden[:-1] / of_hidden[1:]).tolist()),
        bound=tuple(width * x * chosen.largest_slope**2 for x in variances[1:-1]),
        gradient_rms=tuple(np.sqrt(squares).tolist()),
    )


def _through(activation: Activation, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean products of outputs and of slopes, [N, N]; of one map's for maxout.

    Args:
        activation: f.
        sums: [N, N], mean products of pre-activations.
    """
    if activation.pieces == 1:
        values, slopes = activation, activation.slope
        return _mean_products(values, sums), _mean_products(slopes, sums)
    # max(a, b) = (s + |d|) / √2 of s = (a + b) / √2 and d = (a - b) / √2, which are as
    # a and b are, and independent; the slope is 1 for a where d is above zero.
    of_outputs = (sums + _mean_products(np.abs, sums)) / 2
    return of_outputs, _mean_products(lambda z: (z > 0).astype(float), sums)


def _errors(sums):
    """Returns mean products of the cost's gradient with respect to the last sums."""
    labels = data.LABELS[:, 0].astype(float)
    hypotheses = _mean_products(ACTIVATIONS["sigmoid"], sums)
    # The mean hypothesis is a half.
    crossed = (labels[:, None] + labels) / 2
    return (hypotheses - crossed + labels[:, None] * labels) / len(labels) ** 2


def _mean_products(f: Callable, sums: np.ndarray) -> np.ndarray:
    """Returns E[f(x) f(y)] for each two of N normal variables, of covariance `sums`."""
    deviations = np.sqrt(np.diag(sums))
    scales = np.outer(deviations, deviations)
    shared = np.divide(sums, scales, where=scales > 0, out=np.zeros_like(sums))
    shared = np.clip(shared, -1, 1)[..., None, None]
    other = shared * _NODES[:, None] + np.sqrt(1 - shared**2) * _NODES
    x = np.asarray(f(deviations[:, None] * _NODES))  # [N, Q]
    y = np.asarray(f(deviations[:, None, None] * other))  # [N, N, Q, Q]
    return np.einsum("i,j,ri,rsij->rs", _WEIGHTS, _WEIGHTS, x, y, optimize=True)
