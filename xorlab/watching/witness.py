"""Keeps what was seen of a training, as the evidence that is judged."""

import dataclasses
import math
from collections.abc import Sequence

import keras

from xorlab.diagnosis import Evidence, LayerFacts, LayerStep, StepEvidence
from xorlab.steps import histograms, naming
from xorlab.steps.statistics import StepStatistics
from xorlab.watching.anatomy import evidence_of
from xorlab.watching.data import SeenData

# Of a training, however long: where there are more, every second one goes.
_MOST_KEPT = 32


class Witness:
    """Keeps the first step that was seen, the last, and some of those between.

    Args:
        known: what is known of the model without a step.
        all_update: whether a step updates all weights that the loss depends on; else
            those that none did update are not seen.

    Attributes:
        seen: how many steps were.
        trained_apart: the layers that each optimizer has updated, by its name.
    """

    @classmethod
    def of(cls, model: keras.Model, patterns: Sequence[str] | None = None) -> "Witness":
        """Makes one for a model, of which these layers are watched."""
        # Another step may update some weights now and others then.
        all_update = type(model).train_step is keras.Model.train_step
        return cls(evidence_of(model, patterns), all_update)

    def __init__(self, known: Evidence, all_update: bool):
        self._known = known
        self._all_update = all_update
        self._kept: list[StepEvidence] = []
        self._every = 1
        self._first_lost: StepEvidence | None = None
        self._last: tuple[Sequence[StepStatistics], str | None, float | None] | None
        self._last = None
        self._updated: set[str] = set()
        self._data = SeenData()
        self.seen = 0
        self.trained_apart: dict[str, set[str]] = {}

    def add(
        self, told: Sequence[StepStatistics], place: str | None, rate: float | None
    ) -> None:
        """Takes note of a step.

        Args:
            told: what each optimizer did that updated something.
            place: where it was not finite first, in words; None where it was.
            rate: the learning rate; None if there are several.
        """
        self._last = told, place, rate
        for each in told:
            if each.weights:
                layers = self.trained_apart.setdefault(each.optimizer, set())
                layers.update(map(naming.layer_of, each.weights))
        # What another step does with its batch is not known.
        if self._all_update and told[0].batch is not None:
            self._data.add(told[0].batch)
        if place is not None and self._first_lost is None:
            self._first_lost = step_evidence(*self._last)
        if self.seen % self._every == 0:
            self._keep(step_evidence(*self._last))
        self.seen += 1

    def _keep(self, step):
        self._kept.append(step)
        self._updated.update(_updated(step))
        if len(self._kept) > _MOST_KEPT:
            self._kept = self._kept[::2]
            self._every *= 2

    def evidence(self, steps_left: int | None) -> Evidence:
        """Returns all of it.

        Args:
            steps_left: how many the training still makes, if that is known.
        """
        steps = {step.step: step for step in self._kept}
        for other in (self._first_lost, self._last and step_evidence(*self._last)):
            if other is not None:
                steps[other.step] = other
                self._updated.update(_updated(other))
        return dataclasses.replace(
            self._data.of(self._known),
            layers=tuple(map(self._facts, self._known.layers)),
            steps=[steps[number] for number in sorted(steps)],
            steps_left=steps_left,
        )

    def _facts(self, layer: LayerFacts) -> LayerFacts:
        is_unseen = layer.is_trainable and layer.is_watched
        if not is_unseen or layer.name in self._updated:
            return layer
        if self._all_update:
            return dataclasses.replace(layer, is_connected=False)
        return dataclasses.replace(layer, is_watched=False)


def _updated(step):
    return (x for x, seen in step.layers.items() if seen.update_norm is not None)


def step_evidence(
    told: Sequence[StepStatistics], place: str | None, rate: float | None
) -> StepEvidence:
    """Says of a step in the words of the evidence what was told of it."""
    layers: dict[str, LayerStep] = {}
    for statistics in told:
        layers |= _of_weights(statistics)
    for name, outputs in _of_outputs(told[0]).items():
        layers[name] = layers.get(name, LayerStep())._replace(**outputs)
    loss = told[0].loss
    return StepEvidence(
        step=told[0].step,
        layers=layers,
        loss=None if math.isnan(loss) and place is None else loss,
        learning_rate=rate,
        not_finite=place,
    )


def _of_weights(told):
    zeros = told.counts[: len(told.weights), histograms.ZERO].tolist()
    sizes, zeros = told.by_layer(told.sizes), told.by_layer(zeros)
    rms = told.gradient_rms()
    lost, lost_weights = map(
        told.by_layer, (told.gradients_not_finite, told.weights_not_finite)
    )
    weights = told.by_layer(told.weight_squares)
    changes = told.by_layer(told.change_squares)
    return {
        layer: LayerStep(
            gradient_rms=rms[layer],
            gradient_zeros=zeros[layer] / size,
            gradient_not_finite=int(lost[layer]),
            weight_norm=math.sqrt(weights[layer]),
            weight_not_finite=int(lost_weights[layer]),
            update_norm=math.sqrt(changes[layer]),
        )
        for layer, size in sizes.items()
        if size
    }


def _of_outputs(told):
    counts = told.counts[2 * len(told.weights) :][: len(told.layers)]
    if not len(counts):
        return {}
    rms = histograms.rms(counts).tolist()
    numbers = zip(told.layers, rms, told.activations_not_finite, strict=True)
    return {
        layer: {
            "output_rms": size,
            "output_not_finite": lost,
            "dead": told.units.get(f"dead_units/{layer}"),
            "saturated": (
                told.flat[layer] if f"saturated_units/{layer}" in told.units else None
            ),
        }
        for layer, size, lost in numbers
    }
