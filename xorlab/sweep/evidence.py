"""What networks of a sweep tell of themselves, as the evidence that is judged."""

import math

import numpy as np

from xorlab.diagnosis import Evidence, LayerFacts, LayerStep, StepEvidence
from xorlab.models import data
from xorlab.sweep.engine import Program, State
from xorlab.sweep.grid import Cell

# R networks, N rows, O outputs. Numbers of all networks are found at once, `[R]`.

_SLOPE = 0.1  # See `xorlab.steps.units`.


def known(cell: Cell) -> Evidence:
    """Says what is known of a cell's networks before they train."""
    names = [f"layer{number}" for number in range(1, cell.depth)]
    layers = [
        LayerFacts(
            name,
            "Affine",
            cell.activation,
            cell.width,
            is_trainable=True,
            is_connected=True,
        )
        for name in names
    ]
    last = LayerFacts(
        "last", "Affine", "sigmoid", 1, is_trainable=True, is_connected=True
    )
    return Evidence(
        layers=(*layers, last),
        optimizer="Adam" if cell.optimizer == "adam" else "SGD",
        input_rms=float(np.sqrt(np.mean(np.square(data.INPUTS)))),
        input_separation=float(_separation(data.INPUTS[None])[0]),
        labels=(0.0, 1.0),
        classes=2,
        guessing_loss=math.log(2),
        loss_name="binary_crossentropy",
        from_logits=False,
        last_activation="sigmoid",
        last_units=1,
    )


def look(program: Program, state: State, cell: Cell) -> list[StepEvidence]:
    """Returns what the coming step of each of R networks is, which is not kept.

    Args:
        program: that trains them.
        state: before the step.
        cell: their settings.
    """
    step = int(state.step)
    with np.errstate(all="ignore"):
        cost, outputs, gradients = program.inspect(state)
        after = program.each(program.train(state, cell.learning_rate, 1).weights)
        weights = program.each(state.weights)
        changes = [new - old for new, old in zip(after, weights, strict=True)]
        columns = []
        for layer, output in enumerate(outputs):
            part = slice(2 * layer, 2 * layer + 2)
            is_last = layer == cell.depth - 1
            columns.append(
                _of_weights(gradients[part], weights[part], changes[part])
                | _of_outputs(output, "" if is_last else cell.activation)
            )
    names = [layer.name for layer in known(cell).layers]
    return [
        StepEvidence(
            step,
            {
                name: LayerStep(**{x: _number(n[network]) for x, n in column.items()})
                for name, column in zip(names, columns, strict=True)
            },
            loss=float(cost[network]),
            learning_rate=cell.learning_rate,
        )
        for network in range(program.networks)
    ]


def _number(value):
    number = value.item()
    return None if isinstance(number, float) and math.isnan(number) else number


def _of_weights(gradients, weights, changes):
    gradient, weight, change = (
        np.concatenate([x.reshape(len(x), -1) for x in pair], 1).astype(np.float64)
        for pair in (gradients, weights, changes)
    )
    return {
        "gradient_rms": np.sqrt(np.mean(gradient**2, 1)),
        "gradient_zeros": np.mean(gradient == 0, 1),
        "gradient_not_finite": (~np.isfinite(gradient)).sum(1),
        "weight_norm": np.linalg.norm(weight, axis=1),
        "weight_not_finite": (~np.isfinite(weight)).sum(1),
        "update_norm": np.linalg.norm(change, axis=1),
    }


def _of_outputs(output, activation):
    output = output.astype(np.float64)  # [R, N, O]
    flat = output.reshape(len(output), -1)
    numbers = {
        "output_rms": np.sqrt(np.mean(flat**2, 1)),
        "output_not_finite": (~np.isfinite(flat)).sum(1),
        "spread": output.std(1).max(1),
        "separation": _separation(output),
    }
    if activation == "relu":
        numbers["dead"] = (output == 0).all(1).mean(1)
    if activation == "tanh":
        numbers["saturated"] = np.mean(1 - flat**2 < _SLOPE, 1)
    if activation == "sigmoid":
        numbers["saturated"] = np.mean(4 * flat * (1 - flat) < _SLOPE, 1)
    return numbers


def _separation(output):
    first, second = np.nonzero(np.triu(data.LABELS != data.LABELS.T))
    distances = np.linalg.norm(output[:, first] - output[:, second], axis=2)
    return distances.min(1) / np.abs(output).max((1, 2))
