"""How convolutional networks start: the columns of the lecture's last table."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from xorlab.checks import check_seed, one_of
from xorlab.models.initializers import LSUV, draw_kernel

if TYPE_CHECKING:
    import keras

ORTHOGONAL_HE = "orthogonal_he"
# LSUV, orthonormal, orthonormal scaled as MSRA, Xavier, MSRA: He et al. 2015.
STARTS = (LSUV, "orthogonal", ORTHOGONAL_HE, "glorot_uniform", "he_normal")


def start(model: "keras.Model", name: str, seed: int, batch: Any = None) -> None:
    """Sets the kernels of a model of `Conv2D` and `Dense` layers, and zero biases.

    Layer by layer, in the order of `model.layers`; `orthogonal_he` multiplies
    orthonormal kernels by √2, the gain that He et al. 2015 give to ReLU.

    Args:
        model: is written.
        name: of `STARTS`.
        seed: 0 to 2**63 - 1.
        batch: images that `lsuv` looks at.

    Raises:
        ValueError: the name is unknown, or the seed is not what it must be.
    """
    from xorlab.models.unit_variance import lsuv  # It imports Keras.

    one_of("initializer", name, STARTS)
    check_seed(seed)
    layers = [layer for layer in model.layers if layer.weights]
    for number, layer in enumerate(layers, 1):
        layer.kernel.assign(_kernel(name, seed, number, layer.kernel.shape))
        layer.bias.assign(np.zeros(layer.bias.shape))
    if name == LSUV:
        lsuv(model, batch, seed=seed)


def _kernel(name, seed, number, shape):
    *window, inputs, outputs = shape
    places = math.prod(window)
    drawn = "orthogonal" if name == ORTHOGONAL_HE else name
    kernel = draw_kernel(drawn, seed, number, places * inputs, outputs).reshape(shape)
    if name == ORTHOGONAL_HE:
        kernel *= math.sqrt(2)
    if name == "glorot_uniform":
        # An output goes to as many places as an input comes from.
        fans = places * (inputs + outputs)
        kernel *= math.sqrt((places * inputs + outputs) / fans)
    return kernel
