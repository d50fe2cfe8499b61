"""Benchmarks say what was measured, what was missing and what was checked."""

import contextlib
import importlib.util
import json
import pathlib
import shutil
import sys

import numpy as np
import pytest

sys.path.append(str(pathlib.Path(__file__).parents[2] / "scripts"))

from benchmarks import callback, fits, memory, report, timing, train


class Counter:
    """A stand-in for a training program: its one weight counts the steps."""

    def __init__(self, stride=1.0):
        self._stride = stride
        self.restart()

    def restart(self):
        self._weight = 0.0

    def run(self, steps):
        self._weight += self._stride * steps

    def weights(self):
        return [np.array([self._weight])]


def counted(activation):
    return [np.array([float(train.CHECKED_STEPS)])]


def a_table():
    rows = [
        report.Row("theirs", [1200.0, 1000.0, 1100.0]),
        report.Row("ours", [2.0, 2.5, 2.25]),
        report.Row("absent", missing="peer is not installed"),
    ]
    return report.Table("one step", "µs", rows, ours="ours")


def test_a_table_shows_median_spread_and_ratio_and_names_what_is_missing():
    assert a_table().markdown().splitlines()[2:] == [
        "| theirs | 1,100 | 1,000 … 1,200 | 489 × |",
        "| ours | 2.25 | 2 … 2.5 | 1 × |",
        "| absent | missing: peer is not installed | | |",
    ]


def test_targets_are_met_not_met_or_not_measured():
    table = a_table()
    claims = [
        report.Target("fast", table.share("ours", of="theirs"), 1 / 60),
        report.Target("faster", table.share("ours", of="theirs"), 1 / 500),
        report.Target("absent", table.share("ours", of="absent"), 1 / 4),
        report.Target("short", 0.51, 0.5, "s"),
    ]
    assert [claim.markdown() for claim in claims] == [
        "| fast | 1/489 | met |",
        "| faster | 1/489 | not met |",
        "| absent |  | not measured |",
        "| short | 0.51 s | not met |",
    ]


def test_json_holds_every_number_that_the_tables_show():
    target = report.Target("fast", 1 / 489, 1 / 60)
    made = report.Report([a_table()], [target], ["A note."], {"tool": "1.0"})
    record = json.loads(made.json())
    theirs, _, absent = record["tables"][0]["rows"]
    assert theirs["times"] == [1200.0, 1000.0, 1100.0]
    assert theirs["median"] == 1100.0
    assert absent["median"] is None
    assert absent["missing"] == "peer is not installed"
    assert record["targets"][0]["outcome"] == "met"
    assert record["versions"] == {"tool": "1.0"}
    for shown in ("A note.", "tool 1.0", record["command"], record["machine"]):
        assert shown in made.markdown()


def test_only_the_text_between_the_markers_changes():
    readme = (
        "before\n<!-- benchmark:train -->\nold\n<!-- /benchmark:train -->\n"
        "<!-- benchmark:sweep -->\nkept\n<!-- /benchmark:sweep -->\nafter\n"
    )
    expected = readme.replace("old", "new")
    assert report.with_table(readme, "train", "new") == expected
    assert report.with_table(expected, "train", "new") == expected


@pytest.mark.parametrize(
    ("readme", "found"),
    [
        ("no markers", "no such first line"),
        ("<!-- benchmark:train -->", "only the first"),
        ("<!-- /benchmark:train -->\n<!-- benchmark:train -->", "only the first"),
    ],
)
def test_missing_markers_are_reported(readme, found):
    with pytest.raises(ValueError, match=f"<!-- benchmark:train -->.*found {found}"):
        report.with_table(readme, "train", "new")


def test_who_can_run_is_timed_and_who_cannot_is_named():
    listed = [
        train.Contender("absent", "no_such_module", pytest.fail, steps=2),
        train.Contender("present", "numpy", Counter, steps=2),
    ]
    absent, present = train.time_contenders(listed, counted, rounds=3)
    assert (absent.times, absent.missing) == ((), "no_such_module is not installed")
    assert (len(present.times), present.missing) == (3, "")


def test_nobody_is_timed_training_another_network():
    other = train.Contender("other", "numpy", lambda: Counter(stride=1.01), steps=2)
    with pytest.raises(RuntimeError, match="^other: expected .* another network"):
        train.time_contenders([other], counted, rounds=1)


