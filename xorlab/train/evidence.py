"""What a run has shown of its network, as the evidence that is judged."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from xorlab.diagnosis import Evidence, LayerFacts, LayerStep, StepEvidence
from xorlab.models import data
from xorlab.models.optimizers import OPTIMIZERS
from xorlab.steps import naming
from xorlab.steps.statistics import rms_by_layer
from xorlab.steps.tap import Reading
from xorlab.train.config import ENOUGH, Config
from xorlab.trial.facts import with_data
from xorlab.trial.probe import measured


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
    network = Evidence(
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
        # Of a short run it is not known that it does not learn, nor that its rate is
        # too small.
        steps_left=max(config.steps, ENOUGH) - seen[-1].step,
        optimizer=OPTIMIZERS[config.optimizer][0],
        loss_name="binary_crossentropy",
        from_logits=False,
        last_activation="sigmoid",
        last_units=1,
    )
    return with_data(network, data.INPUTS, data.LABELS)


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
        step = LayerStep(
            gradient_rms=rms.get(name),
            weight_norm=math.sqrt(sum(squares[x] for x in paths)),
            # Other optimizers make something else of the gradient.
            update_norm=rate * norm if config.optimizer == "sgd" else None,
            output_rms=float(np.sqrt(np.mean(np.square(output)))),
            dead=float(np.mean(np.all(output == 0, axis=0))) if is_relu else None,
        )
        activation = "sigmoid" if is_last else config.activation
        # What the last one returns says it by the cost.
        labels = None if is_last else data.LABELS
        layers[name] = measured(step, output, activation, labels)
    return layers
