"""A sweep's files: what is in them, and that nothing on the way changes a byte."""

import csv
import dataclasses
import json
import pathlib
import re
import signal
import time

import numpy as np
import pytest
from oracles import processes
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from xorlab import sweep, train
from xorlab.files import UnusableDirectory
from xorlab.sweep.__main__ import line
from xorlab.sweep.engine import first_weights, program
from xorlab.sweep.events import run_name
from xorlab.sweep.store import Store
from xorlab.train import Config

GRID = sweep.Grid(activations=("sigmoid", "relu"), depths=(2, 4), seeds=140, steps=2000)
FLAGS = ["--activations=sigmoid,relu", "--depths=2,4", "--seeds=140", "--steps=2000"]
SMALL = ["--activations=relu", "--depths=2"]  # One program to compile.


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    out = tmp_path_factory.mktemp("done")
    return out, sweep.run(GRID, out)


def _results(out):
    """Returns the bytes of all result files by name."""
    kept = {"chunks", "timing.json"}
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.relative_to(out).parts[0] not in kept
    }


def _rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_networks_csv_holds_every_network(done):
    out, _ = done
    rows = _rows(out / "networks.csv")
    assert list(rows[0]) == (
        "activation,depth,width,initializer,init_scale,learning_rate,optimizer,steps,"
        "seed,cost,accuracy,solved,diverged,solved_at,gradient_first_start,"
        "gradient_last_start,gradient_first_end,gradient_last_end"
    ).split(",")
    found = [(row["activation"], int(row["depth"]), int(row["seed"])) for row in rows]
    cells = [(cell.activation, cell.depth) for cell in GRID.cells]
    assert found == [(*cell, seed) for cell in cells for seed in range(GRID.seeds)]
    for row in rows:
        assert (row["solved"] == "1") == (float(row["accuracy"]) == 1)
        assert (row["solved"] == "1") == (row["solved_at"] != "nan")


@pytest.mark.slow
def test_the_function_returns_the_same_columns(done):
    out, _ = done
    rows = _rows(out / "networks.csv")
    columns = sweep.train(GRID)
    assert list(columns) == list(rows[0])
    np.testing.assert_array_equal(
        columns["cost"], np.float32([row["cost"] for row in rows])
    )
    np.testing.assert_array_equal(
        columns["solved"], [row["solved"] == "1" for row in rows]
    )


@pytest.mark.slow
def test_summary_csv_counts_what_networks_csv_holds(done):
    out, summaries = done
    networks = _rows(out / "networks.csv")
    for row, summary in zip(_rows(out / "summary.csv"), summaries, strict=True):
        cell = [
            network
            for network in networks
            if all(network[name] == row[name] for name in ("activation", "depth"))
        ]
        solved_at = [float(n["solved_at"]) for n in cell if n["solved"] == "1"]
        first, last = (
            np.array([float(n[f"gradient_{which}_start"]) for n in cell])
            for which in ("first", "last")
        )
        ratio = first[last > 0] / last[last > 0]
        assert int(row["n"]) == summary.n == GRID.seeds
        assert int(row["solved"]) == len(solved_at) == summary.solved
        assert float(row["share"]) == pytest.approx(len(solved_at) / GRID.seeds)
        assert float(row["low"]) <= float(row["share"]) <= float(row["high"])
        median = np.median(solved_at) if solved_at else np.nan
        np.testing.assert_equal(float(row["median_solved_at"]), median)
        assert float(row["median_gradient_ratio_start"]) == pytest.approx(
            np.median(ratio), rel=1e-5
        )
        assert len(summary.gradient_rms_start) == summary.cell.depth


# Shares solved after 20,000 steps of 256 other networks a cell, counted by a program
# that was written before this one: depths 2, 4 and 11 from the lecture's start.
SHARES = {"sigmoid": (1.00, 0.85, 0.00), "relu": (0.72, 0.86, 0.41)}


@pytest.mark.slow
@pytest.mark.parametrize("activation", SHARES)
def test_shares_are_those_of_another_program(activation):
    grid = sweep.Grid(
        activations=(activation,), depths=(2, 4, 11), seeds=256, steps=20_000
    )
    shares = sweep.train(grid)["solved"].reshape(3, 256).mean(axis=1)
    for share, theirs in zip(shares, SHARES[activation], strict=True):
        # Three standard deviations of the difference, and the rounding of theirs.
        variance = (share * (1 - share) + theirs * (1 - theirs)) / 256
        assert abs(share - theirs) <= 3 * variance**0.5 + 0.005


