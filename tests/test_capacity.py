"""What does not fit is told with what there is, what it takes, and its settings."""

import math
import os
import pathlib
import shutil
import types

import pytest

from xorlab import capacity


def test_what_fits_is_let_through(tmp_path):
    capacity.check_memory(0, "width")
    capacity.check_memory(capacity.memory(), "width")
    capacity.check_disk(shutil.disk_usage(tmp_path).free / 2, tmp_path, "steps")


def test_more_memory_than_there_is_is_refused(monkeypatch):
    monkeypatch.setattr(capacity, "memory", lambda: 8e9)
    capacity.check_memory(7.9e9, "depth, width")
    with pytest.raises(capacity.TooLarge) as error:
        capacity.check_memory(1.6e21, "depth, width")
    assert str(error.value) == (
        "depth, width: expected what fits into this machine's memory, 8 GB; "
        "received what takes 1.6e+12 GB; choose less"
    )


def test_more_disk_than_is_free_is_refused_where_a_folder_is_to_be(
    tmp_path, monkeypatch
):
    usage = types.SimpleNamespace(free=2e9, total=3e9)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: usage if path == tmp_path else pytest.fail()
    )
    capacity.check_disk(1.9e9, tmp_path / "a" / "b", "steps")
    with pytest.raises(capacity.TooLarge, match=f"steps: .* free in {tmp_path}, 2 GB;"):
        capacity.check_disk(2.1e9, tmp_path / "a" / "b", "steps")


def test_what_is_no_disk_is_not_said_to_be_full(monkeypatch):
    usage = types.SimpleNamespace(free=0, total=0)  # As of /proc.
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    capacity.check_disk(1e30, pathlib.Path("x"), "steps")


@pytest.mark.skipif(not os.path.exists("/proc/meminfo"), reason="Linux tells it there")
def test_memory_is_that_of_the_machine():
    [line] = [
        line
        for line in pathlib.Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemTotal:")
    ]
    assert capacity.memory() == pytest.approx(int(line.split()[1]) * 1024, rel=0.01)


def test_a_machine_that_does_not_tell_refuses_nothing(monkeypatch):
    monkeypatch.delattr(os, "sysconf")  # As on Windows.
    assert capacity.memory() == math.inf
