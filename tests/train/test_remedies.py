"""Cures that are tried on a run: what is seen to work is what the command gives."""

import json
import math
import time
import types

import pytest

from xorlab import train
from xorlab.diagnosis import Tried
from xorlab.train import Config, remedies, report
from xorlab.train.cures import command, cures, settings_of


def test_each_change_is_another_setting_the_first_the_likeliest():
    config = Config("tanh", init_scale=0.1, learning_rate=0.3)
    kinds = ["rate/10", "normalize", "initializer", "activation", "data"]
    found = list(cures(config, kinds))
    # No flag normalises, or mends data.
    assert list(dict(found)) == ["rate/10", "initializer", "activation"]
    flags = [flag for _, flag in found]
    assert flags[0] == "--learning_rate=0.03" and "--init_scale=1" in flags
    assert "--activation=tanh" not in flags and "--activation=relu" in flags
    for flag in flags:
        [(name, value)] = settings_of(flag).items()
        assert getattr(Config(**settings_of(flag)), name) == value
        assert f" {flag} " in command(config, settings_of(flag)) + " "


@pytest.mark.slow
def test_a_deep_sigmoid_network_is_cured_by_the_command_that_is_named(tmp_path, capsys):
    settings = {"depth": 6, "steps": 4000, "histograms": False}
    settings["logdir"] = str(tmp_path)
    config = Config("sigmoid", remedies=True, **settings)
    result = train.run(config)
    as_it_is, *changes = [Tried(**each) for each in result["verdict"]["tried"]]
    assert (as_it_is.learned, as_it_is.after) == (False, result["cost"])
    # One of each kind that flags can make: the first of each has worked.
    assert [x.change for x in changes] == [
        "--activation=relu",
        "--initializer=data_dependent",
    ]
    assert all(x.learned and x.steps == 4000 for x in changes)
    assert json.loads((config.run_dir / "result.json").read_text()) == result
    best = min(changes, key=lambda x: x.after)
    words = report.verdict(result)
    assert "learned\nas it is  " in words and f"seen to work: {best.change};" in words
    next_command = words.splitlines()[-1]
    assert "python -m xorlab.train --" in next_command
    assert f" {best.change} " in next_command
    named = {"activation": "sigmoid", **settings, **settings_of(best.change)}
    assert train.run(Config(**named))["cost"] == best.after
    assert capsys.readouterr().out == ""


def result(*findings, compile_seconds=0.0):
    return {
        "config": {},
        "cost": 0.7,
        "steps_done": 9,
        "diverged_at": None,
        "hypothesis": [0.5] * 4,
        "predicted": [0.0] * 4,
        "accuracy_at_start": 0.5,
        "verdict": {"findings": [{"remedies": x} for x in findings]},
        "seconds": {"compile": compile_seconds},
    }


RECORDER = types.SimpleNamespace(seen=[types.SimpleNamespace(cost=0.8)])
SMALL = {"depth": 2, "steps": 5000, "log_every": 10, "jit": False}


def tried(*arguments, **options):
    ended = result(*arguments, **options)
    return list(remedies.try_remedies(Config(**SMALL), RECORDER, ended, False))


def test_of_a_kind_all_are_tried_until_one_works(monkeypatch):
    def once(config, kind, flag, until, progress):
        return Tried(flag, kind, learned=flag == "--learning_rate=0.001")

    monkeypatch.setattr(remedies, "_tried", once)
    as_it_is, *changes = tried(["rate/10", "clip"], ["rate/10", "activation"])
    assert (as_it_is.before, as_it_is.after, as_it_is.steps) == (0.8, 0.7, 9)
    rates = [x.change for x in changes if x.remedy == "rate/10"]
    assert rates == ["--learning_rate=0.01", "--learning_rate=0.001"]
    assert len([x for x in changes if x.remedy == "activation"]) == 3
    assert tried(["clip", "normalize"]) == []


def test_none_is_begun_that_could_not_be_compiled_in_time():
    [as_it_is] = tried(["activation"], compile_seconds=61.0)
    assert as_it_is.change == "as it is"


def test_a_change_that_time_has_cut_short_says_its_steps(monkeypatch):
    until = time.monotonic() - 1
    change = "activation", "--activation=tanh"
    cut = remedies._tried(Config(**SMALL), *change, until, False)
    assert cut.steps < 5000 and not cut.learned and math.isfinite(cut.after)


def test_a_change_that_ctrl_c_has_cut_short_is_not_told(monkeypatch):
    monkeypatch.setattr(remedies, "fit", lambda *arguments: None)
    until = time.monotonic() + 60
    change = "activation", "--activation=tanh"
    with pytest.raises(KeyboardInterrupt):
        remedies._tried(Config(**SMALL), *change, until, False)


def test_a_rate_that_no_number_holds_is_an_error_of_its_own():
    config = Config(**SMALL, learning_rate=1e-37)
    told = remedies._tried(config, "rate/10", "--learning_rate=1e-39", 0.0, False)
    assert "learning_rate: expected" in told.error and not told.learned
