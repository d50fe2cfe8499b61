"""Networks that are judged while they train: what is told, and that nothing moves."""

import csv
import dataclasses
import threading

import numpy as np
import pytest
from oracles.summaries import summary

from xorlab import sweep
from xorlab.diagnosis import CAUSES, Verdict, judge
from xorlab.files import UnusableDirectory
from xorlab.sweep import diagnosing, evidence
from xorlab.sweep.__main__ import line
from xorlab.sweep.diagnosing import Diagnosis
from xorlab.sweep.engine import first_weights, program
from xorlab.sweep.plan import chunks
from xorlab.sweep.size import disk
from xorlab.sweep.training import train_chunk
from xorlab.work.plan import Stopped

PLAIN = sweep.Grid(activations=("sigmoid",), depths=(6,), seeds=130, steps=1500)
GRID = dataclasses.replace(PLAIN, diagnose_at=(40, 300))
NAMES = [f"{cause}_at_{step}" for step in (40, 300) for cause in CAUSES]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweeps")
    for name, grid in (("plain", PLAIN), ("judged", GRID)):
        sweep.run(grid, folder / name)
    return folder


def rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_network_is_judged_by_what_was_seen_up_to_a_step(out):
    [cell] = GRID.cells
    network = program(cell)
    state = network.start([first_weights(cell, seed) for seed in range(128)])
    seen, found = [], {}
    for step in (0, 40, 300):
        state = network.train(state, cell.learning_rate, step - int(state.step))
        seen.append(evidence.look(network, state, cell))
        known = dataclasses.replace(evidence.known(cell), steps_left=1500 - step)
        found[step] = [
            judge(dataclasses.replace(known, steps=steps)).causes
            for steps in zip(*seen, strict=True)
        ]
    told = rows(out / "judged" / "networks.csv")
    assert list(told[0])[-len(NAMES) :] == NAMES
    for step in (40, 300):
        for row, causes in zip(told[:128], found[step], strict=True):
            named = [cause for cause in CAUSES if row[f"{cause}_at_{step}"] == "1"]
            assert named == [cause for cause in causes if cause in CAUSES]
    # At the two steps not the same is found, or one of them would be enough.
    assert found[40] != found[300] and any("vanishing" in x for x in found[300])


@pytest.mark.slow
def test_copies_that_fill_a_chunk_up_are_not_judged(monkeypatch):
    # Or a sweep of few networks a cell would take as long as one of 128.
    _, short = chunks(GRID)
    network = program(short.cell)
    copies = [first_weights(short.cell, short.first_seed)] * network.networks
    told = []
    monkeypatch.setattr(
        diagnosing, "judge", lambda seen: told.append(seen) or Verdict()
    )
    diagnosis = Diagnosis(short)
    for step in (0, *GRID.diagnose_at):
        diagnosis.look(step, network, network.start(copies))
    assert short.networks == 2
    assert diagnosis.found().shape == (2, 2, len(CAUSES))
    assert [len(evidence.steps) for evidence in told] == [2, 2, 3, 3]


@pytest.mark.slow
def test_networks_train_on_while_they_are_judged(monkeypatch):
    begun, may_end = threading.Event(), threading.Event()

    def judge(evidence):
        begun.set()
        assert may_end.wait(60)
        return Verdict()

    monkeypatch.setattr(diagnosing, "judge", judge)
    chunk = next(chunks(GRID))
    network = program(chunk.cell)
    seeds = range(network.networks)
    state = network.start([first_weights(chunk.cell, seed) for seed in seeds])
    diagnosis = Diagnosis(chunk)
    for step in (0, *GRID.diagnose_at):
        diagnosis.look(step, network, state)
    assert begun.wait(60)
    assert int(network.train(state, 0.1, 5).step) == 5
    may_end.set()
    assert not diagnosis.found().any()


