"""What a step did is told by weight and by layer, and says the same as the arrays."""

import dataclasses

import numpy as np
import pytest

from xorlab.steps import histograms, rms_by_layer
from xorlab.steps.statistics import StepStatistics


def statistics(gradients):
    """Of a step with these gradients, float32 by weight path."""
    arrays = [np.float32(x) for x in gradients.values()]
    with np.errstate(over="ignore", invalid="ignore"):
        squares = [float(np.sum(np.square(x))) for x in arrays]
    return StepStatistics(
        step=3,
        weights=list(gradients),
        counts=histograms.count([*arrays, *arrays]),
        ends=histograms.find_ends([*arrays, *arrays]),
        sizes=[x.size for x in arrays],
        gradient_squares=squares,
        weight_squares=[1.0] * len(arrays),
        change_squares=[0.0] * len(arrays),
        layers=[],
        wall_time=0.0,
    )


def test_entries_that_are_not_finite_are_counted_and_no_others():
    gradients = {
        "a/kernel": [np.nan, 1.0, np.nan],
        "a/bias": [np.inf, 1.0],
        "b/kernel": [-np.inf, np.nan, np.inf],
        # Its square is too large for float32, it is not.
        "b/bias": [3e38, -3e38],
        "c": [0.0, 1.0],
    }
    assert statistics(gradients).gradients_not_finite == [2, 1, 3, 0, 0]


def test_numbers_of_weights_add_up_by_layer_in_order():
    step = statistics({"b/kernel": [1.0], "a/x/kernel": [1.0], "b/bias": [1.0]})
    sums = step.by_layer([1.0, 10.0, 100.0])
    assert list(sums.items()) == [("b", 101.0), ("a/x", 10.0)]
    with pytest.raises(ValueError, match="zip"):
        step.by_layer([1.0, 10.0])


def test_a_layer_s_rms_is_that_of_its_arrays():
    random = np.random.default_rng(6)
    gradients = {
        "a/kernel": random.normal(size=(4, 3)),
        "b/kernel": random.normal(size=7),
        "a/bias": random.normal(size=3),
    }
    expected = rms_by_layer({path: np.float32(g) for path, g in gradients.items()})
    assert statistics(gradients).gradient_rms() == pytest.approx(expected, rel=1e-6)


def test_a_layer_without_entries_has_no_rms():
    step = statistics({"a/kernel": [], "b/kernel": [2.0]})
    assert step.gradient_rms() == {"b": 2.0}


def test_of_chosen_layers_nothing_else_is_told():
    # Two callbacks of one training may choose others, and have what is of both.
    arrays = [np.full(n, 1.0) for n in range(1, 7)]
    both = dataclasses.replace(
        statistics({"a/kernel": [3.0], "b/kernel": [4.0, 0.0]}),
        counts=histograms.count(arrays),
        ends=histograms.find_ends(arrays),
        layers=["a", "b"],
        returned=["b", "a"],
        units={"dead_units/a": 0.5, "saturated_units/b": 0.25},
        flat={"a": 0.5, "b": 0.25},
        loss_squares={"data_loss": [9.0, 16.0]},
    )
    some = both.of(["b"])
    assert (some.weights, some.layers, some.returned) == (["b/kernel"], ["b"], ["b"])
    # Of gradient, weight and output.
    assert some.counts.sum(axis=1).tolist() == [2, 4, 6] and len(some.ends) == 3
    assert (some.sizes, some.gradient_squares) == ([2], [16.0])
    assert some.units == {"saturated_units/b": 0.25} and some.flat == {"b": 0.25}
    assert some.loss_squares == {"data_loss": [16.0]}


def lost_in(**places):
    """Of a step in which only these are not finite; two layers and a nested model."""
    layers = ["a", "model", "model/b"]
    paths = ["a/w", "model/b/w"]
    finite = np.ones(2)

    def arrays(kind, names):
        lost = places.get(kind, ())
        return [finite * (np.nan if name in lost else 1) for name in names]

    gradients, weights = arrays("gradients", paths), arrays("weights", paths)
    changes = arrays("changes", paths)
    tensors = [*gradients, *weights, *arrays("outputs", layers)]
    squares = [[float(x @ x) for x in each] for each in (gradients, weights, changes)]
    return StepStatistics(
        step=0,
        weights=paths,
        counts=histograms.count(tensors),
        ends=histograms.find_ends(tensors),
        sizes=[2, 2],
        gradient_squares=squares[0],
        weight_squares=squares[1],
        change_squares=squares[2],
        layers=layers,
        wall_time=0.0,
        batch_not_finite=places.get("batch"),
        # A nested model returns after its layers.
        returned=["a", "model/b", "model"],
    )


BOTH = ["a/w", "model/b/w"]


@pytest.mark.parametrize(
    ("lost", "first"),
    [
        ({}, None),
        ({"changes": ["a/w"]}, "the weight a/w, after the update"),
        ({"changes": BOTH, "gradients": ["a/w"]}, "the gradient of a/w (2 entries)"),
        ({"changes": BOTH, "gradients": BOTH}, "the gradient of model/b/w (2 entries)"),
        ({"gradients": BOTH, "batch": "the loss"}, "the loss"),
        (
            {"batch": "the loss", "outputs": ["model", "model/b"]},
            "the output of model/b (2 entries)",
        ),
        (
            {"batch": "the loss", "outputs": ["model"]},
            "the output of model (2 entries)",
        ),
        ({"batch": "x of the batch", "gradients": BOTH}, "x of the batch"),
        # The loss may mask it.
        ({"batch": "y of the batch"}, None),
        (
            {"batch": "x of the batch", "weights": BOTH, "outputs": ["a"]},
            "the weight a/w (2 entries), before the update",
        ),
    ],
)
def test_the_first_place_is_the_one_that_was_computed_first(lost, first):
    assert lost_in(**lost).first_not_finite() == first
