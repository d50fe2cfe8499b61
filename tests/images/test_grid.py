"""A table is checked before anything is trained, and cut so that no network is lost."""

import ast
import collections

import pytest

from xorlab.images.grid import Grid
from xorlab.images.plan import AT_ONCE, chunks
from xorlab.images.store import COMPUTING
from xorlab.work.origin import PACKAGE


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dataset": "cifar"}, "dataset: .*'cifar'; did you mean 'cifar10'"),
        ({"activations": ("rellu",)}, "activations: .*did you mean 'relu'"),
        ({"activations": ("relu", "relu")}, "activations: .*each value once"),
        ({"initializers": ("lsuvv",)}, "initializers: .*did you mean 'lsuv'"),
        ({"learning_rates": (0.0,)}, "learning_rates: expected a positive"),
        ({"steps": 7}, "steps: expected a multiple of 20.*received 7; .*--steps=20"),
        ({"batch_size": 0}, "batch_size: expected a whole number"),
        ({"seeds": 1}, "seeds: .*at least 2; received 1; the rate is chosen"),
        ({"first_seed": 2**63 - 1}, "first_seed . seeds: expected less"),
    ],
)
def test_a_mistake_names_the_field_what_came_and_the_mend(settings, message):
    with pytest.raises(ValueError, match=message):
        Grid(**settings)


def test_one_seed_is_enough_for_one_rate():
    assert Grid(learning_rates=(0.01,), seeds=1).networks == 25


@pytest.mark.parametrize("dataset", AT_ONCE)
def test_chunks_hold_every_network_once(dataset):
    grid = Grid(dataset=dataset, seeds=7, first_seed=3)
    networks = collections.Counter()
    for number, chunk in enumerate(chunks(grid)):
        assert chunk.number == number
        assert chunk.networks <= AT_ONCE[dataset]
        last = chunk.first_seed + chunk.networks
        networks.update((chunk.cell, seed) for seed in range(chunk.first_seed, last))
    assert set(networks.values()) == {1} and len(networks) == grid.networks
    assert {seed for _, seed in networks} == set(range(3, 10))


def test_every_file_that_computes_a_number_counts():
    """Or a table would go on after a change, and mix two programs' numbers."""

    def imported_by(name):
        for node in ast.walk(ast.parse((PACKAGE / name).read_text())):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("xorlab"):
                for alias in node.names:
                    for module in (node.module, f"{node.module}.{alias.name}"):
                        file = "/".join(module.split(".")[1:]) + ".py"
                        if (PACKAGE / file).is_file():
                            yield file

    # Checks raise errors or nothing, and what is logged is no number of the table.
    aside = {"checks.py", "settings.py", "files.py", "images/grid.py"}
    reached, waiting = set(), {"images/training.py"}
    while waiting:
        file = waiting.pop()
        reached.add(file)
        waiting |= set(imported_by(file)) - reached - aside
    reached = {file for file in reached if not file.startswith("eventlog/")}
    counted = {
        str(path.relative_to(PACKAGE))
        for name in COMPUTING
        for path in (
            (PACKAGE / name).rglob("*.py") if "." not in name else [PACKAGE / name]
        )
    }
    assert reached <= counted
