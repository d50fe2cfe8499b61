"""Trains a clone for a while, and keeps what its steps tell."""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Any

import keras

from xorlab.diagnosis import Evidence, LayerStep, StepEvidence
from xorlab.steps.finite import LOSS
from xorlab.steps.requests import StepRequests
from xorlab.trial.probe import measured, outputs_of
from xorlab.watching.witness import step_evidence

# x, y and sample_weight.
Batch = tuple[Any, Any, Any]


def step(clone: keras.Model, batch: Batch) -> float:
    """Makes a step; returns the loss before its update, NaN if it is not told."""
    # Keras 3.12 does not: it would be the mean of all since the beginning.
    clone.reset_metrics()
    x, y, sample_weight = batch
    logs = clone.train_on_batch(x, y, sample_weight, return_dict=True)
    return float(logs.get("loss", math.nan))


def watched_steps(
    clone: keras.Model,
    known: Evidence,
    batches: Iterable[Batch],
    steps: int,
    rows: tuple[Any, Any],
) -> Iterator[StepEvidence]:
    """Trains until the loss is not finite; yields what is seen of each step.

    Of layers that is at the first step, where the steps have doubled, and at the last.

    Args:
        clone: is trained.
        known: of the model.
        batches: at least `steps`.
        steps: how many.
        rows: x and y of some, whose outputs are looked at.
    """
    activations = {layer.name: layer.activation for layer in known.layers}
    looked_at = {2**n - 1 for n in range(steps.bit_length())} | {steps - 1}
    for number, batch in enumerate(itertools.islice(batches, steps)):
        if number in looked_at:
            seen = _watched(clone, activations, batch, rows)
        else:
            loss = step(clone, batch)
            place = None if math.isfinite(loss) else LOSS
            seen = StepEvidence(number, loss=loss, not_finite=place)
        yield dataclasses.replace(seen, step=number)
        if seen.loss is not None and not math.isfinite(seen.loss):
            break


def _watched(clone, activations, batch, rows):
    x, labels = rows
    outputs = outputs_of(clone, x)
    told: list = []
    StepRequests.of(clone).request_statistics(told.append, activations=True)
    loss = step(clone, batch)
    seen = StepEvidence(0)
    # None, where a step updates nothing, or cannot be watched.
    if told and not isinstance(told[0], Exception):
        [statistics] = told
        place = next(filter(None, (x.first_not_finite() for x in statistics)), None)
        rate = float(clone.optimizer.learning_rate)
        seen = step_evidence(statistics, place, rate)
    layers = {
        name: measured(
            seen.layers.get(name, LayerStep()), output, activations.get(name), labels
        )
        for name, output in outputs.items()
    }
    return dataclasses.replace(seen, layers={**seen.layers, **layers}, loss=loss)
