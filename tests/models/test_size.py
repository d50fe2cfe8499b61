"""The deep network's size is told without making it, and what Keras can make."""

import sys

import pytest

from xorlab import models
from xorlab.models.size import check_depth, count


@pytest.mark.parametrize("activation", ["relu", "maxout"])
@pytest.mark.parametrize(("depth", "width"), [(2, 1), (2, 7), (4, 3)])
def test_weights_are_counted_as_keras_does(activation, depth, width):
    pieces = models.ACTIVATIONS[activation].pieces
    made = models.deep(activation, depth, width)
    assert count(depth, width, pieces) == made.count_params()


def test_the_deepest_network_that_is_taken_can_be_made():
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(220)  # To make less deep a one; it takes as long as it is.
    try:
        assert len(models.deep("relu", depth=120).layers) == 121
        with pytest.raises(ValueError, match="depth: expected at most 120, .*limit"):
            models.deep("relu", depth=121)
    finally:
        sys.setrecursionlimit(before)


def test_the_lecture_s_network_and_far_deeper_ones_are_taken():
    for depth in (2, 11, 900):
        check_depth(depth)