@pytest.mark.slow
def test_nothing_is_judged_on_for_a_chunk_that_was_given_up(monkeypatch):
    judged = []
    monkeypatch.setattr(diagnosing, "judge", lambda x: judged.append(x) or Verdict())
    # The last slice has begun by then: the training itself asks no more.
    with pytest.raises(Stopped):
        train_chunk(next(chunks(GRID)), lambda: len(judged) >= 3)
    assert len(judged) == 3


@pytest.mark.slow
def test_a_rule_that_fails_fails_the_sweep(monkeypatch):
    def judge(evidence):
        raise ZeroDivisionError("of a rule")

    monkeypatch.setattr(diagnosing, "judge", judge)
    with pytest.raises(ZeroDivisionError, match="of a rule"):
        sweep.train(GRID)


def test_all_else_has_the_same_bytes(out):
    plain, judged = out / "plain", out / "judged"
    for name in ("gradients.csv", "phase_diagram.png", "gradients_by_depth.png"):
        assert (plain / name).read_bytes() == (judged / name).read_bytes()
    for path in plain.glob("runs/**/*"):
        there = judged / path.relative_to(plain)
        assert path.is_dir() or path.read_bytes() == there.read_bytes()
    for name in ("networks.csv", "summary.csv"):
        for one, other in zip(rows(plain / name), rows(judged / name), strict=True):
            assert {k: x for k, x in other.items() if k not in NAMES} == one


def test_a_sweep_that_is_not_judged_has_no_word_of_it(out):
    for name in ("grid.json", "networks.csv", "summary.csv", "summary.md"):
        text = (out / "plain" / name).read_text()
        assert "diagnose" not in text and "_at_" not in text.replace("solved_at_", "")


def test_the_summary_counts_what_networks_csv_holds(out):
    networks = rows(out / "judged" / "networks.csv")
    [cell] = rows(out / "judged" / "summary.csv")
    for name in NAMES:
        assert int(cell[name]) == sum(row[name] == "1" for row in networks)
    text = (out / "judged" / "summary.md").read_text()
    [head, _, *table] = text[text.index("In how many networks") :].splitlines()[2:]
    assert [row.split(" | ")[8] for row in table] == ["40", "300"]
    assert "| vanishing |" in head and "disconnected" not in head
    assert "--diagnose_at=40,300" in text


def test_a_line_names_what_was_found_the_most_frequent_first():
    counts = {"vanishing": 3, "dead": 0, "collapsed": 7}
    of_cell = dataclasses.replace(
        summary("relu", 3, 7), found={40: counts, 300: {"dead": 0}}
    )
    _, *found = line(GRID, of_cell).splitlines()
    assert [x.strip() for x in found] == [
        "found at 40: collapsed 7, vanishing 3",
        "found at 300: nothing",
    ]


def test_the_function_returns_truths_of_each_network(out):
    columns = sweep.train(GRID)
    assert list(columns)[-len(NAMES) :] == NAMES
    told = rows(out / "judged" / "networks.csv")
    for name in NAMES:
        truths = [row[name] == "1" for row in told]
        np.testing.assert_array_equal(columns[name], truths)


def test_a_folder_goes_on_with_the_steps_that_it_was_begun_with(out):
    folder = out / "judged"
    kept = (folder / "networks.csv").read_bytes()
    (folder / "chunks" / "000001.npz").unlink()
    sweep.run(GRID, folder)
    assert (folder / "networks.csv").read_bytes() == kept
    for name, other, words in (
        ("judged", PLAIN, r"diagnose_at \[40, 300\], received None;"),
        ("plain", GRID, r"diagnose_at None, received \[40, 300\];"),
    ):
        with pytest.raises(UnusableDirectory, match=words):
            sweep.run(other, out / name)


def test_chunks_of_networks_that_are_judged_are_no_others(out):
    grid = dataclasses.replace(PLAIN, diagnose_at=(40,))
    one, other = (next(chunks(each)) for each in (GRID, grid))
    assert one != other
    assert disk(GRID) > disk(grid) > disk(PLAIN)
