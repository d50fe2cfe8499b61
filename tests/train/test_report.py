"""Verdicts in words and the tables on the terminal."""

import dataclasses
import json
import math

import pytest

from xorlab import train
from xorlab.train import Config, report
from xorlab.train.cures import advised, command
from xorlab.train.outcome import outcome
from xorlab.train.report import first_to_last


def test_ratio_of_first_to_last():
    assert first_to_last({"a": 1e-6, "b": 5.0, "c": 1e-1}) == pytest.approx(1e-5)
    assert math.isnan(first_to_last({"a": 1.0, "b": 0.0}))


def test_bars_are_logarithmic():
    table = report.gradient_table({"a": 1e-12, "b": 1e-6, "c": 1.0, "d": 0.0}, "title")
    bars = [line.count("█") for line in table.splitlines()[2:6]]
    # Twelve decades over 40 characters; the least still shows, a zero does not.
    assert bars == [1, 20, 40, 0]
    assert table.splitlines()[0] == "title"


def test_bars_of_equal_layers_are_equal():
    table = report.gradient_table({"a": 0.5, "b": 0.5}, "title")
    first, second = (line.count("█") for line in table.splitlines()[2:4])
    assert first == second > 20


def test_bars_of_two_runs_share_one_scale():
    sigmoid = report.gradient_table({"a": 1e-8, "b": 1e-2}, "sigmoid")
    relu = report.gradient_table({"a": 1e-2, "b": 1e-3}, "relu")
    _, of_sigmoid = (line.count("█") for line in sigmoid.splitlines()[2:4])
    of_relu, _ = (line.count("█") for line in relu.splitlines()[2:4])
    assert of_sigmoid == of_relu == 32  # Eight decades of ten.


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


def result(hypothesis, cost=0.5, findings=(), **more):
    return {
        "config": dataclasses.asdict(Config("sigmoid")),
        "hypothesis": hypothesis,
        "predicted": [float(y > 0.5) for y in hypothesis],
        "cost": cost,
        "accuracy_at_start": 0.5,
        "diverged_at": None,
        "verdict": {"findings": list(findings)},
        **more,
    }


def test_a_network_that_learned_is_told_so_and_nothing_else():
    # Small gradients, dead units: whatever is so where a network is right is well.
    finding = {"why": "The gradient vanishes.", "advice": "", "remedies": []}
    [line] = report.verdict(result([0.1, 0.9, 0.9, 0.1], 1e-4, [finding])).splitlines()
    assert line.startswith("It learned XOR: all 4 rows")


def test_a_network_that_was_right_before_training_has_not_learned():
    words = report.verdict(result([0.1, 0.9, 0.9, 0.1], accuracy_at_start=1.0))
    assert words.startswith("It was right on all 4 rows before training")


def test_hypotheses_are_undecided_where_all_are_next_to_a_half():
    assert "within 0.001 of 0.5" in outcome(result([0.4995, 0.5005, 0.5, 0.5]))
    # One that is not, or farther off, is a decision.
    for hypothesis in ([0.4995, 0.5005, 0.5, 0.3], [0.498, 0.502, 0.502, 0.498]):
        assert "within" not in outcome(result(hypothesis))


def test_a_network_that_diverged_at_once_is_said_to_have():
    assert "not finite at step 0." in outcome(result([0.5] * 4, diverged_at=0))


def test_three_rows_that_share_an_output_are_named_with_what_that_costs():
    third = 1 / 3
    words = outcome(result([third, third, 0.999, third], 0.4774))
    assert "3 of 4 rows are right, at a cost of 0.4774. The rows" in words
    assert "(0,0), (0,1) and (1,1) share one output, 0.333" in words
    assert "least cost that is left is 0.4774" in words  # 3/4 of H(1/3).
    assert "share" not in outcome(result([0.1, 0.9, 0.9, 0.6]))


def test_the_next_command_makes_another_run_of_the_same_settings():
    settings = {"depth": 7, "seed": 3, "run_name": "mine", "logdir": "there"}
    # The next one is to replace none, and need not try what was tried.
    config = Config("sigmoid", **settings, overwrite=True, remedies=True)
    for remedies in (["activation"], ["initializer"], ["rate/10"], ["rate*10"], []):
        words = command(config, advised(config, remedies)).split()
        assert words[:3] == ["python", "-m", "xorlab.train"]
        flags = dict(word[2:].split("=") for word in words[3:])
        assert flags.pop("run_name") == "mine-next" and flags.pop("logdir") == "there"
        kept = {"activation": "sigmoid", "depth": "7", "seed": "3"}
        assert kept.items() <= flags.items() and len(flags) == 4


def test_what_is_next_to_try_is_another_run():
    # Where more steps are all that is left, they are many more.
    assert advised(Config(steps=30_000), []) == {"steps": 300_000}
    handmade = Config(network="handmade", steps=30_000)
    assert advised(handmade, ["activation"]) == {"steps": 300_000}
    assert advised(Config("tanh", seed=3), ["activation"]) == {"seed": 4}


@pytest.mark.parametrize(
    ("steps", "words"),
    [(19_999, "19,999 steps are few: give it 20,000 "), (20_000, "need more steps.")],
)
def test_where_nothing_is_found_a_few_steps_may_be_why(steps, words):
    told = report.verdict(result([0.1, 0.9, 0.9, 0.6], steps_done=steps))
    assert words in told.splitlines()[1]


def test_a_start_that_was_scaled_is_not_kept():
    config = Config("relu", init_scale=0.05)
    assert advised(config, ["initializer"]) == {"init_scale": 1.0}
    words = command(config, {"init_scale": 1.0})
    assert words == "python -m xorlab.train --init_scale=1"


@pytest.mark.slow
def test_after_a_few_steps_no_rate_is_called_too_small(tmp_path):
    # At a rate with which ten steps move nothing, and 20,000 all.
    settings = {"depth": 3, "learning_rate": 0.01, "log_every": 1, "jit": False}
    config = Config("tanh", steps=10, logdir=str(tmp_path), **settings)
    words = report.verdict(train.run(config))
    assert "learning rate" not in words and " --steps=20000 " in words


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_why_deep_networks_do_not_learn(activation, tmp_path):
    # Deep sigmoid from the default seed; relu from one where three rows become one.
    settings = {"sigmoid": {}, "relu": {"seed": 5}}[activation]
    config = Config(activation, steps=4000, logdir=str(tmp_path), histograms=False)
    ended = train.run(dataclasses.replace(config, run_name="", **settings))
    cause, words = {
        "sigmoid": ("vanishing", "The gradient vanishes on its way to layer1, layer2"),
        "relu": ("collapsed", "Rows of different labels are next to the same in layer"),
    }[activation]
    assert ended["verdict"]["cause"] == cause
    assert words in report.verdict(ended)
    json.dumps(ended["verdict"])
