"""What layers return for some rows: how far it differs from row to row."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from xorlab.diagnosis import LayerStep
from xorlab.steps import naming
from xorlab.steps.hooks import Wrapped

# Rows whose distances are looked at: among many, two are always next to another.
_COMPARED = 16
# Where the slope is a tenth of the largest: see `xorlab.steps.units`.
_SLOPE = 0.1
# Of the largest direction's deviation: what less of is rounding.
_ROUNDING = 1e-5


def outputs_of(model: keras.Model, x: Any) -> dict[str, np.ndarray]:
    """Returns what each layer returned last for N rows, `[N, D]`, by name.

    Args:
        model: is called, and not trained.
        x: of N rows.
    """
    returned: dict[str, Any] = {}

    def note(name: str) -> Callable:
        def around(original, *args, **kwargs):
            returned[name] = output = original(*args, **kwargs)
            return output

        return around

    layers = naming.layers_seen(model).items()
    with Wrapped(*((layer, "call", note(name)) for name, layer in layers)):
        model(x, training=False)
    rows = len(keras.tree.flatten(x)[0])
    # Of tensors; layers may return anything.
    arrays = {
        name: np.asarray(keras.ops.cast(output, "float32"), np.float64)
        for name, output in returned.items()
        if keras.ops.is_tensor(output)
    }
    return {
        name: array.reshape(rows, -1)
        for name, array in arrays.items()
        if array.shape[:1] == (rows,) and array.size
    }


def measured(
    before: LayerStep, outputs: np.ndarray, activation: str | None, labels: Any
) -> LayerStep:
    """Adds what a layer's outputs tell to what a step says of it.

    Args:
        before: what the step says.
        outputs: `[N, D]`.
        activation: the layer's, if it is known.
        labels: of the N rows.
    """
    if not np.isfinite(outputs).all():
        return before
    deviations = np.linalg.svd(outputs - outputs.mean(axis=0), compute_uv=False)
    return dataclasses.replace(
        before,
        spread=float(_scores(outputs, activation).std(axis=0).max()),
        separation=separation(outputs, labels),
        rank=int((deviations > _ROUNDING * max(1e-30, deviations[0])).sum()),
        saturated=_saturated(outputs, activation),
    )


def _scores(outputs, activation):
    """What a sigmoid or softmax was given, as far as it can be told."""
    if activation == "sigmoid":
        outputs = np.clip(outputs, 1e-7, 1 - 1e-7)
        return np.log(outputs) - np.log1p(-outputs)
    return np.log(np.maximum(outputs, 1e-7)) if activation == "softmax" else outputs


def _saturated(outputs, activation):
    slopes = {"tanh": 1 - outputs**2, "sigmoid": 4 * outputs * (1 - outputs)}
    if activation not in slopes:
        return None
    return float((slopes[activation] < _SLOPE).mean())


def separation(outputs: np.ndarray, labels: Any) -> float | None:
    """Returns how near two rows of different labels are, by the largest output.

    None of many rows, of which two are always near, and where all labels are the same.
    """
    if not isinstance(labels, np.ndarray) or len(labels) > _COMPARED:
        return None
    labels = labels.reshape(len(labels), -1)
    differ = (labels[:, None] != labels[None]).any(axis=-1)
    largest = np.abs(outputs).max()
    if not differ.any() or not largest:
        return None
    distances = np.linalg.norm(outputs[:, None] - outputs[None], axis=-1)
    return float(distances[differ].min() / largest)
