"""The rooms of the house: imports point one way, and the code is clean."""

import ast
import pathlib
import subprocess
import sys

import pytest

import xorlab

PACKAGE = pathlib.Path(xorlab.__file__).parent
ROOT = PACKAGE.parent

# A module imports only from those before it.
ROOMS = [
    "data",
    "activations",
    "initializers",
    "config",
    "files",
    "layers",
    "fused",
    "models",
    "hooks",
    "internals",
    "naming",
    "histograms",
    "measures",
    "gradients",
    "monitor",
    "steps",
    "tap",
    "diagnosis",
    "summaries",
    "reportlog",
    "graph",
    "callbacks",
    "runlog",
    "report",
    "plots",
    "startup",
    "train",
    "sweep",
]


def imported(path):
    """Names of xorlab's modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            top, _, rest = node.module.partition(".")
            if top == "xorlab":
                yield from [rest] if rest else [alias.name for alias in node.names]


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_one_way(room):
    allowed = {*ROOMS[: ROOMS.index(room)], "__version__"}
    for path in [PACKAGE / f"{room}.py", *(PACKAGE / room).glob("*.py")]:
        if path.exists():
            outside = {name.partition(".")[0] for name in imported(path)} - {room}
            assert outside <= allowed


def test_every_module_has_its_place():
    present = {path.stem for path in PACKAGE.glob("*") if path.stem[0] != "_"}
    assert present == set(ROOMS)


def test_only_activations_spells_an_activation_s_function():
    spelled = {
        path.name
        for path in PACKAGE.glob("*.py")
        if "tf.nn." in path.read_text() or "tf.sigmoid" in path.read_text()
    }
    assert spelled == {"activations.py"}


@pytest.mark.parametrize("check", [["check"], ["format", "--check"]], ids=str)
def test_the_code_is_clean(check):
    command = [sys.executable, "-m", "ruff", *check, "xorlab", "tests", "scripts"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_version_is_that_of_the_installed_package():
    import importlib.metadata

    assert importlib.metadata.version("xorlab") == xorlab.__version__
