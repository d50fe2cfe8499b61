"""What networks of a sweep tell of themselves, as the evidence that is judged."""

import numpy as np

from xorlab.diagnosis import (
    Evidence,
    LayerFacts,
    LayerStep,
    StepEvidence,
    representation,
)
from xorlab.models import data
from xorlab.sweep.engine import Program, State
from xorlab.sweep.grid import Cell
from xorlab.trial.facts import with_data

# R networks, N rows, O outputs. Numbers of all networks are found at once, `[R]`.


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
    network = Evidence(
        layers=(*layers, last),
        optimizer="Adam" if cell.optimizer == "adam" else "SGD",
        loss_name="binary_crossentropy",
        from_logits=False,
        last_activation="sigmoid",
        last_units=1,
    )
    return with_data(network, data.INPUTS, data.LABELS)


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
        layers = []
        facts = known(cell).layers
        for layer, output in enumerate(outputs):
            part = slice(2 * layer, 2 * layer + 2)
            columns = _of_weights(gradients[part], weights[part], changes[part])
            columns |= _of_outputs(output, facts[layer].activation)
            layers.append(_by_network(columns))
    names = [layer.name for layer in facts]
    return [
        StepEvidence(
            step,
            dict(zip(names, of_network, strict=True)),
            loss=loss,
            learning_rate=cell.learning_rate,
        )
        for loss, *of_network in zip(cost.tolist(), *layers, strict=True)
    ]


def _by_network(columns):
    """Returns what was measured of a layer in each of R networks."""
    # As lists: NumPy takes several times longer for a number at a time.
    numbers = [map(representation.number_or_none, x.tolist()) for x in columns.values()]
    return [
        LayerStep(**dict(zip(columns, row, strict=True)))
        for row in zip(*numbers, strict=True)
    ]


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
        "spread": representation.spread(output, activation),
        "separation": representation.separation(output, data.LABELS),
    }
    if activation == "relu":
        numbers["dead"] = (output == 0).all(1).mean(1)
    saturated = representation.saturated(output, activation)
    if saturated is not None:
        numbers["saturated"] = saturated
    return numbers
