"""What a table says in words: of tables made by hand, whose every number is known."""

import numpy as np

from xorlab.images.grid import Cell
from xorlab.images.summary import Trained, pairs, summarise
from xorlab.images.words import claims, comparisons


def table(**accuracies):
    """Cells by `activation__start`, with a network a seed."""
    trained = []
    for name, accuracy in accuracies.items():
        cell = Cell("digits", *name.split("__"), 0.01, 32, 20)
        well = np.zeros(len(accuracy), bool)
        trained.append(Trained(cell, np.array(accuracy), 0 * well, well, "", 1.0))
    summaries = summarise(trained)
    return summaries, list(pairs(summaries))


BEST, MIDDLE, FAILED = [0.95, 0.85, 0.9], [0.85, 0.75, 0.8], [0.1, 0.1, 0.1]
NEAR = [0.8, 0.9, 0.85]  # As good as `MIDDLE` within chance.


def test_what_is_claimed_of_lsuv_is_told_start_by_start():
    summaries, compared = table(
        relu__he_normal=BEST,
        relu__lsuv=MIDDLE,
        relu__orthogonal=FAILED,
        relu__glorot_uniform=NEAR,
        sigmoid__lsuv=FAILED,
        sigmoid__he_normal=BEST,
    )
    lines = claims(summaries, compared)
    assert lines[-4:-1] == [
        "  - better, 1 of 3: relu than from orthogonal (+70.0, +57.6 to +82.4)",
        "  - worse, 1 of 3: relu than from he_normal (-10.0, -10.0 to -10.0)",
        "  - not told apart, 1 of 3: "
        "relu than from glorot_uniform (-5.0, -29.8 to +19.8)",
    ]
    assert any(line.endswith("Here it does from he_normal.") for line in lines)


def test_very_leaky_relu_is_held_against_relu_start_by_start():
    summaries, compared = table(
        relu__lsuv=MIDDLE,
        very_leaky_relu__lsuv=BEST,
        very_leaky_relu__he_normal=MIDDLE,
        relu__he_normal=BEST,
        tanh__lsuv=BEST,
    )
    better, worse, alike, _ = claims(summaries, compared)[-4:]
    assert better.startswith("  - better, 1 of 2: from lsuv (+10.0, ")
    assert worse.startswith("  - worse, 1 of 2: from he_normal (-10.0, ")
    assert alike == "  - not told apart, 0 of 2: none"


def test_sigmoid_that_learns_from_no_start_is_told():
    text = "\n".join(claims(*table(sigmoid__lsuv=FAILED, sigmoid__he_normal=FAILED)))
    assert "Here it does from none either." in text and "LSUV" not in text
    assert claims(*table(tanh__he_normal=BEST, elu__he_normal=BEST)) == []


def test_cells_that_converged_are_compared_and_the_others_named():
    _, compared = table(
        relu__lsuv=BEST,
        relu__he_normal=MIDDLE,
        relu__orthogonal=FAILED,
        tanh__lsuv=NEAR,
    )
    lines = comparisons(compared)
    assert "Of 4 pairs" in lines[2] and " 3 differ by more than chance" in lines[2]
    assert lines[4:] == [
        "- relu: lsuv is better than he_normal by 10.0 (10.0 to 10.0); "
        "n/c: orthogonal.",
        "- lsuv: not told apart: relu and tanh.",
        "",
    ]
