"""What there is to say of data and of outputs, as the evidence that is judged."""

import dataclasses
from typing import Any

import keras
import numpy as np

from xorlab.diagnosis import Evidence, StepEvidence
from xorlab.trial.probe import separation


def with_data(
    known: Evidence, x: Any, y: Any, sample_weight: np.ndarray | None = None
) -> Evidence:
    """Adds to what is known of a model what its data are.

    Args:
        known: of the model.
        x: arrays of rows, in any structure.
        y: those of labels; what is said of them is of a single array.
        sample_weight: what each row counts in the loss; None for 1.
    """
    numbers = [a for a in keras.tree.flatten(x) if _is_size(a, known)]
    squares = [np.mean(np.square(a, dtype=float)) for a in numbers]
    is_one = isinstance(x, np.ndarray) and len(numbers) == 1
    steps = known.steps
    # A loss of one's own may mask labels that are missing.
    is_keras_s = hasattr(keras.losses, known.loss_name or "")
    for name, part in (("x", x), ("y", y if is_keras_s else None)):
        arrays = [a for a in keras.tree.flatten(part) if _is_float(a)]
        rows = sum(_lost_rows(a) for a in arrays)
        if rows:
            place = f"{name} of the batch ({rows} rows of the data)"
            steps = [StepEvidence(step=0, not_finite=place)]
            break
    known = dataclasses.replace(
        known,
        steps=steps,
        input_rms=float(np.sqrt(np.mean(squares))) if squares else None,
        input_separation=separation(x.reshape(len(x), -1), y) if is_one else None,
    )
    if not isinstance(y, np.ndarray) or not np.issubdtype(y.dtype, np.number):
        return known
    labels = y.astype(float)
    if known.ignored_label is not None:
        labels = labels[labels != known.ignored_label]
    if not labels.size or not np.isfinite(labels).all():
        return known
    return dataclasses.replace(
        known,
        labels=(float(labels.min()), float(labels.max())),
        classes=_classes(labels, known.loss_name),
        guessing_loss=_guessing_loss(labels, known.loss_name, sample_weight),
    )


def _is_float(array):
    return array is not None and np.issubdtype(array.dtype, np.floating)


def _is_size(array, known):
    """Whether the numbers of an array are sizes, and not those of words."""
    has_words = any(layer.kind == "Embedding" for layer in known.layers)
    is_whole = array is not None and np.issubdtype(array.dtype, np.integer)
    return _is_float(array) or (is_whole and not has_words)


def _lost_rows(array):
    return int((~np.isfinite(array.reshape(len(array), -1))).any(axis=1).sum())


def _classes(labels, loss):
    if loss == "categorical_crossentropy":
        return labels.shape[-1]
    if loss in ("binary_crossentropy", "sparse_categorical_crossentropy"):
        return len(np.unique(labels))
    return None


def _guessing_loss(labels, loss, weights):
    """The loss of the best prediction that is the same for all rows; None of others."""
    if loss == "mean_absolute_error" and weights is None:
        return float(np.abs(labels - np.median(labels, axis=0)).mean())
    if weights is None:
        weights = np.ones(len(labels))
    if weights.size != len(labels) or not weights.sum() > 0:
        return None
    of_rows = _at_weighted_mean(labels, loss, weights.ravel())
    return None if of_rows is None else float(weights.mean() * of_rows)


def _at_weighted_mean(labels, loss, weights):
    """Likewise, as the mean of rows by their weights."""
    means = np.average(labels, axis=0, weights=weights)
    if loss == "mean_squared_error":
        return np.average(np.square(labels - means), axis=0, weights=weights).mean()
    if loss == "sparse_categorical_crossentropy":
        classes, places = np.unique(labels, return_inverse=True)
        every = np.broadcast_to(weights, labels.shape[::-1]).T
        counts = np.bincount(places.ravel(), every.ravel(), len(classes))
        return _entropy(counts / counts.sum())
    if loss == "categorical_crossentropy":
        return _entropy(means.reshape(-1, labels.shape[-1]).mean(axis=0))
    if loss == "binary_crossentropy" and 0 <= labels.min() and labels.max() <= 1:
        return np.mean([_entropy(np.array([p, 1 - p])) for p in means.ravel()])
    return None


def _entropy(shares):
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())
