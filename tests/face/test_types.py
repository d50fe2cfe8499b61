"""Types reach users: complete on what is public, and shipped.

That they are right in a user's code, the lint says of `consumer.py`.
"""

import ast
import configparser
import pathlib
import shutil
import subprocess
import sys

import xorlab

PACKAGE = pathlib.Path(xorlab.__file__).parent
ROOT = PACKAGE.parent


def public_functions(node):
    """Yields functions and methods that no underscore hides; those inside do not."""
    for child in ast.iter_child_nodes(node):
        is_public = child.name[0] != "_" if hasattr(child, "name") else False
        if isinstance(child, ast.ClassDef) and is_public:
            yield from public_functions(child)
        if isinstance(child, ast.FunctionDef):
            if is_public or child.name.startswith("__"):
                yield child


def missing_types(function):
    given = function.args
    all_of_them = (*given.args, *given.kwonlyargs, given.vararg, given.kwarg)
    names = [x.arg for x in all_of_them if x and not x.annotation]
    # mypy knows what `__init__` returns.
    if function.returns is None and function.name != "__init__":
        names.append("return")
    return set(names) - {"self", "cls"}


def test_what_is_public_says_all_its_types():
    missing = {
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}": names
        for path in PACKAGE.rglob("*.py")
        for function in public_functions(ast.parse(path.read_text()))
        if (names := missing_types(function))
    }
    assert missing == {}


def test_a_user_s_code_is_checked_strictly_with_the_face():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    assert "tests/face/consumer.py" in settings["mypy"]["files"].split(", ")
    assert settings["mypy"].getboolean("strict")
    # That is for all but what is inside of xorlab.
    assert [x for x in settings if x.startswith("mypy-") and "consumer" in x] == []


def test_a_wheel_holds_every_module_face_and_the_mark_of_types(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "xorlab")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    # The part of a wheel's making that needs no network.
    command = [sys.executable, "-c", "import setuptools; setuptools.setup()"]
    command += ["--quiet", "build_py", "--build-lib=built"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    def files(folder):
        every = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
        return {name for name in every if "__pycache__" not in name}

    built = files(tmp_path / "built" / "xorlab")
    assert built == files(PACKAGE)
    assert {"py.typed", "__init__.pyi", "models/__init__.pyi"} <= built
