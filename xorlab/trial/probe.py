"""What layers return for some rows: how far it differs from row to row."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from xorlab.diagnosis import LayerStep, representation
from xorlab.steps import naming
from xorlab.steps.hooks import Wrapped

# Rows whose distances are looked at: among many, two are always next to another.
_COMPARED = 16
# Rows whose directions are counted: whether they are many, so many tell.
_RANKED = 64
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
    saturated = representation.saturated(outputs, activation)
    few = outputs[:_RANKED]
    few = few - few.mean(axis=0)
    # The squares of its singular values, which take ten times longer of a wide matrix.
    is_wide = len(few) < few.shape[1]
    squares = np.linalg.eigvalsh(few @ few.T if is_wide else few.T @ few)
    return before._replace(
        spread=float(representation.spread(outputs, activation)),
        separation=separation(outputs, labels),
        rank=int((squares > _ROUNDING**2 * max(1e-60, squares[-1])).sum()),
        saturated=None if saturated is None else float(saturated),
    )


def separation(outputs: np.ndarray, labels: Any) -> float | None:
    """Returns `representation.separation` of `[N, D]`; None where it says nothing.

    Of many rows two are always near, so that it is None of them, too; and of rows that
    share no label, as those of a curve, which may be as near as theirs are.
    """
    if not isinstance(labels, np.ndarray) or len(labels) > _COMPARED:
        return None
    if len(np.unique(labels, axis=0)) == len(labels):
        return None
    found = representation.separation(outputs, labels)
    return representation.number_or_none(float(found))