def test_every_peer_that_may_be_missing_is_named(monkeypatch):
    found = importlib.util.find_spec
    gone = ("torch", "jax")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in gone else found(name)
    )
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with contextlib.ExitStack() as stack:
        missing = {c.missing for c in train.all_contenders(stack)} - {""}
    assert missing == {
        "torch is not installed",
        "jax is not installed",
        "no C compiler (cc)",
    }


def test_the_contenders_by_hand_train_the_lecture_network():
    expected = train.lecture_weights("relu")
    with contextlib.ExitStack() as stack:
        for contender in train.all_contenders(stack):
            if contender.needs in ("numpy", "cc") and not contender.missing:
                program = contender.make()
                assert not np.array_equal(program.weights()[0], expected[0])
                train.check(contender.name, program, expected)


def test_a_ratio_compares_what_ran_in_the_same_round():
    # The machine was busy in the third round: medians alone would say 2.
    rows = [report.Row("bare", [1.0, 1.0, 4.0]), report.Row("ours", [1.5, 2.0, 6.0])]
    table = report.Table("a step", "ms", rows, "bare", reference="bare")
    assert table.share("ours", of="bare") == 1.5
    assert "| relative to bare |" in table.markdown()


def test_what_logging_adds_is_shared_among_its_histograms():
    assert callback.added([6.0, 12.0], [2.0, 4.0], logged=4) == [1.0, 2.0]
    assert memory.above([3.0, 5.0], [2.0, 2.0]) == [1.0, 3.0]


def test_no_callback_is_timed_training_another_network():
    callback.check("ours", [np.zeros(2)], [np.zeros(2)])
    with pytest.raises(RuntimeError, match="^other: expected .* another network"):
        callback.check("other", [np.array([0.0, 1e-30])], [np.zeros(2)])


def test_what_a_fit_costs_is_held_against_a_bare_one():
    def table(**times):
        rows = [report.Row(getattr(fits, name), x) for name, x in times.items()]
        return report.Table("a step", "s", rows, fits.BARE)

    every_10 = report.Row(fits.EVERY.format(10), [3.0])
    big = report.Table("big", "ms", [report.Row(fits.BARE, [2.0]), every_10], fits.BARE)
    epoch, memory_above = table(BARE=[1.0], GRADS=[1.6]), table(GRADS=[1.5])
    growth = table(BARE=[1.0], NEW=[1.25])
    claims = fits.targets(epoch, epoch, memory_above, growth, [big])
    assert [claim.value for claim in claims] == [1.6, 1.6, 1.5, 1.25, 1.5]
    outcomes = ["not met", "met", "met", "not met", "met"]
    assert [claim.outcome for claim in claims] == outcomes


def test_the_callback_benchmark_says_that_the_digits_are_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="scikit-learn.* is not installed"):
        callback.measure(quick=True)


def test_the_output_of_a_process_or_why_it_failed():
    assert timing.output_of_python(["-c", "print(7)"]) == "7\n"
    with pytest.raises(RuntimeError, match="(?s)expected exit code 0; received 3.*why"):
        timing.output_of_python(["-c", "print('why'); raise SystemExit(3)"])


def test_the_programs_of_the_lecture_s_training_end_as_they_are_timed(monkeypatch):
    # The others take seconds.
    def only_help(jobs, rounds, unit):
        return {name: [run()] for name, run in jobs.items() if name == train.HELP}

    monkeypatch.setattr(timing, "interleaved", only_help)
    [row] = train.measure_processes(steps=2, rounds=1).rows
    assert row.name == train.HELP and row.times[0] > 0
    asked = [["-m", "xorlab.train", "--help"], ["-c", train.COLLECTING, "--help"]]
    ours, collecting = map(timing.output_of_python, asked)
    assert ours == collecting


def test_every_second_round_goes_backwards():
    ran = []

    def job(name):
        return lambda: ran.append(name) or float(len(ran))

    times = timing.interleaved({name: job(name) for name in "abc"}, 3, "ms")
    assert "".join(ran) == "abc" + "cba" + "abc"
    assert times == {"a": [1.0, 6.0, 7.0], "b": [2.0, 5.0, 8.0], "c": [3.0, 4.0, 9.0]}
