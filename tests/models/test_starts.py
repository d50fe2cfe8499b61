"""Starts of convolutional networks have the sizes that their papers give them."""

import keras
import numpy as np
import pytest

from xorlab.models.starts import STARTS, start

# Weights that an output takes, and that an input goes to: of 3 x 3 places, and of one.
FANS = {"conv": (9 * 8, 9 * 32), "dense": (32, 64)}


def kernels(name):
    """The kernels of two layers, as matrices."""
    inputs = keras.Input((5, 5, 8))
    conv = keras.layers.Conv2D(32, 3, bias_initializer="ones", name="conv")(inputs)
    flat = keras.layers.GlobalMaxPooling2D()(conv)
    model = keras.Model(inputs, keras.layers.Dense(64, name="dense")(flat))
    start(model, name, seed=3, batch=np.random.default_rng(1).random((16, 5, 5, 8)))
    assert not model.get_layer("conv").bias.numpy().any()
    matrices = {x: model.get_layer(x).kernel.numpy() for x in FANS}
    return {x: kernel.reshape(-1, kernel.shape[-1]) for x, kernel in matrices.items()}


@pytest.mark.parametrize("layer", FANS)
def test_random_starts_have_their_variance(layer):
    fan_in, fan_out = FANS[layer]
    for name, variance in (
        ("glorot_uniform", 2 / (fan_in + fan_out)),
        ("he_normal", 2 / fan_in),
    ):
        assert kernels(name)[layer].var() == pytest.approx(variance, rel=0.1)


def test_orthonormal_starts_are_so_and_scaled_for_relu_where_they_say_it():
    for name, square in (("orthogonal", 1), ("orthogonal_he", 2)):
        assert name in STARTS
        for matrix in kernels(name).values():
            short = matrix if len(matrix) < matrix.shape[1] else matrix.T
            expected = square * np.eye(len(short))
            np.testing.assert_allclose(short @ short.T, expected, atol=1e-5)
