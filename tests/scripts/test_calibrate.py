"""The calibration: what it counts, whom it compares, and that it goes on."""

import dataclasses
import math
import pathlib
import sys

import pytest

from xorlab.diagnosis import Evidence, LayerStep, StepEvidence

SCRIPTS = pathlib.Path(__file__).parents[2] / "scripts"


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    yield
    for name in [x for x in sys.modules if x.split(".")[0] == "calibration"]:
        del sys.modules[name]


def seen(*gradient_rms, loss=0.7, zeros=0.0):
    layers = {
        f"layer{number}": LayerStep(gradient_rms=rms, gradient_zeros=zeros)
        for number, rms in enumerate(gradient_rms)
    }
    return StepEvidence(0, layers, loss=loss)


def test_published_rules_fire_where_they_say():
    from calibration.rules import RULES

    def fire(*steps):
        evidence = Evidence(steps=steps)
        return {name for name, rule in RULES.items() if rule(evidence)} - {
            "xorlab's verdict"
        }

    assert fire(seen(0.1, 0.1)) == set()
    assert fire(seen(0.5e-7, 0.9)) == {
        "SageMaker Debugger",
        "AutoTrainer",
        "gradients alone",
    }
    # A thousandth of the last, but not small: AutoTrainer wants both.
    assert fire(seen(1e-3, 2.0)) == {"gradients alone"}
    assert fire(seen(9.0, 0.1)) == {"AutoTrainer"}
    assert fire(seen(0.1, 0.1, zeros=0.8)) == {"AutoTrainer"}
    assert "SageMaker Debugger" in fire(seen(0.1, math.nan, loss=math.nan))
    rising = [seen(0.1, 0.1, loss=loss) for loss in (0.6, 0.7, 0.6, 0.7)]
    assert fire(*rising) == {"AutoTrainer"}


def test_scores_count_alarms_by_what_became_of_the_networks():
    from calibration.scores import Score, confusion

    score = Score()
    for failed, alarm in [(1, 1), (1, 1), (1, 0), (0, 1), (0, 0), (0, 0), (0, 0)]:
        score.add(bool(failed), bool(alarm))
    precision, recall, false = score.row().split(" | ")
    assert precision.startswith("0.667") and precision.endswith("2 of 3")
    assert recall.startswith("0.667") and recall.endswith("2 of 3")
    assert false.startswith("0.250") and false.endswith("1 of 4")
    table = confusion([("dead", "dead"), ("dead", "healthy"), ("dead", "dead")])
    assert table.splitlines()[-1] == "| dead | 2 | 1 |"


def test_a_threshold_is_another_inside_and_itself_afterwards():
    from calibration.thresholds import all_thresholds, scaled

    from xorlab.diagnosis import rate

    before = rate.REACH
    with scaled("REACH", 10.0):
        assert rate.REACH.value == pytest.approx(10 * before.value)
    assert before is rate.REACH
    assert {"REACH", "SEPARATION", "VANISHING"} <= set(all_thresholds())


def test_the_table_judges_anew_with_each_threshold():
    from calibration.thresholds import FACTORS, table

    # What three layers return shrinks to 3e-4 of its size, where 1e-3 is asked for.
    sizes = {"one": 1.0, "two": 3e-4, "last": 1.0}
    layers = {name: LayerStep(output_rms=size) for name, size in sizes.items()}
    known = Evidence(steps=[StepEvidence(0, layers)])
    [row] = [x for x in table([(True, known)]).splitlines() if x.startswith("| START")]
    recalls = [float(cell.split(" / ")[0]) for cell in row.split(" | ")[1:]]
    found = dict(zip(FACTORS, recalls, strict=True))
    assert (found[0.1], found[1.0]) == (0, 1)


@pytest.mark.slow
def test_it_goes_on_and_judges_what_is_kept(tmp_path, monkeypatch):
    from calibration import models, networks, report

    cell = dataclasses.replace(networks.cells(quick=True)[0], steps=40)
    case = models.Case(
        "moons",
        "rate_too_small",
        "dense",
        (("depth", 1), ("activation", "relu")),
        ("SGD", 1e-7),
        1,
    )
    monkeypatch.setattr(networks, "cells", lambda quick: [cell])
    monkeypatch.setattr(networks, "LOOKS", (0, 5))
    monkeypatch.setattr(models, "cases", lambda quick: [case])
    monkeypatch.setattr(models, "STEPS", 80)
    monkeypatch.setattr(models, "_advice_works", lambda *arguments: False)
    for part in (networks, models):
        part.train(tmp_path, True)
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert set(kept) == {"xor0.pickle", "model0.pickle"}
    for part in (networks, models):
        part.train(tmp_path, True)
    assert kept == {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    text = report.report(tmp_path, True, "the command")
    assert "## 128 XOR networks" in text and "## 1 Keras models" in text
    assert "| rate_too_small | 1 |" in text
    assert "The planted cause was named: 1.000" in text
