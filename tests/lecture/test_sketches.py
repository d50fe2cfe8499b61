"""What the lecture's pictures show is drawn as they show it, and can be read."""

import pytest
from oracles.figures import check_texts

from xorlab.lecture import sketches
from xorlab.lecture.words import CHAPTERS


def drawn(figure):
    """The curve of each panel: its x and its y."""
    return [
        (line.get_xdata().tolist(), line.get_ydata().tolist())
        for axes in figure.axes
        for line in axes.lines[:1]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("chapter", sketches.SKETCHES)
def test_every_sketch_can_be_read_and_its_picture_is_told_of(chapter):
    for number, draw in sketches.SKETCHES[chapter]:
        check_texts(draw())
        assert number in CHAPTERS[chapter].shown, number


def test_curves_are_those_that_the_words_tell_of():
    (steps, costs), (_, accuracies) = drawn(sketches.stuck())
    # "The cost falls to 0.693 at once and stays there."
    assert steps[-1] == 200_000 and costs[0] == pytest.approx(0.707, abs=1e-3)
    assert costs[1:] == pytest.approx([0.693] * len(costs[1:]), abs=2e-4)
    assert set(accuracies) == {0.5, 0.75} and accuracies[0] == 0.5
    (steps, costs), (_, accuracies) = drawn(sketches.learnt())
    # "From 0.65 to under 0.05 in 4,000 steps and to about 0.01 in 10,000."
    at = dict(zip(steps, costs, strict=True))
    assert costs == sorted(costs, reverse=True)
    assert at[0] == pytest.approx(0.65, abs=0.02) and at[4_000] < 0.05
    assert at[10_000] == pytest.approx(0.01, abs=5e-3)
    assert set(accuracies[1:]) == {1.0}
    [(_, left)] = drawn(sketches.product())
    assert left == pytest.approx([1, 0.01, 0.01 * 0.01, 0.01 * 0.01 * 0.03])


def test_the_graph_has_every_weight_of_picture_04():
    [axes] = sketches.graph().axes
    said = [text.get_text() for text in axes.texts]
    for kind in ("Weight", "Bias"):
        assert {x for x in said if x.startswith(kind)} == {
            f"{kind}{n}" for n in range(1, 12)
        }
    assert said.count("train") == 11
