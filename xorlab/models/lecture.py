"""The lecture's three networks, as Keras functional models.

>>> deep("relu", depth=3, width=5).count_params()
51

They summarise, save, load and train like any Keras model; as they are `FusedModel`s, a
`fit` with `steps_per_execution` above 1 is one XLA program.
"""

from collections.abc import Sequence

import keras
import numpy as np

from xorlab.checks import check_seed, one_of, positive, whole
from xorlab.models import data
from xorlab.models.activations import ACTIVATIONS
from xorlab.models.fused import FusedModel
from xorlab.models.initializers import INITIALIZERS, SEED, initial_weights
from xorlab.models.layers import Affine
from xorlab.models.size import check_depth


def handmade() -> FusedModel:
    """The 2-2-1 sigmoid network whose weights the lecture sets by hand (picture 01).

    It is right on all four rows with no training.
    """
    model = _stack([2, 2, 1], "sigmoid", name="handmade")
    model.set_weights(
        [
            np.array([[5, -7], [5, -7]]),
            np.array([-8, 3]),
            np.array([[-11], [-11]]),
            np.array([6]),
        ]
    )
    return model


def shallow(
    activation: str = "sigmoid",
    *,
    seed: int = SEED,
    initializer: str = "uniform",
    init_scale: float = 1.0,
) -> FusedModel:
    """The 2-5-4-1 network that learns with sigmoid too (picture 02).

    Arguments and errors are those of `deep`.
    """
    return _initialized(
        [2, 5, 4, 1], activation, "shallow", seed, initializer, init_scale
    )


def deep(
    activation: str = "relu",
    depth: int = 11,
    width: int = 5,
    *,
    seed: int = SEED,
    initializer: str = "uniform",
    init_scale: float = 1.0,
) -> FusedModel:
    """The lecture's deep network (picture 03).

    Args:
        activation: of `layer1` to the last but one; a name of
            `xorlab.models.ACTIVATIONS`. `last` is always a sigmoid.
        depth: the number of weight layers; the lecture's "9 hidden layers" are 11.
        width: units of every hidden layer.
        seed: of the initial weights, 0 to 2**63 - 1.
        initializer: a name of `xorlab.models.INITIALIZERS`; `uniform`, the
            lecture's, is U(-1, 1). `data_dependent` looks at the four XOR rows.
        init_scale: multiplies the initial kernels.

    Returns:
        A Keras functional model, `[N, 2]` to `[N, 1]`, with layers `layer1`, …,
        `last`. It is not compiled.

    Raises:
        ValueError: an unknown name, a width below 1, a depth below 2, or one that Keras
            cannot make.
        RuntimeError: Keras runs on another backend than TensorFlow.
    """
    check_depth(depth)
    whole("width", width, 1, "the lecture has 5")
    widths = [2] + [width] * (depth - 1) + [1]
    return _initialized(widths, activation, "deep", seed, initializer, init_scale)


def _initialized(widths, activation, name, seed, initializer, init_scale):
    one_of("initializer", initializer, INITIALIZERS)
    check_seed(seed)
    positive("init_scale", init_scale, "1 leaves the initializer as it is")
    model = _stack(widths, activation, name)
    chosen = ACTIVATIONS[activation]
    model.set_weights(
        initial_weights(
            initializer,
            seed,
            widths,
            data.INPUTS,
            chosen,
            scale=init_scale,
            pieces=chosen.pieces,
        )
    )
    return model


def _stack(widths: Sequence[int], activation: str, name: str) -> FusedModel:
    inputs = outputs = keras.Input((widths[0],), name="X-input")
    for number, units in enumerate(widths[1:-1], start=1):
        outputs = Affine(units, activation, name=f"layer{number}")(outputs)
    outputs = Affine(widths[-1], "sigmoid", name="last")(outputs)
    return FusedModel(inputs, outputs, name=name)


def lecture_names(model: FusedModel) -> dict[str, str]:
    """The lecture's names of a model's weights, by Keras's paths.

    >>> lecture_names(handmade())["last/kernel"]
    'Weight2'
    """
    words = {"kernel": "Weight", "bias": "Bias"}
    return {
        variable.path: f"{words[variable.name]}{number}"
        for number, layer in enumerate(model.layers[1:], start=1)
        for variable in layer.variables
    }
