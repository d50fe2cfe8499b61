"""Layer-sequential unit variance: a start that fits any Keras model to its data."""

import contextlib
import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from xorlab.checks import check_seed, positive, whole
from xorlab.models.initializers import SEED, draw_kernel
from xorlab.models.layers import Affine


@dataclasses.dataclass(frozen=True)
class Lsuv:
    """What came of it.

    Attributes:
        variances: of what each scaled layer returns before its activation, by path.
        left_alone: why it is not 1, or was not touched, by path of each other layer
            that has weights.
    """

    variances: dict[str, float]
    left_alone: dict[str, str]


def lsuv(
    model: keras.Model,
    batch: Any,
    *,
    seed: int = SEED,
    tolerance: float = 0.02,
    iterations: int = 20,
) -> Lsuv:
    """Gives a model orthonormal kernels, and every layer outputs of variance 1.

    One batch passes the model. Whichever layer it comes to, however deep inside, gets
    an orthonormal kernel, which is divided by the standard deviation of what the layer
    returns before its activation, over the batch and all units, until the variance is 1
    (Mishkin & Matas 2016, arXiv:1511.06422, algorithm 1; the defaults are those of the
    authors' program). The layers are `Dense`, `Affine` and all convolutions: of
    separable ones the pointwise kernel is divided. Of a layer that is called several
    times the first call counts.

        report = lsuv(model, x[:256])

    Nothing but these kernels is written: no bias, no state of layers or of optimizers.

    Args:
        model: compiled or not; if it is not built, this builds it.
        batch: what the model is called with.
        seed: of the kernels, 0 to 2**63 - 1.
        tolerance: how far a variance may be from 1.
        iterations: divisions of a kernel at most.

    Raises:
        ValueError: a setting is not what it must be.
    """
    check_seed(seed)
    positive("tolerance", tolerance, "the authors have 0.02")
    whole("iterations", iterations, 1, "the authors have 20")
    if not model.built:
        model(batch, training=False)
    trained = {id(weight) for weight in model.trainable_weights}
    variances: dict[str, float] = {}
    left_alone: dict[str, str] = {}
    number = itertools.count(1)

    def start(layer, output):
        if layer.path in variances or layer.path in left_alone:
            return
        kernels = _kernels(layer)
        if not all(id(kernel) in trained for kernel, _ in kernels):
            return
        for kernel, draw in kernels:
            kernel.assign(draw(seed, next(number), tuple(kernel.shape)))
        variance = _scale(kernels[-1][0], output, tolerance, iterations)
        if abs(variance - 1) <= tolerance:
            variances[layer.path] = variance
        else:
            left_alone[layer.path] = f"its variance stayed at {variance:.3g}"

    with before_calls(start):
        model(batch, training=False)
    for weight in model.weights:
        path = weight.path.rpartition("/")[0]
        if path not in variances:
            frozen = id(weight) not in trained
            reason = "it is not trained" if frozen else "it has no kernel to scale"
            left_alone.setdefault(path, reason)
    return Lsuv(variances, left_alone)


def _scale(kernel, output, tolerance, iterations):
    """Divides a kernel until its layer's output has variance 1; returns that."""
    for left in reversed(range(iterations + 1)):
        variance = float(np.var(np.asarray(output(), np.float64)))
        no_mend = not np.finfo(np.float32).tiny < variance < math.inf
        if abs(variance - 1) <= tolerance or no_mend or not left:
            break
        kernel.assign(kernel / math.sqrt(variance))
    return variance


@contextlib.contextmanager
def before_calls(start: Callable[[Any, Callable], None]) -> Iterator[None]:
    """Inside, `start` is told of layers before they are called.

    It gets the layer, and a function that returns its output before the activation.
    """

    def watched(call):
        @functools.wraps(call)
        def watched_call(layer, *args, **kwargs):
            def output():
                kept = layer.activation
                # Keras guards attributes that are layers, as activations may be.
                object.__setattr__(layer, "activation", lambda z: z)
                try:
                    return call(layer, *args, **kwargs)
                finally:
                    object.__setattr__(layer, "activation", kept)

            if tf.executing_eagerly():
                start(layer, output)
            return call(layer, *args, **kwargs)

        return watched_call

    kinds: Any = (*_DENSE, *_TRANSPOSED, *_DEPTHWISE, *_SEPARABLE)
    own = {kind: vars(kind).get("call") for kind in kinds}  # Or it is inherited.
    try:
        for kind in kinds:
            kind.call = watched(kind.call)
        yield
    finally:
        for kind, call in own.items():
            if call is None:
                del kind.call
            else:
                kind.call = call


def _kernels(layer):
    """Lists a layer's kernels, the one that is scaled last, with what draws each."""
    if isinstance(layer, _SEPARABLE):
        return [(layer.depthwise_kernel, _depthwise), (layer.pointwise_kernel, _dense)]
    if isinstance(layer, _DEPTHWISE):
        return [(layer.kernel, _depthwise)]
    return [(layer.kernel, _transposed if isinstance(layer, _TRANSPOSED) else _dense)]


def _dense(seed, number, shape):  # [..., I, O]
    kernel = draw_kernel("orthogonal", seed, number, math.prod(shape[:-1]), shape[-1])
    return kernel.reshape(shape)


def _transposed(seed, number, shape):  # [..., O, I]
    *window, outputs, inputs = shape
    return np.moveaxis(_dense(seed, number, (*window, inputs, outputs)), -1, -2)


def _depthwise(seed, number, shape):  # [..., I, O]: O maps of each of the I channels.
    *window, inputs, outputs = shape
    kernel = draw_kernel(
        "orthogonal", seed, number, math.prod(window), outputs, pieces=inputs
    )
    return kernel.reshape(shape)


_layers = keras.layers
_DENSE = (Affine, _layers.Dense, _layers.Conv1D, _layers.Conv2D, _layers.Conv3D)
_TRANSPOSED = (
    _layers.Conv1DTranspose,
    _layers.Conv2DTranspose,
    _layers.Conv3DTranspose,
)
_DEPTHWISE = (_layers.DepthwiseConv1D, _layers.DepthwiseConv2D)
_SEPARABLE = (_layers.SeparableConv1D, _layers.SeparableConv2D)
