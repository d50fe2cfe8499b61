"""A grid checks itself, and is cut into chunks that hold every network once."""

import collections
import os
import pathlib
import re
import subprocess
import sys

import pytest
from oracles import processes

from xorlab.sweep.about import command
from xorlab.sweep.grid import Grid
from xorlab.sweep.plan import chunks, networks_at_once


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activations": ("rellu",)}, "activations: .*'rellu'; did you mean 'relu'"),
        ({"initializers": ("he",)}, "initializers: expected one of .*received 'he'"),
        ({"optimizer": "adm"}, "optimizer: .*; did you mean 'adam'"),
        ({"depths": (2, 1)}, "depths: expected .* at least 2; received 1"),
        ({"widths": (0,)}, "widths: expected .* at least 1; received 0"),
        ({"depths": ()}, "depths: expected a list of one or more"),
        ({"depths": (3, 3)}, "depths: expected a list of .* different values"),
        ({"activations": "relu"}, "activations: expected a list"),
        ({"init_scales": (-1.0,)}, "init_scales: expected a positive finite"),
        ({"learning_rates": (float("nan"),)}, "learning_rates: .*received nan"),
        ({"steps": 0}, "steps: expected .* at least 1; received 0"),
        ({"steps": 2**24}, "steps: expected less than 16777216"),
        ({"seeds": 0}, "seeds: expected .* at least 1"),
        ({"first_seed": -1}, "first_seed: expected .* at least 0"),
        ({"first_seed": 2**63 - 1}, "first_seed . seeds: expected less than"),
        ({"diagnose_at": (0, 5)}, "diagnose_at: expected .* at least 1; received 0"),
        ({"diagnose_at": (2.5,)}, "diagnose_at: expected a whole number .* 2.5"),
        ({"diagnose_at": (5, 9), "steps": 9}, "diagnose_at: expected less than 9; "),
        ({"diagnose_at": (9, 5)}, "diagnose_at: expected .* order.*; received 9,5; "),
        ({"diagnose_at": (5, 5)}, "diagnose_at: expected .* once; received 5,5; "),
    ],
)
def test_a_wrong_setting_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Grid(**settings)


def test_cells_are_all_combinations_in_order():
    grid = Grid(activations=["relu", "tanh"], depths=[2, 5], seeds=3)
    found = [(cell.activation, cell.depth) for cell in grid.cells]
    assert found == [("relu", 2), ("relu", 5), ("tanh", 2), ("tanh", 5)]
    assert grid.networks == 12


def test_a_grid_of_lists_is_that_of_tuples():
    lists = Grid(activations=["relu", "tanh"], depths=[2, 5])
    assert lists == Grid(activations=("relu", "tanh"), depths=(2, 5))
    assert "--depths=2,5 " in command(lists, pathlib.Path("out"))


def test_chunks_hold_every_network_once():
    grid = Grid(("relu",), depths=(2, 3), widths=(5, 64), seeds=300, first_seed=7)
    networks = collections.Counter()
    for number, chunk in enumerate(chunks(grid)):
        assert chunk.number == number
        assert chunk.networks <= networks_at_once(chunk.cell.width)
        for seed in range(chunk.first_seed, chunk.first_seed + chunk.networks):
            networks[chunk.cell, seed] += 1
    assert set(networks.values()) == {1}
    seeds = range(7, 307)
    assert set(networks) == {(cell, seed) for cell in grid.cells for seed in seeds}


def test_however_wide_a_network_is_one_is_trained_at_once():
    assert networks_at_once(1000) == networks_at_once(10_000) == 1


def test_importing_it_does_not_import_tensorflow():
    code = "import sys, xorlab.sweep; sys.exit('tensorflow' in sys.modules)"
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], env=os.environ | paths, check=True)


MISTAKES = {
    "--out=x --depths=2,x": "depths: expected whole numbers .*'x'",
    "--out=x --diagnose_at=x": "diagnose_at: expected whole numbers .*'x'",
    "--out=x --activations=rellu": "did you mean 'relu'",
    "--out=x 5": "expected flags; received '5'",
    "": "out: expected a folder; received none",
    "--out=x --scheduler=nowhere": "scheduler: expected tcp://HOST:PORT",
}


@pytest.fixture(scope="module")
def answers():
    """What the command says to some flags, without TensorFlow."""
    asked = ["--help", *MISTAKES]
    return processes.answers({x: ["-m", "xorlab.sweep", *x.split()] for x in asked})


@pytest.mark.slow
def test_help_names_the_flags(answers):
    assert "--activations" in answers["--help"].stdout
    assert answers["--help"].stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("flags", MISTAKES)
def test_main_refuses_in_one_line(flags, answers):
    shown = answers[flags]
    assert (shown.returncode, shown.stdout) == (2, "")
    assert re.fullmatch(f"error: .*{MISTAKES[flags]}.*\n", shown.stderr)
