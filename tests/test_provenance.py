"""What a result says of its origin is so, or says that it is not known."""

import os
import platform
import shutil
import subprocess

import pytest

import xorlab
from xorlab import provenance


def test_versions_are_those_installed_and_a_missing_package_is_said():
    found = provenance.versions(["numpy", "no-such-package"])
    import numpy

    assert found == {
        "xorlab": xorlab.__version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "no-such-package": "(not installed)",
    }


def test_versions_are_spelled_in_a_line():
    line = provenance.stated({"xorlab": "0.1", "python": "3.12", "keras": "3.13"})
    assert line == "xorlab 0.1, Python 3.12, keras 3.13"


def test_a_machine_is_told_with_the_cores_that_may_be_used(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 5, 7})
    assert provenance.machine().endswith(", 3 cores")
    # As on a system that does not tell which.
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert provenance.machine().endswith(", 5 cores")


def git(folder, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    command = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of a package that stands in for xorlab: its folder."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    package = tmp_path / "package"
    package.mkdir()
    (package / "provenance.py").write_text("")
    monkeypatch.setattr(provenance, "__file__", str(package / "provenance.py"))
    git(tmp_path, "init", "--quiet")
    return tmp_path


def test_a_commit_is_named_whole_and_whether_files_have_changed_since(checkout):
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "--message=first")
    git(checkout, "tag", "v1", "--annotate", "--message=v1")
    commit = git(checkout, "rev-parse", "HEAD").strip()
    assert provenance.commit() == commit and len(commit) == 40
    (checkout / "package" / "provenance.py").write_text("changed")
    assert provenance.commit() == f"{commit}-dirty"


def test_the_commit_of_a_checkout_that_it_was_installed_into_is_not_told(checkout):
    (checkout / "readme").write_text("of another project")
    git(checkout, "add", "readme")
    git(checkout, "commit", "--quiet", "--message=first")
    assert provenance.commit() == "not from a git checkout"


def test_without_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance.commit() == "not from a git checkout"
