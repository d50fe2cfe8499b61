"""An oracle: the deep network and its backpropagation, in NumPy and float64.

Written apart from the package: it shares no code with it, not even the formulas.
"""

import numpy as np


def _erf(x):
    # Maclaurin series for the middle, 1 outside: good to 1e-12 below |x| = 5.
    x = np.asarray(x, float)
    term = total = np.clip(x, -5, 5)
    inner = total
    for n in range(1, 120):
        term = -term * inner**2 / n
        total = total + term / (2 * n + 1)
    return np.where(np.abs(x) >= 5, np.sign(x), 2 / np.sqrt(np.pi) * total)


def _sigmoid(z):
    # Two forms, so that neither overflows.
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + e), e / (1 + e))


def _expm1_of_negative(z):
    return np.expm1(np.minimum(z, 0))


_ALPHA, _SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
_PDF = 1 / np.sqrt(2 * np.pi)

# name: (f, f')
FUNCTIONS = {
    "sigmoid": (_sigmoid, lambda z: _sigmoid(z) * _sigmoid(-z)),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(np.clip(z, -300, 300)) ** 2),
    "relu": (lambda z: np.where(z > 0, z, 0 * z), lambda z: (z > 0) * 1.0),
    "leaky_relu": (
        lambda z: np.where(z > 0, z, 0.1 * z),
        lambda z: np.where(z > 0, 1.0, 0.1),
    ),
    "very_leaky_relu": (
        lambda z: np.where(z > 0, z, z / 3),
        lambda z: np.where(z > 0, 1.0, 1 / 3),
    ),
    "elu": (
        lambda z: np.where(z > 0, z, _expm1_of_negative(z)),
        lambda z: np.where(z > 0, 1.0, np.exp(np.minimum(z, 0))),
    ),
    "selu": (
        lambda z: _SCALE * np.where(z > 0, z, _ALPHA * _expm1_of_negative(z)),
        lambda z: _SCALE * np.where(z > 0, 1.0, _ALPHA * np.exp(np.minimum(z, 0))),
    ),
    "gelu": (
        lambda z: z * (1 + _erf(z / np.sqrt(2))) / 2,
        lambda z: (
            (1 + _erf(z / np.sqrt(2))) / 2
            + z * _PDF * np.exp(-np.minimum(z**2, 1400) / 2)
        ),
    ),
    "silu": (
        lambda z: z * _sigmoid(z),
        lambda z: _sigmoid(z) + z * _sigmoid(z) * _sigmoid(-z),
    ),
    "softplus": (
        lambda z: np.log1p(np.exp(-np.abs(z))) + np.where(z > 0, z, 0 * z),
        _sigmoid,
    ),
    "identity": (lambda z: z, lambda z: np.ones_like(z)),
}


def _forward(name, z):
    if name == "maxout":
        half = z.shape[1] // 2
        return np.where(z[:, :half] >= z[:, half:], z[:, :half], z[:, half:])
    return FUNCTIONS[name][0](z)


def _backward(name, z, d_out):
    if name == "maxout":
        half = z.shape[1] // 2
        first = z[:, :half] >= z[:, half:]
        return np.concatenate([d_out * first, d_out * ~first], axis=1)
    return d_out * FUNCTIONS[name][1](z)


def cost_and_gradients(weights, x, y, activation):
    """Mean binary cross-entropy, hypotheses, and a gradient for every weight.

    `weights` is [kernel 1, bias 1, …]; the last layer is a sigmoid.
    """
    weights = [np.asarray(w, float) for w in weights]
    depth = len(weights) // 2
    outputs, sums = [np.asarray(x, float)], []
    for layer in range(depth):
        kernel, bias = weights[2 * layer : 2 * layer + 2]
        sums.append(outputs[-1] @ kernel + bias)
        name = activation if layer < depth - 1 else "sigmoid"
        outputs.append(_forward(name, sums[-1]))
    z = sums[-1]
    cost = np.mean(np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0) - y * z)
    gradients = [None] * len(weights)
    delta = (outputs[-1] - y) / y.size
    for layer in reversed(range(depth)):
        gradients[2 * layer] = outputs[layer].T @ delta
        gradients[2 * layer + 1] = delta.sum(0)
        if layer:
            delta = _backward(activation, sums[layer - 1], delta @ weights[2 * layer].T)
    return cost, outputs[-1], gradients
