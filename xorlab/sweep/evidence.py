"""What networks of a sweep tell of themselves, as the evidence that is judged."""

import math

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

# R networks, L layers, W weights of a network, N rows, I inputs, O outputs, P affine
# maps of a unit. Numbers of all networks and layers are found at once, `[R, L]`.


def known(cell: Cell) -> Evidence:
    """Says what is known of a cell's networks before they train."""
    layers = [
        LayerFacts(
            f"layer{number}",
            "Affine",
            cell.activation,
            cell.width,
            is_trainable=True,
            is_connected=True,
        )
        for number in range(1, cell.depth)
    ]
    last = LayerFacts(
        "last", "Affine", "sigmoid", 1, is_trainable=True, is_connected=True
    )
    # Said of XOR by hand: what asks any data is for Keras's models.
    return Evidence(
        layers=(*layers, last),
        optimizer="Adam" if cell.optimizer == "adam" else "SGD",
        input_rms=math.sqrt(np.mean(data.INPUTS**2)),
        input_separation=float(representation.separation(data.INPUTS, data.LABELS)),
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
        cost, gradients = program.inspect(state)
        weights = program.each(state.weights)
        after = program.each(program.train(state, cell.learning_rate, 1).weights)
        hidden, last = _outputs(weights, program.activation)
        of_hidden = _of_outputs(hidden, cell.activation)
        of_last = _of_outputs(last, None)  # Scores, no probabilities.
        numbers = _of_weights(gradients, weights, after)
    for name in of_last:
        numbers[name] = np.concatenate([of_hidden[name], of_last[name]], 1)
    names = [layer.name for layer in known(cell).layers]
    nothing = np.full([len(cost), len(names)], math.nan)
    by_field = (_as_lists(numbers.get(x, nothing)) for x in LayerStep._fields)
    return [
        StepEvidence(
            step,
            dict(zip(names, map(LayerStep, *of_network), strict=True)),
            loss=loss,
            learning_rate=cell.learning_rate,
        )
        for loss, *of_network in zip(cost.tolist(), *by_field, strict=True)
    ]


def _as_lists(numbers):
    """Of numbers that are not NaN, which nothing was measured of: that is None."""
    # NumPy takes several times longer for a number at a time.
    told = numbers.astype(object)
    told[np.isnan(numbers)] = None
    return told.tolist()


def _of_weights(gradients, weights, after):
    """Of kernels and biases, `[R, ...]`."""
    gradient, weight, new = map(_side_by_side, (gradients, weights, after))
    change = new - weight
    sizes = [kernel[0].size + bias[0].size for kernel, bias in _pairs(weights)]
    starts = np.cumsum([0, *sizes[:-1]])

    def sums(numbers):  # [R, W] -> [R, L]
        return np.add.reduceat(numbers, starts, axis=1)

    def norms(array):
        return np.sqrt(sums(np.square(array, dtype=np.float64)))

    def counts(truths):
        return sums(truths.astype(int))

    return {
        "gradient_rms": norms(gradient) / np.sqrt(sizes),
        "gradient_zeros": counts(gradient == 0) / sizes,
        "gradient_not_finite": counts(~np.isfinite(gradient)),
        "weight_norm": norms(weight),
        "weight_not_finite": counts(~np.isfinite(weight)),
        "update_norm": norms(change),
    }


def _pairs(arrays):
    return zip(arrays[::2], arrays[1::2], strict=True)


def _side_by_side(arrays):  # [R, ...] each -> [R, W]
    return np.concatenate([x.reshape(len(x), -1) for x in arrays], 1)


def _outputs(weights, activation):
    """Of the hidden layers and of the last, whose sigmoid is given it, `[R, L, N, O]`.

    By NumPy, since XLA would compile longer than it saves; as the layouts do, but for
    rounding.
    """
    *hidden, last = _pairs(weights)
    x, outputs = data.INPUTS, []
    for pair in hidden:
        z = _affine(x, *pair)
        x = activation(z.reshape(-1, z.shape[-1])).numpy().reshape(*z.shape[:2], -1)
        outputs.append(x)
    return np.stack(outputs, 1), _affine(x, *last)[:, None]


def _affine(x, kernel, bias):  # [R, N, I], [R, I, P * O], [R, P * O] -> [R, N, P * O]
    return (x[..., None] * kernel[:, None]).sum(-2) + bias[:, None]


def _of_outputs(outputs, activation):
    """Of layers of one shape and activation, `[R, L, N, O]`."""
    outputs = outputs.astype(np.float64)
    nothing = np.full(outputs.shape[:2], math.nan)
    is_relu = activation == "relu"
    saturated = representation.saturated(outputs, activation)
    return {
        "output_rms": np.sqrt(np.mean(outputs**2, (2, 3))),
        "output_not_finite": (~np.isfinite(outputs)).sum((2, 3)),
        "spread": representation.spread(outputs, activation),
        "separation": representation.separation(outputs, data.LABELS),
        "dead": (outputs == 0).all(2).mean(2) if is_relu else nothing,
        "saturated": nothing if saturated is None else saturated,
    }
