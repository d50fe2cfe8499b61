"""The single changes of a model that a finding may advise."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from xorlab.diagnosis.output import is_of_numbers
from xorlab.models import Affine
from xorlab.steps.units import activation_of
from xorlab.trial import starts
from xorlab.trial.batches import Batches
from xorlab.trial.clones import Clones, LayerChange
from xorlab.trial.facts import with_data
from xorlab.trial.parts import inner, last_layers, may_change, with_activation
from xorlab.trial.training import Batch
from xorlab.watching.anatomy import evidence_of

# A rate is tried so many powers of ten away.
_POWERS = 4
# Pascanu et al. 2013, section 3.2, find that training depends little on it.
_CLIPPED_AT = 1.0
# What to try in place of an activation: first what has a slope of 1 on one side.
_INSTEAD = {
    "sigmoid": ("relu", "elu"),
    "hard_sigmoid": ("relu", "elu"),
    "tanh": ("relu", "elu"),
    "softsign": ("relu", "elu"),
    "softplus": ("relu", "elu"),
    "relu": ("leaky_relu", "elu"),
    "relu6": ("leaky_relu", "elu"),
}


@dataclasses.dataclass(frozen=True)
class Change:
    """One change of a model, or of what it trains on.

    Attributes:
        remedy: its kind, of `xorlab.diagnosis.REMEDIES`.
        words: what it changes.
        layer: what is to stand in a layer's place, or None.
        optimizer: what in the optimizer's config is to be otherwise.
        loss: in place of the model's; None leaves that.
        start: is given a clone, and rows of inputs, to set its weights.
        data: returns a batch as it is to be: x, y and sample_weight.
    """

    remedy: str
    words: str
    layer: LayerChange = lambda layer: None
    optimizer: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    loss: Any = None
    start: Callable[[keras.Model, Any], None] = lambda clone, x: None
    data: Callable[[Batch], Batch] = lambda batch: batch


def changes(remedy: str, clones: Clones, batches: Batches) -> Iterator[Change]:
    """Yields the changes of a kind that a model allows, the likeliest first.

    Args:
        remedy: one of `xorlab.diagnosis.REMEDIES`.
        clones: of the model.
        batches: what it trains on.
    """
    known = with_data(evidence_of(clones.model), batches.x, batches.y)
    if remedy == "activation" and clones.has_parts:
        yield from _activations(clones.model)
    elif remedy == "initializer":
        yield Change(remedy, "he_normal weights, zero biases", start=starts.redrawn)
        yield Change(remedy, "a start that fits the data", start=starts.fitted)
    elif remedy == "normalize" and clones.has_parts:
        yield from _normalized(clones.model)
    elif remedy == "clip":
        clipped = {"global_clipnorm": _CLIPPED_AT, "clipnorm": None, "clipvalue": None}
        words = f"the gradient clipped to a norm of {_CLIPPED_AT:g}"
        yield Change(remedy, words, optimizer=clipped)
    elif remedy in ("rate/10", "rate*10"):
        yield from _rates(remedy, clones.model.optimizer)
    elif remedy in ("output", "loss"):
        yield from _outputs(remedy, clones, known)
    elif remedy == "labels" and is_of_numbers(known):
        scaled = _scaled(batches.y)
        words = "labels of mean 0 and variance 1"
        yield Change(remedy, words, data=lambda batch: _with(batch, y=scaled))
    elif remedy == "labels" and known.labels is not None:
        least = known.labels[0]
        words = f"labels from 0 on, {least:g} taken off"

        def lowered(y):
            return y - np.array(least, y.dtype)

        yield Change(remedy, words, data=lambda batch: _with(batch, y=lowered))
    elif remedy == "inputs":
        of_x = _scaled(batches.x)
        words = "inputs of mean 0 and variance 1"
        yield Change(remedy, words, data=lambda batch: _with(batch, of_x))
        if is_of_numbers(known):
            of_y = _scaled(batches.y)
            words = "inputs and labels of mean 0 and variance 1"
            yield Change(remedy, words, data=lambda batch: _with(batch, of_x, of_y))
    elif remedy == "data":
        yield Change(remedy, "rows with NaN or infinity left out", data=_finite_rows)


def _activations(model):
    last = {id(layer) for layer in last_layers(model)}
    layers = [x for x in inner(model) if id(x) not in last and may_change(x)]
    found = {activation_of(x) for x in layers}
    for name in dict.fromkeys(y for x in _INSTEAD if x in found for y in _INSTEAD[x]):
        chosen = {
            id(x) for x in layers if name in _INSTEAD.get(activation_of(x) or "", ())
        }

        def change(layer, name=name, chosen=chosen):
            return with_activation(layer, name) if id(layer) in chosen else None

        others = sorted({str(activation_of(x)) for x in layers if id(x) in chosen})
        words = f"{name} in place of {' and '.join(others)}"
        yield Change("activation", words, layer=change)


def _normalized(model):
    last = {id(layer) for layer in last_layers(model)}
    kinds = (keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D, Affine)
    fits = {
        id(x)
        for x in inner(model)
        if id(x) not in last
        and isinstance(x, kinds)
        and activation_of(x) not in (None, "linear", "identity", "maxout")
    }

    def change(layer):
        if id(layer) not in fits:
            return None
        linear = "identity" if isinstance(layer, Affine) else "linear"
        axis = 1 if getattr(layer, "data_format", "") == "channels_first" else -1
        parts = [
            with_activation(layer, linear),
            keras.layers.BatchNormalization(axis, name=f"{layer.name}_normalization"),
            keras.layers.Activation(layer.activation, name=f"{layer.name}_activation"),
        ]
        return keras.Sequential(parts, name=f"{layer.name}_normalized")

    if fits:
        words = f"BatchNormalization before {len(fits)} activations"
        yield Change("normalize", words, layer=change)


def _rates(remedy, optimizer):
    rate = optimizer.get_config().get("learning_rate")
    if not isinstance(rate, float):  # A schedule.
        return
    for power in range(1, _POWERS + 1):
        factor = 10.0 ** (power if remedy == "rate*10" else -power)
        words = f"learning rate {rate * factor:.3g} in place of {rate:.3g}"
        yield Change(remedy, words, optimizer={"learning_rate": rate * factor})


def _outputs(remedy, clones, known):
    kind = known.loss_name or ""
    is_binary = kind == "binary_crossentropy" or known.last_units == 1
    is_number = is_of_numbers(known)
    if not (is_number or kind.endswith("crossentropy")):
        return
    if remedy == "loss":
        losses = {
            "binary_crossentropy": keras.losses.BinaryCrossentropy,
            "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
            "sparse_categorical_crossentropy": (
                keras.losses.SparseCategoricalCrossentropy
            ),
        }
        if kind in losses:
            loss = losses[kind](from_logits=not known.from_logits)
            words = f"a loss with from_logits={not known.from_logits}"
            yield Change(remedy, words, loss=loss)
    elif clones.has_parts:
        last = {id(layer) for layer in last_layers(clones.model)}
        name = "sigmoid" if is_binary else "softmax"
        if known.from_logits or is_number:
            name = "linear"

        def change(layer):
            return with_activation(layer, name) if id(layer) in last else None

        words, loss = f"{name} at the output", None
        if is_binary and not is_number and kind != "binary_crossentropy":
            words, loss = f"{words} and binary_crossentropy", "binary_crossentropy"
        yield Change(remedy, words, layer=change, loss=loss)


def _scaled(known):
    """Returns a function that standardises such arrays, feature by feature."""

    def moments(a):
        if a is None or not np.issubdtype(a.dtype, np.number):
            return 0.0, 1.0
        # Of images, by channel.
        a = a.reshape(-1, a.shape[-1] if a.ndim > 1 else 1).astype(float)
        deviations = a.std(axis=0)
        return a.mean(axis=0), np.where(deviations > 0, deviations, 1)

    leaves = [moments(a) for a in keras.tree.flatten(known)]

    def scale(parts):
        scaled = [
            ((a - mean) / deviation).astype("float32")
            for a, (mean, deviation) in zip(
                keras.tree.flatten(parts), leaves, strict=True
            )
        ]
        return keras.tree.pack_sequence_as(parts, scaled)

    return scale


def _with(batch, x=lambda part: part, y=lambda part: part):
    """A batch whose inputs and labels are what such functions make of them."""
    inputs, labels, sample_weight = batch
    return x(inputs), y(labels), sample_weight


def _finite_rows(batch):
    arrays = [a for a in keras.tree.flatten(batch) if a is not None]
    is_finite = np.all(
        [np.isfinite(a.reshape(len(a), -1)).all(axis=1) for a in arrays], axis=0
    )
    return keras.tree.map_structure(
        lambda a: None if a is None else a[is_finite], batch
    )
