"""The rooms of the house: imports point one way, and the code is clean."""

import ast
import configparser
import graphlib
import pathlib
import re
import subprocess
import sys

import pytest

import xorlab

PACKAGE = pathlib.Path(xorlab.__file__).parent
ROOT = PACKAGE.parent

# A room imports only from those before it.
ROOMS = [
    "checks",
    "settings",
    "files",
    "capacity",
    "startup",
    "provenance",
    "work",
    "models",
    "steps",
    "eventlog",
    "diagnosis",
    "pictures",
    "watching",
    "trial",
    "callbacks",
    "loops",
    "train",
    "sweep",
    "report",
    "lecture",
    "images",
]
FOLDERS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def imported(path):
    """Dotted names below xorlab that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("xorlab.") for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write the whole name"
            top, _, rest = node.module.partition(".")
            if top == "xorlab":
                for alias in node.names:
                    yield f"{rest}.{alias.name}".lstrip(".")


def files_of(room):
    file = PACKAGE / f"{room}.py"
    return [file] if file.exists() else list((PACKAGE / room).glob("*.py"))


def rooms_imported_by(room):
    names = {name for path in files_of(room) for name in imported(path)}
    return {name.partition(".")[0] for name in names} - {room, "__version__"}


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_one_way(room):
    assert rooms_imported_by(room) <= set(ROOMS[: ROOMS.index(room)])


@pytest.mark.parametrize("folder", FOLDERS)
def test_imports_inside_a_folder_point_one_way(folder):
    files = {path.stem for path in files_of(folder)}
    below = {
        path.stem: {
            name.split(".")[1]
            for name in imported(path)
            if name.split(".")[0] == folder and name.split(".")[1] in files
        }
        for path in files_of(folder)
    }
    # Raises CycleError.
    assert set(graphlib.TopologicalSorter(below).static_order()) == files


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_s_docstring_says_what_it_imports(folder):
    text = ast.get_docstring(ast.parse((PACKAGE / folder / "__init__.py").read_text()))
    said = re.search(r"^Enters: .*?^Leaves: .*?^Imports: (.*?)\.$", text, re.S | re.M)
    assert set(re.findall(r"`(\w+)`", said[1])) == rooms_imported_by(folder)


def test_what_is_imported_is_installed_with_the_package():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    wanted = (
        settings["options"]["install_requires"]
        + settings["options.extras_require"]["cluster"]
        + settings["options.extras_require"]["images"]
    )
    # Three have another name when they are imported.
    installed = set(re.findall(r"^[\w-]+", wanted, re.M)) | {"absl", "PIL", "sklearn"}
    named = {
        alias.name if isinstance(node, ast.Import) else node.module
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    others = {name.partition(".")[0] for name in named} - sys.stdlib_module_names
    assert others - {"xorlab"} <= installed


def test_every_module_has_its_place():
    present = {path.stem for path in PACKAGE.glob("*") if path.stem[0] != "_"}
    assert present - {"README", "py"} == set(ROOMS)  # py.typed


def test_contributors_are_told_of_the_rooms_in_order():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `xorlab/(\w+)", text, re.M) == ROOMS


def test_every_command_is_on_the_list_of_commands():
    listed = ast.get_docstring(ast.parse((PACKAGE / "__main__.py").read_text()))
    commands = {path.parent.name for path in PACKAGE.glob("*/__main__.py")} | {
        path.stem
        for path in PACKAGE.glob("[a-z]*.py")
        if '__name__ == "__main__"' in path.read_text()
    }
    assert set(re.findall(r"^ +python -m xorlab\.(\w+) ", listed, re.M)) == commands


def test_files_can_be_read_in_one_sitting():
    lengths = {
        str(path.relative_to(PACKAGE)): len(path.read_text().splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert {name for name, lines in lengths.items() if lines > 250} == set()


def test_only_activations_spells_an_activation_s_function():
    spelled = {
        path.name
        for path in PACKAGE.rglob("*.py")
        if "tf.nn." in path.read_text() or "tf.sigmoid" in path.read_text()
    }
    # The engine spells the loss, and the last sigmoid.
    assert spelled == {"activations.py", "engine.py"}


def test_the_code_is_clean():
    command = [sys.executable, "scripts/lint.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_version_is_that_of_the_installed_package():
    import importlib.metadata

    assert importlib.metadata.version("xorlab") == xorlab.__version__
