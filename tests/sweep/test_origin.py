"""A sweep is begun and ended by one program: what tells programs apart."""

import ast

import numpy as np
import pytest

import xorlab
from xorlab.sweep import origin
from xorlab.sweep.grid import Grid
from xorlab.work import origin as origins

GRID = Grid()
JUDGED = Grid(diagnose_at=(1,))


def imported_by(name):
    """The files of this package that one of them imports, by their names in it."""
    for node in ast.walk(ast.parse((origins.PACKAGE / name).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("xorlab"):
            for alias in node.names:
                for module in (node.module, f"{node.module}.{alias.name}"):
                    file = "/".join(module.split(".")[1:]) + ".py"
                    if (origins.PACKAGE / file).is_file():
                        yield file


def test_every_file_that_computes_a_network_counts():
    # Checks raise errors or nothing, settings are compared by themselves, and
    # `startup` chooses the device.
    aside = {"checks.py", "settings.py", "startup.py", "sweep/grid.py"}
    judging = {"sweep/diagnosing.py"}
    assert reached_from("sweep/training.py", aside | judging) == set(origin.COMPUTING)
    assert origin.computing(GRID) == origin.COMPUTING
    files = {
        str(path.relative_to(origins.PACKAGE))
        for name in origin.computing(JUDGED)
        for path in origins._files(origins.PACKAGE / name)
    }
    assert reached_from("sweep/training.py", aside) <= files
    assert {"diagnosis/verdict.py", "sweep/evidence.py"} <= files


def reached_from(file, aside):
    reached, waiting = set(), {file}
    while waiting:
        file = waiting.pop()
        reached.add(file)
        waiting |= set(imported_by(file)) - reached - aside
    return reached


def test_libraries_and_xorlab_are_named_by_their_versions():
    found = origin.origin(GRID)
    assert (found["xorlab"], found["numpy"]) == (xorlab.__version__, np.__version__)
    assert found["tensorflow"].startswith("2.")


@pytest.mark.parametrize(
    ("file", "same"), [("sweep/engine.py", False), ("sweep/results.py", True)]
)
def test_another_program_is_told_by_what_computes(file, same, tmp_path, monkeypatch):
    here = origin.origin(GRID)
    for name in (*origin.COMPUTING, "sweep/results.py"):
        copy = tmp_path / name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes((origins.PACKAGE / name).read_bytes())
    monkeypatch.setattr(origins, "PACKAGE", tmp_path)
    assert origins.same(here, origin.origin(GRID))
    (tmp_path / file).write_text("changed")
    assert origins.same(here, origin.origin(GRID)) == same
