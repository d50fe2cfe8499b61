"""LSUV: after it every layer's output has variance 1, and nothing else has changed."""

import keras
import numpy as np
import pytest

from xorlab import models
from xorlab.models import data

L = keras.layers
RANDOM = np.random.default_rng(0)
IMAGES = (3 * RANDOM.normal(size=(16, 8, 8, 2)) + 1).astype(np.float32)
KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")


class Residual(keras.Model):
    """A subclassed block, which no functional graph shows the inside of."""

    def __init__(self):
        super().__init__(name="residual")
        self.inner = L.Conv2D(6, 3, padding="same")
        self.outer = L.SeparableConv2D(6, 3, padding="same")

    def call(self, x):
        return x + self.outer(keras.ops.tanh(self.inner(x)))


@pytest.fixture(scope="module")
def trained():
    """A trained model of all kinds of layers, LSUV's report, and what has changed."""
    nested = keras.Sequential(
        [
            keras.Input((4, 4, 6)),
            L.Conv2DTranspose(5, 3, strides=2),
            L.ReLU(),
            L.DepthwiseConv2D(3, depth_multiplier=2),
        ],
        name="nested",
    )
    inputs = keras.Input((8, 8, 2))
    residual = Residual()
    x = residual(L.Conv2D(6, 3, strides=2, padding="same", name="conv")(inputs))
    x = L.BatchNormalization(name="norm")(nested(x))
    x = L.Dropout(0.5)(L.GlobalAveragePooling2D(name="pooled")(x))
    frozen = L.Dense(7, trainable=False, name="frozen")
    model = keras.Model(inputs, L.Dense(4, name="head")(frozen(x)))
    model.compile("adam", "mse")
    model.fit(IMAGES, RANDOM.normal(size=(16, 4)), epochs=2, verbose=0)
    for weight in model.weights:
        if weight.name == "bias":
            weight.assign(0 * weight)

    kept = [v for v in model.variables if v.name not in KERNELS or v is frozen.kernel]
    kept += model.optimizer.variables
    before = [np.array(v) for v in kept]
    report = models.lsuv(model, IMAGES, seed=5)
    assert len(kept) > 30
    for variable, value in zip(kept, before, strict=True):
        np.testing.assert_array_equal(variable, value, variable.path)
    return model, report


@pytest.mark.slow
def test_every_output_has_variance_1_however_deep_the_layer_lies(trained):
    model, report = trained
    named = {layer.name: layer for layer in model.layers}
    residual, nested = named["residual"], named["nested"]
    conv = keras.Model(model.input, named["conv"].output)(IMAGES)
    inner = residual.inner(conv)
    outputs = {
        "conv": conv,
        residual.inner.path: inner,
        residual.outer.path: residual.outer(np.tanh(inner)),
        "head": model(IMAGES, training=False),
    }
    transposed, _, depthwise = nested.layers
    outputs[transposed.path] = transposed(residual(conv))
    outputs[depthwise.path] = depthwise(np.maximum(outputs[transposed.path], 0))
    assert set(report.variances) == set(outputs)
    for path, output in outputs.items():
        assert np.var(output) == pytest.approx(1, abs=0.02), path
        assert np.var(output) == pytest.approx(report.variances[path], rel=1e-4)


def test_layers_that_are_left_alone_are_named(trained):
    _, report = trained
    assert report.left_alone == {
        "norm": "it has no kernel to scale",
        "frozen": "it is not trained",
    }


def test_kernels_are_orthonormal_but_for_their_scale(trained):
    model, _ = trained
    named = {layer.name: layer for layer in model.layers}
    transposed, _, depthwise = named["nested"].layers
    separable = named["residual"].outer
    across = np.moveaxis(np.array(transposed.kernel), -2, -1)  # [3, 3, I, O]
    matrices = [
        np.reshape(named["conv"].kernel, (18, 6)),
        np.reshape(separable.pointwise_kernel, (6, 6)),
        across.reshape(54, 5),
        np.array(named["head"].kernel),
        *np.moveaxis(np.array(depthwise.kernel), 2, 0).reshape(5, 9, 2),
        *np.moveaxis(np.array(separable.depthwise_kernel), 2, 0).reshape(6, 9, 1),
    ]
    for matrix in matrices:
        product = matrix.T @ matrix
        size = product[0, 0]
        np.testing.assert_allclose(product / size, np.eye(len(product)), atol=1e-5)


def test_a_lecture_network_starts_as_its_own_initializer_makes_it():
    model = models.deep("sigmoid", depth=4, seed=3)
    models.lsuv(model, data.INPUTS, seed=7, tolerance=1e-6)
    expected = models.deep("sigmoid", depth=4, seed=7, initializer="lsuv")
    for one, other in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_what_cannot_have_variance_1_is_named_with_what_it_has():
    inputs = keras.Input((2,))
    biased = L.Dense(3, bias_initializer=lambda *_, **__: np.float32([9, 0, -9]))
    dead = L.Dense(3, name="dead")
    model = keras.Model(inputs, [biased(inputs), dead(0 * inputs)])
    report = models.lsuv(model, data.INPUTS)
    assert not report.variances
    assert report.left_alone["dead"] == "its variance stayed at 0"
    assert report.left_alone[biased.path].startswith("its variance stayed at 5")
    np.testing.assert_allclose(np.linalg.norm(dead.kernel, axis=1), 1, rtol=1e-5)


class Twice(keras.Model):
    """Calls a layer two times, the second with what is ten times as large."""

    def __init__(self):
        super().__init__()
        self.shared = L.Dense(3, name="shared")

    def call(self, x):
        return self.shared(x), self.shared(10 * x)


def test_of_a_layer_that_is_called_twice_the_first_call_counts():
    model = Twice()
    report = models.lsuv(model, data.INPUTS, tolerance=1e-4)
    first, second = (np.var(output) for output in model(data.INPUTS))
    assert first == pytest.approx(1, rel=1e-3) and second == pytest.approx(
        100, rel=1e-3
    )
    [told] = report.variances.values()
    assert told == pytest.approx(first, rel=1e-5)


def test_iterations_are_bounded():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, L.Dense(3, bias_initializer="ones")(inputs))
    model.layers[1].bias.assign([0.4, 0.0, -0.4])
    few = models.lsuv(model, data.INPUTS, tolerance=1e-4, iterations=1)
    assert not few.variances
    assert models.lsuv(model, data.INPUTS, tolerance=1e-4).variances


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tolerance": 0}, "tolerance"),
        ({"iterations": 0}, "iterations"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_are_checked_before_any_kernel_is_written(settings, words):
    model = models.deep("tanh", depth=3)
    before = model.get_weights()
    with pytest.raises(ValueError, match=f"{words}: expected"):
        models.lsuv(model, data.INPUTS, **settings)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_layers_are_themselves_again():
    calls = [(kind, kind.call) for kind in (L.Dense, L.Conv1D, L.Conv2D)]
    models.lsuv(models.deep("tanh", depth=2), data.INPUTS)
    assert all(kind.call is call for kind, call in calls)
    assert "call" not in vars(L.Conv2D)  # It inherits it.
