"""What was measured of a network: plain numbers, and None for what was not seen."""

import dataclasses
import functools
import math
import operator
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast

Function = TypeVar("Function", bound=Callable)


def once(function: Function) -> Function:
    """Makes a function that finds its answer once for each evidence and arguments.

    Rules ask for the same again and again.
    """

    @functools.wraps(function)
    def asked(evidence, *arguments):
        answers, question = evidence.answers, (function, *arguments)
        if question not in answers:
            answers[question] = function(evidence, *arguments)
        return answers[question]

    return cast("Function", asked)


def _told(evidence):
    """What a file keeps of evidence: no answers, which other rules may not give."""
    fields = dataclasses.fields(evidence)
    return {field.name: getattr(evidence, field.name) for field in fields}


@dataclasses.dataclass(frozen=True)
class LayerFacts:
    """What a layer is.

    Attributes:
        name: its path below the model.
        kind: its class, such as `Dense`.
        activation: the name of its own, or the one that it is.
        units: how many numbers its last axis, or the axes it normalises, hold.
        is_trainable: whether it has weights that training may change; frozen ones are
            not.
        is_watched: whether its gradient is measured.
        is_connected: whether the loss depends on it.
        is_recurrent: whether it goes from time step to time step.
    """

    name: str
    kind: str | None = None
    activation: str | None = None
    units: int | None = None
    is_trainable: bool | None = None
    is_watched: bool = True
    is_connected: bool | None = None
    is_recurrent: bool = False


class LayerStep(NamedTuple):
    """What was measured of a layer at a step, over all its trainable weights.

    A tuple, because a sweep makes many thousands.

    Attributes:
        gradient_rms: as `xorlab.steps.rms_by_layer` defines it.
        gradient_zeros: share of the gradient's entries that are exactly zero.
        gradient_not_finite: how many of its entries are NaN or infinite.
        weight_norm: 2-norm, before the update.
        weight_not_finite: how many entries were so before the update.
        update_norm: 2-norm of the change that the step makes.
        output_rms: root mean square of what it returns.
        output_not_finite: how many entries of that are NaN or infinite.
        spread: the largest standard deviation over rows of one of its outputs.
        separation: the least distance of what it returns for two rows of different
            label, by the largest absolute output.
        rank: how many directions its outputs vary in, over rows; 63 at the most.
        dead: share of its units that are zero for all rows (ReLU).
        saturated: share of its outputs where the slope is a tenth of the largest or
            less (tanh, sigmoid).
    """

    gradient_rms: float | None = None
    gradient_zeros: float | None = None
    gradient_not_finite: int = 0
    weight_norm: float | None = None
    weight_not_finite: int = 0
    update_norm: float | None = None
    output_rms: float | None = None
    output_not_finite: int = 0
    spread: float | None = None
    separation: float | None = None
    rank: int | None = None
    dead: float | None = None
    saturated: float | None = None

    @property
    def not_finite(self) -> int:
        """How many entries of its weights, outputs and gradient are NaN or infinite."""
        return (
            self.weight_not_finite + self.output_not_finite + self.gradient_not_finite
        )

    @property
    def update_ratio(self) -> float | None:
        """The update's 2-norm by the weights'; None where there is none."""
        if self.update_norm is None or not self.weight_norm:
            return None
        return self.update_norm / self.weight_norm

    @property
    def passing_rms(self) -> float | None:
        """The gradient's RMS over the entries that are not exactly zero.

        Rows of an embedding that no batch holds do not make it small, nor do weights of
        dead units.
        """
        if self.gradient_rms is None or self.gradient_zeros is None:
            return self.gradient_rms
        passing = 1 - self.gradient_zeros
        return self.gradient_rms / math.sqrt(passing) if passing > 0 else 0.0


@dataclasses.dataclass(frozen=True)
class StepEvidence:
    """What was measured of one training step.

    Attributes:
        step: how many updates the weights had seen.
        layers: by name; those that were measured.
        loss: of the weights before the update.
        learning_rate: of the update.
        not_finite: where NaN or infinity was first, in words; None if nowhere.
    """

    step: int
    layers: Mapping[str, LayerStep] = dataclasses.field(default_factory=dict)
    loss: float | None = None
    learning_rate: float | None = None
    not_finite: str | None = None

    __getstate__ = _told

    def of_layers(self, attribute: str) -> Mapping[str, float]:
        """One number of each layer of which it was seen.

        Args:
            attribute: of `LayerStep`.
        """
        numbers = map(operator.attrgetter(attribute), self.layers.values())
        told = zip(self.layers, numbers, strict=True)
        return {name: x for name, x in told if x is not None}

    @functools.cached_property
    def is_finite(self) -> bool:
        """Whether NaN or infinity was nowhere."""
        if self.not_finite is not None:
            return False
        is_lost = self.loss is not None and not math.isfinite(self.loss)
        return not is_lost and not any(x.not_finite for x in self.layers.values())

    @functools.cached_property
    def update_ratio(self) -> float | None:
        """The median over layers of the update's norm by the weights'."""
        ratios = (x.update_ratio for x in self.layers.values())
        known = [x for x in ratios if x is not None]
        return statistics.median(known) if known else None


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What was seen of a network.

    Attributes:
        layers: of all layers, in the order of the computation.
        steps: those that were measured, in order.
        steps_left: how many the training still makes.
        optimizer: its class, such as `Adam`.
        input_rms: root mean square of the inputs, if they are no indices.
        input_separation: as `LayerStep.separation`, of the inputs.
        labels: the least and the largest label.
        classes: how many different labels there are, where they are classes.
        guessing_loss: of the best prediction that is the same for all rows.
        ignored_label: what the loss takes no account of, if there is such a label.
        loss_name: as Keras names it, such as `binary_crossentropy`.
        from_logits: whether the loss takes raw scores.
        last_activation, last_units: of what the loss is given.
    """

    layers: Sequence[LayerFacts] = ()
    steps: Sequence[StepEvidence] = ()
    steps_left: int | None = None
    optimizer: str | None = None
    input_rms: float | None = None
    input_separation: float | None = None
    labels: tuple[float, float] | None = None
    classes: int | None = None
    guessing_loss: float | None = None
    ignored_label: float | None = None
    loss_name: str | None = None
    from_logits: bool | None = None
    last_activation: str | None = None
    last_units: int | None = None

    __getstate__ = _told

    @functools.cached_property
    def losses(self) -> list[float]:
        """The losses that were seen, in order."""
        return [x.loss for x in self.steps if x.loss is not None]

    @functools.cached_property
    def update_ratios(self) -> list[float]:
        """The steps' own, in order, where they are finite."""
        ratios = (step.update_ratio for step in self.steps)
        return [x for x in ratios if x is not None and math.isfinite(x)]

    @once
    def of_layers(self, attribute: str, step: int = -1, /) -> Mapping[str, float]:
        """One number of each layer of which it was seen, in the layers' order.

        Args:
            attribute: of `LayerStep`.
            step: which of the steps that were measured.
        """
        told = self.steps[step].of_layers(attribute) if self.steps else {}
        if list(told) == self._names[: len(told)]:
            return told
        known = {name: told[name] for name in self._names if name in told}
        return {**known, **told}  # What no layer is known of comes last.

    @functools.cached_property
    def _names(self):
        return [x.name for x in self.layers]

    @functools.cached_property
    def answers(self) -> dict[Any, Any]:
        """What was asked of it by functions that are `once`."""
        return {}
