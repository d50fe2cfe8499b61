"""What networks of a sweep tell of themselves, as the evidence that is judged."""

import math

import numpy as np

from xorlab.diagnosis import Evidence, LayerFacts, representation
from xorlab.models import data
from xorlab.sweep.engine import Program, State
from xorlab.sweep.grid import Cell
from xorlab.sweep.networksteps import NetworkSteps
from xorlab.sweep.plan import NARROW

# R networks, L layers, W weights of a network, N rows, I inputs, O outputs, P affine
# maps of a unit. Numbers of all networks and layers are found at once, `[L, R]`: NumPy
# is fast along a long last axis.


def known(cell: Cell) -> Evidence:
    """Says what is known of a cell's networks before they train."""
    *hidden, last = _names(cell)
    is_there = {"is_trainable": True, "is_connected": True}
    activation, units = cell.activation, cell.width
    layers = [LayerFacts(x, "Affine", activation, units, **is_there) for x in hidden]
    layers.append(LayerFacts(last, "Affine", "sigmoid", 1, **is_there))
    # Said of XOR by hand: what asks any data is for Keras's models.
    return Evidence(
        layers=tuple(layers),
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


def _names(cell):
    return [*(f"layer{number}" for number in range(1, cell.depth)), "last"]


def look(program: Program, state: State, cell: Cell) -> NetworkSteps:
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
        numbers = _of_weights(gradients, weights, after) | of_hidden
    for name in of_last:
        numbers[name] = np.concatenate([of_hidden[name], of_last[name]])
    losses = cost.tolist()
    return NetworkSteps(step, cell.learning_rate, losses, _names(cell), numbers)


def _of_weights(gradients, weights, after):
    """Of kernels and biases, `[..., R]`."""
    gradient, weight, new = map(_side_by_side, (gradients, weights, after))
    change = new - weight
    sizes = [sum(math.prod(x.shape[:-1]) for x in pair) for pair in _pairs(weights)]
    starts = np.cumsum([0, *sizes[:-1]])

    def sums(numbers):  # [W, R] -> [L, R]
        return np.add.reduceat(numbers, starts)

    def norms(array):
        return np.sqrt(sums(np.square(array, dtype=np.float64)))

    def counts(truths):
        return sums(truths.astype(int))

    entries = np.array(sizes)[:, None]
    return {
        "gradient_rms": norms(gradient) / np.sqrt(entries),
        "gradient_zeros": counts(gradient == 0) / entries,
        "gradient_not_finite": counts(~np.isfinite(gradient)),
        "weight_norm": norms(weight),
        "weight_not_finite": counts(~np.isfinite(weight)),
        "update_norm": norms(change),
    }


def _pairs(arrays):
    return zip(arrays[::2], arrays[1::2], strict=True)


def _side_by_side(arrays):  # [..., R] each -> [W, R]
    return np.concatenate([x.reshape(-1, x.shape[-1]) for x in arrays])


def _outputs(weights, activation):
    """Of the hidden layers and of the last, whose sigmoid is given it, `[L, N, O, R]`.

    By NumPy, since XLA would compile longer than it saves; as the layouts do, but for
    rounding.
    """
    *hidden, last = _pairs(weights)
    x, outputs = data.INPUTS[:, :, None], []
    for pair in hidden:
        z = _affine(x, *pair)
        rows, _, networks = z.shape
        x = activation(z.reshape(rows, -1)).numpy().reshape(rows, -1, networks)
        outputs.append(x)
    return np.stack(outputs), _affine(x, *last)[None]


def _affine(x, kernel, bias):  # [N, I, R], [I, P * O, R], [P * O, R] -> [N, P * O, R]
    if len(kernel) <= NARROW:
        return (x[:, :, None] * kernel).sum(1) + bias
    product = np.moveaxis(x, -1, 0) @ np.moveaxis(kernel, -1, 0)
    return np.moveaxis(product, 0, -1) + bias


def _of_outputs(outputs, activation):
    """Of layers of one shape and activation, `[L, N, O, R]`."""
    outputs = outputs.astype(np.float64)
    by_network = np.moveaxis(outputs, -1, 1)  # [L, R, N, O]
    numbers = {
        "output_rms": np.sqrt(np.mean(outputs**2, (1, 2))),
        "output_not_finite": (~np.isfinite(outputs)).sum((1, 2)),
        "spread": representation.spread(by_network, activation),
        "separation": representation.separation(by_network, data.LABELS),
    }
    if activation == "relu":
        numbers["dead"] = (outputs == 0).all(1).mean(1)
    saturated = representation.saturated(by_network, activation)
    if saturated is not None:
        numbers["saturated"] = saturated
    return numbers
