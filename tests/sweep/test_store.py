"""A sweep's folder goes on from what is whole, whenever it was left."""

import dataclasses
import errno
import os

import numpy as np
import pytest

from xorlab.files import UnusableDirectory
from xorlab.sweep.grid import Grid
from xorlab.sweep.plan import chunks
from xorlab.sweep.store import GRID, Store

SWEEP = Grid(activations=("relu",), depths=(2,), seeds=300)
ALL = list(chunks(SWEEP))


def test_a_sweep_killed_while_it_wrote_its_grid_begins_again(tmp_path):
    (tmp_path / f"{GRID}.partial").write_text('{"activ')
    store = Store(tmp_path, SWEEP)
    with store.claimed():
        assert list(store.missing()) == ALL


def test_a_grid_that_is_not_whole_is_never_there(tmp_path, monkeypatch):
    def fail(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UnusableDirectory, match="No space left"):
        with Store(tmp_path, SWEEP).claimed():
            pass
    assert not (tmp_path / GRID).exists()


def test_a_chunk_that_is_not_whole_is_trained_again(tmp_path):
    store = Store(tmp_path, SWEEP)
    with store.claimed():
        store.put(ALL[1], {"cost": np.zeros(3)})
        (tmp_path / "chunks" / "000002.npz.partial").write_bytes(b"PK")
        assert list(store.missing()) == [ALL[0], ALL[2]]


def test_a_result_comes_back_as_it_was(tmp_path):
    store = Store(tmp_path, SWEEP)
    result = {"cost": np.float32([0.1, np.nan]), "solved": np.array([True, False])}
    with store.claimed():
        store.put(ALL[0], result)
    back = store.get(ALL[0])
    assert set(back) == set(result)
    for name, array in result.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


def test_what_a_user_puts_beside_a_sweep_does_not_end_it(tmp_path):
    with Store(tmp_path, SWEEP).claimed():
        pass
    (tmp_path / "notes.txt").write_text("mine")
    with Store(tmp_path, SWEEP).claimed():
        pass
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_another_grid_is_refused_and_the_folder_kept(tmp_path):
    with Store(tmp_path, SWEEP).claimed():
        pass
    before = (tmp_path / GRID).read_bytes()
    other = dataclasses.replace(SWEEP, steps=7)
    with pytest.raises(UnusableDirectory, match="steps 20000, received 7;"):
        with Store(tmp_path, other).claimed():
            pass
    assert (tmp_path / GRID).read_bytes() == before


def test_chunks_that_cannot_be_written_are_told_before_any_work(tmp_path, monkeypatch):
    # Whoever runs the tests may have every right.
    monkeypatch.setattr(
        os, "access", lambda path, mode: not os.fspath(path).endswith("chunks")
    )
    with pytest.raises(UnusableDirectory, match="folder that can be written.*--out"):
        with Store(tmp_path, SWEEP).claimed():
            pass
