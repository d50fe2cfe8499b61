"""What outputs tell, for one network and for many side by side, by hand."""

import numpy as np
import pytest

from xorlab.diagnosis import representation

RNG = np.random.default_rng(5)
LABELS = np.array([[0.0], [1.0], [1.0], [0.0]])


@pytest.mark.parametrize("activation", [None, "tanh", "sigmoid", "softmax"])
def test_many_networks_are_told_of_as_each_alone(activation):
    outputs = RNG.uniform(0.01, 0.99, size=(3, 4, 5))
    for tell, more in (
        (representation.separation, LABELS),
        (representation.spread, activation),
        (representation.saturated, activation),
    ):
        together = tell(outputs, more)
        alone = [tell(each, more) for each in outputs]
        if alone[0] is None:
            assert together is None and activation in (None, "softmax")
        else:
            np.testing.assert_allclose(together, alone, rtol=1e-12)
            assert len(set(together.tolist())) > 1 or tell is representation.saturated


def test_separation_is_the_least_distance_of_rows_of_different_label():
    outputs = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, -10.0], [6.0, 8.0]])
    # Rows 0 and 1 are 5 apart, as are 1 and 3, and the largest output is 10.
    assert representation.separation(outputs, LABELS) == pytest.approx(0.5)


def test_where_nothing_can_be_compared_it_is_nan():
    outputs = np.stack([np.zeros((4, 2)), np.ones((4, 2))])
    found = representation.separation(outputs, LABELS)
    assert np.isnan(found[0]) and found[1] == 0
    assert np.isnan(representation.separation(outputs, np.ones(4))).all()


def test_a_tenth_of_the_largest_slope_is_where_saturation_begins():
    sigmoid = 1 / (1 + np.exp(-np.array([[3.6], [3.7], [-3.7], [0.0]])))
    assert representation.saturated(sigmoid, "sigmoid") == 0.5
    tanh = np.tanh([[1.8], [1.9], [-1.9], [0.0]])
    assert representation.saturated(tanh, "tanh") == 0.5
