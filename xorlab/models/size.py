"""How large the lecture's deep network may be, and is; no TensorFlow."""

import sys

from xorlab.checks import whole

# Calls that are under way when Keras begins: a notebook's, or a test's.
_CALLERS = 100


def check_depth(depth: int) -> None:
    """Checks that Keras can make a network of this many layers.

    It visits them by a call within a call (`keras/src/ops/function.py`, `_build_map`),
    of which Python allows `sys.getrecursionlimit()`.

    Raises:
        ValueError: it is not a whole number of at least 2, or too large.
    """
    whole("depth", depth, 2, "a deep network has an input and a last layer")
    most = sys.getrecursionlimit() - _CALLERS
    if depth > most:
        raise ValueError(
            f"depth: expected at most {most}, as deep as Keras's calls may be inside "
            f"of Python's limit; received {depth}; choose less, or raise it by "
            "sys.setrecursionlimit"
        )


def count(depth: int, width: int, pieces: int) -> int:
    """Returns the number of weights of the deep network, biases included.

    Args:
        depth: weight layers.
        width: units of every hidden layer.
        pieces: affine maps of a unit: 2 for maxout, 1 for all others.

    >>> count(depth=3, width=5, pieces=1)
    51
    """
    first, inner, last = 2 * width + width, width**2 + width, width + 1
    return pieces * (first + (depth - 2) * inner) + last
