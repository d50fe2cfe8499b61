"""What a run has shown of its network, as the evidence that is judged."""

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np

from xorlab.diagnosis import Evidence, LayerFacts, LayerStep, StepEvidence
from xorlab.models import data
from xorlab.steps import naming
from xorlab.steps.statistics import rms_by_layer
from xorlab.steps.tap import Reading
from xorlab.train.config import Config

_SLOPE = 0.1
_APART = [
    (one, other)
    for one, other in itertools.combinations(range(len(data.LABELS)), 2)
    if data.LABELS[one] != data.LABELS[other]
]


@dataclasses.dataclass(frozen=True)
class Seen:
    """A step that was logged: its number, cost and accuracy; some are kept in full."""

    step: int
    cost: float
    accuracy: float
    reading: Reading | None = None


def evidence_of(config: Config, seen: Sequence[Seen]) -> Evidence:
    """Says what was seen of a run.

    Args:
        config: of the run.
        seen: its steps; the first and the last have a reading.
    """
    activations = seen[-1].reading.activations if seen[-1].reading else {}
    return Evidence(
        layers=[
            LayerFacts(
                name,
                kind="Affine",
                activation="sigmoid" if name == "last" else config.activation,
                units=output.shape[1],
                is_trainable=True,
            )
            for name, output in activations.items()
        ],
        steps=[_step(config, each) for each in seen],
        steps_left=config.steps - seen[-1].step,
        optimizer=config.optimizer,
        input_rms=float(np.sqrt(np.mean(np.square(data.INPUTS)))),
        input_separation=_separation(data.INPUTS),
        labels=(0.0, 1.0),
        classes=2,
        guessing_loss=math.log(2),
        loss_name="binary_crossentropy",
        from_logits=False,
        last_activation="sigmoid",
        last_units=1,
    )


def _step(config, seen):
    layers = _layers(config, seen.reading) if seen.reading else {}
    lost = not math.isfinite(seen.cost)
    return StepEvidence(
        seen.step,
        layers,
        loss=seen.cost,
        learning_rate=config.learning_rate,
        not_finite="the cost" if lost else None,
    )


@np.errstate(invalid="ignore", over="ignore")  # Of a network that diverged.
def _layers(config, reading):
    squares = {
        path: np.sum(np.square(weight.astype(np.float64)))
        for path, weight in reading.weights.items()
    }
    sizes = {path: weight.size for path, weight in reading.weights.items()}
    rms, rate = rms_by_layer(reading.gradients), config.learning_rate
    layers = {}
    for name, output in reading.activations.items():
        output = output.astype(np.float64)
        paths = [path for path in squares if naming.layer_of(path) == name]
        norm = rms.get(name, math.nan) * math.sqrt(sum(sizes[x] for x in paths))
        is_last = name == "last"
        is_relu = not is_last and config.activation == "relu"
        scores = _scores(output) if is_last else output
        layers[name] = LayerStep(
            gradient_rms=rms.get(name),
            weight_norm=math.sqrt(sum(squares[x] for x in paths)),
            # Other optimizers make something else of the gradient.
            update_norm=rate * norm if config.optimizer == "sgd" else None,
            output_rms=float(np.sqrt(np.mean(np.square(output)))),
            spread=float(np.max(np.std(scores, axis=0))),
            separation=None if is_last else _separation(output),
            dead=float(np.mean(np.all(output == 0, axis=0))) if is_relu else None,
            saturated=None if is_last else _saturated(output, config.activation),
        )
    return layers


def _scores(hypothesis):
    """What a sigmoid was given, as far as it can be told."""
    p = np.clip(hypothesis.astype(np.float64), 1e-12, 1 - 1e-12)
    return np.log(p / (1 - p))


def _saturated(output, activation):
    """The share of outputs whose slope is below a tenth, as `xorlab.steps.units`."""
    slopes = {"tanh": 1 - output**2, "sigmoid": 4 * output * (1 - output)}
    if activation not in slopes:
        return None
    return float(np.mean(slopes[activation] < _SLOPE))


def _separation(output):
    """The least distance of two rows of different label, by the largest output."""
    largest = np.max(np.abs(output))
    distances = (np.linalg.norm(output[i] - output[j]) for i, j in _APART)
    return float(min(distances) / largest) if largest > 0 else 0.0