@pytest.mark.slow
def test_summary_md_states_where_it_comes_from(done):
    out, _ = done
    text = (out / "summary.md").read_text()
    for word in ("--depths=2,4", "tensorflow 2.", "xorlab 0.", "cores", "commit: "):
        assert word in text
    assert text.count("\n| relu |") == 2


@pytest.mark.slow
def test_timing_json_has_the_seconds_of_every_cell(done):
    out, _ = done
    timing = json.loads((out / "timing.json").read_text())
    assert timing["networks"] == GRID.networks
    assert timing["steps"] == GRID.steps
    assert len(timing["cells"]) == len(GRID.cells)
    assert all(cell["train_seconds"] > 0 for cell in timing["cells"])
    assert sum(cell["compile_seconds"] for cell in timing["cells"]) > 0


@pytest.mark.slow
def test_pictures_are_there(done):
    out, _ = done
    for name in ("phase_diagram.png", "gradients_by_depth.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_tensorboard_has_a_session_a_cell(done):
    out, summaries = done
    runs = sorted((out / "runs").iterdir())
    assert len(runs) == len(summaries)
    settings = []
    for run in runs:
        events = EventAccumulator(str(run)).Reload()
        content = events.SummaryMetadata("_hparams_/session_start_info")
        start = plugin_data_pb2.HParamsPluginData.FromString(
            content.plugin_data.content
        ).session_start_info
        cell = dict(start.hparams)
        settings.append((cell["activation"].string_value, cell["depth"].number_value))
        [share] = events.Tensors("share")
        [row] = [
            s for s in summaries if (s.cell.activation, s.cell.depth) == settings[-1]
        ]
        assert share.tensor_proto.float_val[0] == pytest.approx(row.share)
        layers = [point.step for point in events.Tensors("gradient_rms_start")]
        assert layers == list(range(1, row.cell.depth + 1))
    assert len(set(settings)) == len(runs)


def test_cells_that_differ_in_the_seventh_digit_have_folders_of_their_own():
    rates = [0.1 + 1e-9 * n for n in range(8)]
    cells = [sweep.Cell("relu", 2, 5, "uniform", 1.0, r, "sgd", 1) for r in rates]
    assert len(set(map(run_name, cells))) == len(rates)
    assert run_name(cells[0]).endswith("-x1-sgd-0.1")


@pytest.mark.slow
def test_a_line_says_all_that_sets_its_cell_apart(done):
    _, [summary, *_] = done
    lists = {"widths": (5, 6), "initializers": ("uniform", "he_normal")}
    lists |= {"init_scales": (1.0, 2.0), "learning_rates": (0.1, 0.3)}
    told = {
        name: line(dataclasses.replace(GRID, **{name: values}), summary)
        for name, values in lists.items()
    }
    plain = line(GRID, summary)
    assert plain.startswith("   sigmoid depth  2  ") and " of 140 solve it: " in plain
    for name, words in (
        ("widths", "width 5"),
        ("initializers", "start uniform"),
        ("init_scales", "scale 1"),
        ("learning_rates", "rate 0.1"),
    ):
        assert told[name] == plain.replace("depth  2", f"depth  2 {words}")


def test_the_folder_may_be_below_a_user_s_own(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    sweep.run(dataclasses.replace(GRID, depths=(2,), seeds=1, steps=1), "~/x")
    assert (tmp_path / "x" / "summary.md").exists()
    with pytest.raises(ValueError, match="out: expected the folder of a user"):
        sweep.run(GRID, "~nosuchuser/x")


@pytest.mark.slow
def test_running_a_finished_sweep_again_changes_nothing(done):
    out, _ = done
    before = _results(out)
    sweep.run(GRID, out)
    assert _results(out) == before


@pytest.mark.slow
def test_another_grid_is_refused_with_what_differs(done):
    out, _ = done
    other = dataclasses.replace(GRID, seeds=150, optimizer="adam")
    with pytest.raises(UnusableDirectory) as error:
        sweep.run(other, out)
    for words in ("seeds 140, received 150", "optimizer sgd, received adam", "--out"):
        assert words in str(error.value)
    assert "steps" not in str(error.value)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UnusableDirectory, match="found thesis.tex"):
        sweep.run(GRID, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UnusableDirectory, match="folder that can be written"):
        sweep.run(GRID, tmp_path / "file" / "out")


def test_a_second_process_at_the_same_folder_is_refused(tmp_path):
    with Store(tmp_path, GRID).claimed():
        with pytest.raises(UnusableDirectory, match="no other sweep is writing"):
            sweep.run(GRID, tmp_path)


# Runs as a process of its own, to be killed.


def _start(out, *more, before=""):
    code = (
        f"{before}\nfrom absl import app\n"
        "from xorlab.sweep import __main__ as m\n"
        "m.define_flags(); app.run(m.main)"
    )
    flags = [*FLAGS, f"--out={out}", *more]
    return processes.Started("-c", code, *flags, cwd=pathlib.Path(out).parent)


def _wait_for_chunks(process, out, number):
    while len(list(out.glob("chunks/*.npz"))) < number:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def _differing(first, second):
    return {
        name
        for name in first.keys() | second.keys()
        if first.get(name) != second.get(name)
    }


@pytest.mark.slow
def test_killed_and_begun_again_it_ends_with_the_same_bytes(done, tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        before = len(list(out.glob("chunks/*.npz")))
        process = _start(out)
        _wait_for_chunks(process, out, before + 1)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not (out / "summary.csv").exists()
    sweep.run(GRID, out)  # What is compiled here already.
    # Its command names the folder.
    assert _differing(_results(out), _results(done[0])) == {"summary.md"}
    one, other = ((path / "summary.md").read_text() for path in (out, done[0]))
    assert one.replace(str(out), "") == other.replace(str(done[0]), "")


@pytest.mark.slow
def test_ctrl_c_keeps_finished_chunks(tmp_path):
    out = tmp_path / "out"
    process = _start(out, *SMALL, "--seeds=1280", "--steps=20000")
    _wait_for_chunks(process, out, 1)
    process.send_signal(signal.SIGINT)
    words, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    assert "the same command goes on" in words
    assert "Traceback" not in errors
    assert list(out.glob("chunks/*.npz"))
    assert not list(out.rglob("*.partial"))


@pytest.mark.slow
def test_a_full_disk_gives_a_clear_error_and_no_torn_file(tmp_path):
    out = tmp_path / "out"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))"
    process = _start(out, *SMALL, before=limit)
    words, errors = process.communicate(timeout=300)
    assert process.returncode == 2
    assert re.search(
        r"error: expected to write .*npz; File too large; make room", errors
    )
    assert "Traceback" not in errors
    assert not list(out.rglob("*.partial"))
    assert not list(out.glob("chunks/*.npz"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("activation", "depth", "initializer", "optimizer", "seed"),
    [
        ("relu", 11, "uniform", "sgd", 3),
        ("sigmoid", 11, "data_dependent", "sgd", 5),
        # An optimizer's rule is for one weight: the same at every depth.
        ("tanh", 2, "uniform", "momentum", 7),
        ("tanh", 2, "uniform", "adam", 9),
    ],
)
def test_a_network_alone_follows_the_same_costs(
    activation, depth, initializer, optimizer, seed, tmp_path
):
    """The bound: relative 1e-5 over the first 1,000 steps, at depth 11 too."""
    config = Config(
        activation=activation,
        depth=depth,
        initializer=initializer,
        optimizer=optimizer,
        seed=seed,
        steps=1000,
        log_every=100,
        histograms=False,
        logdir=str(tmp_path),
    )
    train.run(config)
    events = EventAccumulator(str(config.run_dir), {"tensors": 0}).Reload()
    alone = {
        point.step: np.frombuffer(point.tensor_proto.tensor_content, np.float32)[0]
        for point in events.Tensors("cost")
    }

    cell = sweep.Cell(activation, depth, 5, initializer, 1.0, 0.1, optimizer, 1000)
    shared = program(cell)
    others = [first_weights(cell, other) for other in range(shared.networks)]
    state = shared.start(others)
    assert set(alone) == set(range(0, 1001, 100))
    costs = []
    for step in sorted(alone):
        state = shared.train(state, 0.1, step - int(state.step))
        costs.append(shared.measure(state)[0][seed])
    np.testing.assert_allclose(costs, list(alone.values()), rtol=1e-5)
    assert costs[-1] < 0.9 * costs[0]
