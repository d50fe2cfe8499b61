"""Tables say what the chunks hold: made by hand here, so every number is known."""

import csv
import json
import pathlib
import shlex

import numpy as np
import pytest

from xorlab.sweep import plan, results
from xorlab.sweep.about import command
from xorlab.sweep.grid import Grid
from xorlab.sweep.store import Store

GRID = Grid(activations=("relu", "tanh"), depths=(3,), seeds=4, first_seed=10, steps=50)


def result(solved_at, start, end, diverged=False):
    """Of two networks; `solved_at` is -1 where a network is not solved."""
    solved_at = np.array(solved_at)
    return {
        "cost": np.float32([1 / 3, np.nan]),
        "accuracy": np.float32([1.0, 0.75]),
        "solved": solved_at >= 0,
        "diverged": np.array([False, diverged]),
        "solved_at": solved_at,
        "gradient_rms_start": np.float32(start),
        "gradient_rms_end": np.float32(end),
        "compile_seconds": np.array(0.5),
        "train_seconds": np.array(2.0),
    }


RELU = [
    result([7, -1], [[1, 2, 4], [3, 2, 4]], [[1, 1, 1], [2, 2, 2]], diverged=True),
    result([20, 9], [[5, 2, 0], [7, 2, 4]], [[3, 3, 3], [6, 6, 6]], diverged=True),
]
TANH = [result([-1, -1], [[1, 1, 0]] * 2, [[1, 1, 1]] * 2)] * 2


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Of a sweep in chunks of two networks, that is done."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "networks_at_once", lambda width: 2)
        store = Store(tmp_path_factory.mktemp("out"), GRID)
        with store.claimed():
            for chunk, each in zip(store.missing(), RELU + TANH, strict=True):
                store.put(chunk, each)
        yield store


@pytest.fixture(scope="module")
def summaries(store):
    return list(results.summarise(store))


def rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def test_a_summary_is_of_all_chunks_of_its_cell(summaries):
    relu, tanh = summaries
    assert (relu.cell.activation, tanh.cell.activation) == ("relu", "tanh")
    assert (relu.n, relu.solved, relu.diverged, relu.share) == (4, 3, 2, 0.75)
    assert (tanh.n, tanh.solved, tanh.diverged, tanh.share) == (4, 0, 0, 0)
    assert relu.solved_at == 9 and np.isnan(tanh.solved_at)
    # Where the last layer receives nothing there is no ratio: 1/4, 3/4 and 7/4.
    assert relu.gradient_ratio == 0.75 and np.isnan(tanh.gradient_ratio)
    assert relu.gradient_rms_start == (4, 2, 4)
    assert relu.gradient_rms_end == (2.5, 2.5, 2.5)


def test_networks_csv_has_a_row_a_network_by_its_seed(store):
    results.write_networks(store)
    networks = rows(store.out / "networks.csv")
    assert [row["seed"] for row in networks] == ["10", "11", "12", "13"] * 2
    assert [row["activation"] for row in networks] == ["relu"] * 4 + ["tanh"] * 4
    first, second, third, fourth = networks[:4]
    # As float32 tells numbers apart, and no further.
    assert (first["cost"], second["cost"]) == ("0.333333343", "nan")
    solved_at = [row["solved_at"] for row in networks]
    assert solved_at == ["7", "nan", "20", "9", *["nan"] * 4]
    assert (first["solved"], second["solved"], fourth["diverged"]) == ("1", "0", "1")
    ends = ("first_start", "last_start", "first_end", "last_end")
    assert [third[f"gradient_{end}"] for end in ends] == ["5", "0", "3", "3"]


def test_summary_csv_and_md_have_a_row_a_cell(store, summaries):
    results.write_summary(store, summaries, {"machine": "of no name"})
    relu, tanh = rows(store.out / "summary.csv")
    assert (relu["activation"], relu["n"], relu["solved"]) == ("relu", "4", "3")
    assert (relu["share"], relu["diverged"]) == ("0.75", "2")
    assert (relu["median_solved_at"], tanh["median_solved_at"]) == ("9", "nan")
    assert relu["median_gradient_ratio_start"] == "0.75"
    assert float(relu["low"]) < 0.75 < float(relu["high"])

    text = (store.out / "summary.md").read_text()
    assert "- machine: of no name\n" in text
    head, line, *table = [row for row in text.splitlines() if row.startswith("|")]
    assert head.count("|") == line.count("|") == table[0].count("|")
    assert [row.split(" | ")[0] for row in table] == ["| relu", "| tanh"]


def test_gradients_csv_has_a_row_a_layer_from_the_input(store, summaries):
    results.write_summary(store, summaries, {})
    layers = rows(store.out / "gradients.csv")
    assert [row["layer"] for row in layers] == ["1", "2", "3"] * 2
    start = [row["median_gradient_rms_start"] for row in layers]
    end = [row["median_gradient_rms_end"] for row in layers]
    assert start == ["4", "2", "4", "1", "1", "0"]
    assert end == ["2.5", "2.5", "2.5", "1", "1", "1"]


def test_timing_adds_up_the_chunks_of_a_cell(store):
    results.write_timing(store)
    timing = json.loads((store.out / "timing.json").read_text())
    assert (timing["networks"], timing["steps"]) == (8, 50)
    relu, tanh = timing["cells"]
    assert (relu["activation"], tanh["activation"]) == ("relu", "tanh")
    assert (relu["networks"], relu["compile_seconds"]) == (4, 1.0)
    assert relu["train_seconds"] == 4.0


def test_the_command_says_what_is_not_as_ever_and_can_be_pasted():
    plain = command(Grid(), pathlib.Path("logs/a"))
    assert plain == "python -m xorlab.sweep --out=logs/a"
    words = shlex.split(command(GRID, pathlib.Path("my logs/a")))
    assert words[3:] == [
        "--activations=relu,tanh",
        "--depths=3",
        "--steps=50",
        "--seeds=4",
        "--first_seed=10",
        "--out=my logs/a",
    ]
