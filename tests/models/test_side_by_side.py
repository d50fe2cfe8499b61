"""Networks side by side train as each does alone, whatever becomes of the others."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from xorlab.images.program import sum_of_losses
from xorlab.models.fitnet import Activate, fitnet
from xorlab.models.side_by_side import Convolutions, side_by_side, stack, unstack
from xorlab.models.starts import start

R, N, STEPS = 3, 8, 6
RANDOM = np.random.default_rng(0)
# Flat regions, as images have: pooling meets equals.
X = np.round(RANDOM.normal(size=(STEPS, N, R, 6, 5, 2))).astype(np.float32)
X[:, :, :, :3] = 0
Y = RANDOM.integers(0, 4, (STEPS, N, R))


def chain(activation, pieces=1):
    """A small network of all kinds of layers that `fitnet` has."""
    inputs = keras.Input((6, 5, 2))
    x = keras.layers.Conv2D(4 * pieces, 3, padding="same", name="a")(inputs)
    x = Activate(activation, name="b")(x)
    x = keras.layers.MaxPooling2D(2, name="c")(x)
    x = keras.layers.Conv2D(3 * pieces, (2, 3), padding="same", name="d")(x)
    x = Activate(activation, name="e")(x)
    x = keras.layers.GlobalMaxPooling2D(name="f")(x)
    return keras.Model(inputs, keras.layers.Dense(4, name="g")(x))


def compiled(model, loss):
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss, jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def train(model, x, y):
    """Trains a compiled model, whose optimizer forgets what came before."""
    for momentum in model.optimizer.momentums:
        momentum.assign(tf.zeros_like(momentum))
    shape = (STEPS * N, *x.shape[2:])
    model.fit(
        x.reshape(shape),
        y.reshape(STEPS * N, *y.shape[2:]),
        batch_size=N,
        shuffle=False,
        verbose=0,
    )


@pytest.mark.parametrize(
    ("activation", "pieces"),
    [("relu", 1), pytest.param("maxout", 2, marks=pytest.mark.slow)],
)
def test_each_ends_with_the_weights_that_plain_fit_gives_it_alone(activation, pieces):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    one = compiled(chain(activation, pieces), loss)
    starts, alone = [], []
    for seed in range(R):
        start(one, "he_normal", seed)
        starts.append(one.get_weights())
        train(one, X[:, :, seed], Y[:, :, seed])
        alone.append(one.get_weights())
    together = compiled(side_by_side(one, R), sum_of_losses)
    stack(together, starts)
    train(together, X, Y)
    for expected, received, began in zip(
        alone, unstack(together, one), starts, strict=True
    ):
        for one_, other, first in zip(expected, received, began, strict=True):
            moved = np.abs(one_ - first).max()
            assert moved > 1e-3
            np.testing.assert_allclose(other, one_, atol=1e-5 * max(1, moved))


@pytest.mark.parametrize("width", [5, 9])
@pytest.mark.parametrize("window", [(3, 3), (2, 3), (3, 2)])
def test_convolutions_are_keras_s_of_narrow_and_of_wide_images(width, window):
    x = tf.constant(RANDOM.normal(size=(R, N, 4, width, 2)).astype(np.float32))
    beside = Convolutions(3, window)
    beside.build(x.shape)
    for weight in beside.weights:
        weight.assign(RANDOM.normal(size=weight.shape))
    for number in range(R):
        alone = keras.layers.Conv2D(3, window, padding="same")
        alone.build(x.shape[1:])
        shapes = [weight.shape for weight in alone.weights]
        alone.set_weights(
            [
                np.reshape(w[number], s)
                for w, s in zip(beside.weights, shapes, strict=True)
            ]
        )
        np.testing.assert_allclose(beside(x)[number], alone(x[number]), atol=1e-5)


def test_one_that_diverges_does_not_touch_the_others():
    one = chain("tanh")
    start(one, "orthogonal", 1)
    well, sick = one.get_weights(), [w + np.nan for w in one.get_weights()]
    together = compiled(side_by_side(one, R), sum_of_losses)
    ends = []
    for middle in (well, sick):
        stack(together, [well, middle, well])
        train(together, X, Y)
        ends.append(unstack(together, one))
    assert np.isnan(ends[1][1][0]).all()
    for number in (0, 2):
        for before, after in zip(ends[0][number], ends[1][number], strict=True):
            np.testing.assert_array_equal(before, after)


def test_weights_come_back_as_they_were_stacked():
    one = chain("tanh")
    networks = [[w + seed for w in one.get_weights()] for seed in range(R)]
    together = side_by_side(one, R)
    stack(together, networks)
    assert [w.path for w in together.weights] == [w.path for w in one.weights]
    for before, after in zip(networks, unstack(together, one), strict=True):
        for one_, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one_, other)


def test_layers_that_cannot_stand_side_by_side_are_named():
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(name="flat")]
    )
    with pytest.raises(ValueError, match="received Flatten 'flat'; train it alone"):
        side_by_side(model, 2)


def test_the_network_is_fitnet_4():
    model = fitnet("relu", (32, 32, 3))
    kernels = [w.shape for w in model.weights if w.name == "kernel"]
    filters = [shape[-1] for shape in kernels]
    assert filters == [32] * 3 + [48] * 2 + [80] * 6 + [128] * 6 + [10]
    assert model.output_shape == (None, 10)
    named = {layer.name: layer for layer in model.layers}
    assert named["conv2_1"].input.shape[1:3] == (16, 16)
    assert named["conv3_1"].input.shape[1:3] == (8, 8)


def test_a_unit_of_maxout_has_two_filters():
    one, two = (fitnet(name, (8, 8, 1), (4, 6, 10, 16)) for name in ("relu", "maxout"))
    assert two.get_layer("conv2_1").kernel.shape == (3, 3, 6, 20)
    assert (
        two.get_layer("maxout2_1").output.shape == one.get_layer("relu2_1").output.shape
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rellu", (8, 8, 1)), "activation: .*'relu'"),
        (("relu", (3, 8, 1)), "shape: .*received 3"),
        (("relu", (8, 8, 1), (4, 6)), "widths: expected 4 numbers"),
        (("relu", (8, 8, 1), (4, 6, 0, 16)), "widths: .*received 0"),
    ],
)
def test_arguments_are_checked(arguments, words):
    with pytest.raises(ValueError, match=words):
        fitnet(*arguments)
