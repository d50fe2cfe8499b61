"""What a layer's outputs tell of it, in numbers. N rows, D outputs of each."""

import math

import numpy as np

# Where the slope is a tenth of the largest: see `xorlab.steps.units`.
_SLOPE = 0.1
_ALMOST = 1e-7  # A hypothesis nearer to 0 or 1 is rounding.


def separation(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns how near two rows of different label are, by the largest output.

    Args:
        outputs: `[..., N, D]`.
        labels: `[N, ...]`.

    Returns:
        `[...]`; NaN where all outputs are zero, or all labels the same.

    >>> float(separation(np.array([[0.0], [3.0], [4.0]]), np.array([0, 1, 1])))
    0.75
    """
    labels = labels.reshape(len(labels), -1)
    one, other = np.nonzero((labels[:, None] != labels[None]).any(axis=-1))
    if not one.size:
        return np.full(outputs.shape[:-2], np.nan)
    apart = outputs[..., one, :] - outputs[..., other, :]
    least = np.linalg.norm(apart, axis=-1).min(axis=-1)
    largest = np.abs(outputs).max(axis=(-2, -1))
    return np.divide(least, largest, out=np.full_like(least, np.nan), where=largest > 0)


def spread(outputs: np.ndarray, activation: str | None) -> np.ndarray:
    """Returns the largest standard deviation over rows of one of the outputs.

    Args:
        outputs: `[..., N, D]`.
        activation: the layer's; of what a sigmoid or softmax ends a model with, it is
            that of the scores that it was given, as far as they can be told.

    Returns:
        `[...]`.
    """
    if activation == "sigmoid":
        p = np.clip(outputs, _ALMOST, 1 - _ALMOST)
        outputs = np.log(p) - np.log1p(-p)
    elif activation == "softmax":
        outputs = np.log(np.maximum(outputs, _ALMOST))
    return outputs.std(axis=-2).max(axis=-1)


def saturated(outputs: np.ndarray, activation: str | None) -> np.ndarray | None:
    """Returns the share of outputs at which the slope is next to zero.

    Args:
        outputs: `[..., N, D]`.
        activation: the layer's.

    Returns:
        `[...]`; None of an activation that does not saturate.
    """
    if activation == "tanh":
        slopes = 1 - outputs**2
    elif activation == "sigmoid":
        slopes = 4 * outputs * (1 - outputs)
    else:
        return None
    return np.mean(slopes < _SLOPE, axis=(-2, -1))


def number_or_none(number: float) -> float | None:
    """Returns a number as it is, and None for NaN: nothing was measured.

    >>> number_or_none(0.5), number_or_none(math.nan)
    (0.5, None)
    """
    return None if math.isnan(number) else number
