"""Verdicts in words and the tables on the terminal."""

import math
import re

import pytest

from xorlab.diagnosis import first_to_last, judge_gradients, judge_outcome
from xorlab.train import report


@pytest.mark.parametrize(
    ("rms", "words"),
    [
        (
            {"layer1": 1e-8, "layer2": 1e-4, "last": 1e-1},
            "vanishes .* layer1 .* 1.0e-07",
        ),
        ({"layer1": 1e3, "last": 1e-1}, "explodes .* 1.0e\\+04 times"),
        ({"layer1": 0.02, "last": 0.01}, "reaches the input: layer1 receives 2 times"),
        ({"layer1": 0.0, "layer2": 0.1, "last": 0.1}, "No gradient .* reaches layer1:"),
        ({"layer1": 0.0, "last": 0.0}, "exactly zero everywhere"),
        ({"layer1": 1.0, "last": math.nan}, "Not every gradient is a finite number"),
        ({"a": 1.0, "b": math.nan, "c": 1.0}, "Not every gradient is a finite number"),
        ({"layer1": 2e-9, "last": 1e-8}, "Training stands still: .* above 1.0e-08"),
    ],
)
def test_gradients_are_judged_in_words(rms, words):
    assert re.search(words, judge_gradients(rms))


def test_a_network_that_fails_is_said_to_fail():
    assert judge_outcome(4, 4, 1e-4, False, None).startswith("It learned XOR")
    assert "did not learn XOR: 3 of 4" in judge_outcome(3, 4, 0.4774, False, None)
    assert "within 0.001 of 0.5" in judge_outcome(3, 4, 0.6931, True, None)
    assert "step 17" in judge_outcome(4, 4, math.nan, False, 17)


def test_ratio_of_first_to_last():
    assert first_to_last({"a": 1e-6, "b": 5.0, "c": 1e-1}) == pytest.approx(1e-5)
    assert math.isnan(first_to_last({"a": 1.0, "b": 0.0}))


def test_bars_are_logarithmic():
    table = report.gradient_table({"a": 1e-8, "b": 1e-4, "c": 1.0, "d": 0.0}, "title")
    bars = [line.count("█") for line in table.splitlines()[2:6]]
    # Eight decades over 40 characters; the least still shows, a zero does not.
    assert bars == [1, 20, 40, 0]
    assert table.splitlines()[0] == "title"


def test_bars_of_equal_layers_are_equal():
    table = report.gradient_table({"a": 0.5, "b": 0.5}, "title")
    first, second = (line.count("█") for line in table.splitlines()[2:4])
    assert first == second > 20


def test_bars_of_layers_that_are_nearly_equal_are_nearly_equal():
    table = report.gradient_table({"a": 0.2, "b": 0.4}, "title")
    first, second = (line.count("█") for line in table.splitlines()[2:4])
    assert 0 < second - first < 8  # Of 40.


def test_a_table_without_any_gradient_still_prints():
    table = report.gradient_table({"a": 0.0, "b": math.nan}, "title")
    assert "nan" in table and "█" not in table


def test_the_lecture_s_block():
    result = {
        "steps_done": 200_000,
        "cost": 0.69314718,
        "hypothesis": [0.49999988, 0.50000006, 0.49999982, 0.5],
        "predicted": [0.0, 1.0, 0.0, 0.0],
        "accuracy": 0.75,
    }
    lines = report.lecture_block(result).splitlines()
    assert lines[:2] == ["Step 200000", "Cost: 0.69314718"]
    assert lines[4].split() == ["0", "1", "1", "0.50000006", "1"]
    assert lines[-1] == "Accuracy: 0.75"


def test_a_network_that_diverged_at_once_is_said_to_have():
    assert "not finite at step 0" in judge_outcome(2, 4, math.nan, False, 0)


def verdict(hypothesis, start=1.0, end=1.0):
    result = {
        "hypothesis": hypothesis,
        "predicted": [float(y > 0.5) for y in hypothesis],
        "cost": 0.5,
        "diverged_at": None,
        "gradient_rms": {
            "start": {"layer1": start, "last": 1.0},
            "end": {"layer1": end, "last": 1.0},
        },
    }
    return report.verdict(result).splitlines()


def test_a_verdict_counts_the_rows_that_are_right():
    assert verdict([0.1, 0.9, 0.9, 0.1])[0].startswith("It learned XOR: all 4 rows")
    assert "3 of 4 rows are right" in verdict([0.1, 0.9, 0.9, 0.9])[0]


def test_hypotheses_are_undecided_where_all_are_next_to_a_half():
    assert "within 0.001 of 0.5" in verdict([0.4995, 0.5005, 0.5, 0.5])[0]
    # One that is not, or farther off, is a decision.
    for hypothesis in ([0.4995, 0.5005, 0.5, 0.3], [0.498, 0.502, 0.502, 0.498]):
        assert "within" not in verdict(hypothesis)[0]


def test_a_verdict_tells_start_from_end():
    _, start, end = verdict([0.1, 0.9, 0.9, 0.1], start=1e-6, end=1e6)
    assert start.startswith("At the start: The gradient vanishes")
    assert end.startswith("At the end: The gradient explodes")
