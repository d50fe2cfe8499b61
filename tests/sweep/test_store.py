"""A sweep's folder goes on from what is whole, whenever it was left."""

import dataclasses
import errno
import json
import os

import numpy as np
import pytest

from xorlab.files import UnusableDirectory
from xorlab.sweep import store as store_module
from xorlab.sweep.grid import Grid
from xorlab.sweep.plan import chunks
from xorlab.sweep.store import GRID, Store

SWEEP = Grid(activations=("relu",), depths=(2,), seeds=300)
ALL = list(chunks(SWEEP))


def test_a_sweep_killed_while_it_wrote_its_grid_begins_again(tmp_path):
    (tmp_path / f"{GRID}.partial").write_text('{"activ')
    store = Store(tmp_path, SWEEP)
    with store.claimed():
        assert store.missing() == ALL


@pytest.mark.parametrize("text", ["[]", '{"steps": 7, "made_by": {}}'])
def test_where_nothing_is_done_any_sweep_begins(text, tmp_path):
    (tmp_path / "chunks").mkdir()
    (tmp_path / GRID).write_text(text)
    store = Store(tmp_path, SWEEP)
    with store.claimed():
        assert store.missing() == ALL
        assert json.loads((tmp_path / GRID).read_text())["steps"] == SWEEP.steps


def test_a_grid_that_is_not_whole_is_never_there(tmp_path, monkeypatch):
    def fail(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UnusableDirectory, match="No space left"):
        with Store(tmp_path, SWEEP).claimed():
            pass
    assert not (tmp_path / GRID).exists()


def test_a_sweep_that_is_stopped_before_a_chunk_is_done_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with Store(tmp_path / "new" / "out", SWEEP).claimed():
            raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_chunk_that_is_not_whole_is_trained_again(tmp_path):
    store = Store(tmp_path, SWEEP)
    with store.claimed():
        store.put(ALL[1], {"cost": np.zeros(3)})
        (tmp_path / "chunks" / "000002.npz.partial").write_bytes(b"PK")
        assert store.missing() == [ALL[0], ALL[2]]


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


def flipped(content):
    """Each in another place, from the first byte to the last."""
    for place in np.linspace(0, len(content) - 1, 50, dtype=int):
        yield content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.fixture
def begun(tmp_path):
    """A sweep whose second chunk of three is done, and the file of that."""
    store = Store(tmp_path, SWEEP)
    with store.claimed():
        store.put(ALL[1], {"cost": np.arange(128.0), "solved": np.zeros(128, bool)})
        yield store, tmp_path / "chunks" / "000001.npz"


def test_a_damaged_chunk_is_named_and_trained_again(begun):
    store, path = begun
    whole = path.read_bytes()
    for content in (b"", b"PK", whole[:-1], whole + b"\0", *flipped(whole)):
        path.write_bytes(content)
        with pytest.warns(UserWarning, match="chunks: damaged.* anew: 000001.npz$"):
            assert store.missing() == ALL
    path.write_bytes(whole)
    assert store.missing() == [ALL[0], ALL[2]]


def test_what_is_no_file_is_no_chunk(begun):
    store, path = begun
    path.unlink()
    path.mkdir()
    with pytest.warns(UserWarning, match="000001.npz"):
        assert store.missing() == ALL


def test_a_chunk_of_other_networks_is_trained_again(begun):
    store, path = begun
    path.rename(path.with_name("000000.npz"))
    with pytest.warns(UserWarning, match="of other networks.* 000000.npz"):
        assert store.missing() == ALL
    with pytest.raises(FileNotFoundError, match="000000.npz"):
        store.get(ALL[0])


@pytest.mark.parametrize("other", [{"steps": 7}, {"first_seed": 1}, {"depths": (3,)}])
def test_a_chunk_of_another_sweep_is_trained_again(begun, other, tmp_path):
    _, path = begun
    store = Store(tmp_path / "other", dataclasses.replace(SWEEP, **other))
    with store.claimed():
        (store.out / "chunks" / path.name).write_bytes(path.read_bytes())
        with pytest.warns(UserWarning, match="000001.npz"):
            assert len(store.missing()) == 3


def test_a_chunk_is_a_file_that_numpy_reads(begun):
    _, path = begun
    with np.load(path) as arrays:
        np.testing.assert_array_equal(arrays["cost"], np.arange(128.0))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        json.dumps(dataclasses.asdict(SWEEP)).encode(),  # xorlab 0.1's.
        json.dumps(dataclasses.asdict(SWEEP) | {"made_by": None}).encode(),
    ],
    ids=lambda text: text[:9].decode(errors="replace"),
)
def test_a_grid_that_is_damaged_is_named_and_kept(text, tmp_path):
    (tmp_path / GRID).write_bytes(text)
    (tmp_path / "chunks").mkdir()
    (tmp_path / "chunks" / "000000.npz").touch()
    with pytest.raises(UnusableDirectory, match=f"expected .*{GRID} .* damaged.*--out"):
        with Store(tmp_path, SWEEP).claimed():
            pass
    assert (tmp_path / GRID).read_bytes() == text


def test_a_setting_that_this_xorlab_does_not_know_is_another_grid(tmp_path):
    store = Store(tmp_path, SWEEP)
    with store.claimed():
        store.put(ALL[0], {"cost": np.zeros(128)})
    there = json.loads((tmp_path / GRID).read_text()) | {"bias": True}
    (tmp_path / GRID).write_text(json.dumps(there))
    with pytest.raises(UnusableDirectory, match="bias True, received None;"):
        with Store(tmp_path, SWEEP).claimed():
            pass


@pytest.fixture
def newer(monkeypatch):
    """Another program than that which began a sweep."""

    def install(**versions):
        there = store_module.origin(SWEEP) | versions
        monkeypatch.setattr(store_module, "origin", lambda grid: there)

    return install


def test_a_sweep_of_another_program_does_not_go_on(begun, newer):
    store, _ = begun
    newer(tensorflow="99.1", xorlab="98.0")
    with pytest.raises(UnusableDirectory) as error:
        store.missing()
    for words in (f"what {store.out} was", "received 99.1", "received 98.0", "--out"):
        assert words in str(error.value)


def test_a_sweep_goes_on_on_the_kind_of_device_that_began_it(tmp_path):
    first = Store(tmp_path, SWEEP, "CPU")
    with first.claimed():
        first.put(ALL[0], {"cost": np.zeros(128)})
    second = Store(tmp_path, SWEEP, "CPU:0")
    with second.claimed():
        assert second.missing() == ALL[1:]
    third = Store(tmp_path, SWEEP, "GPU:0")
    with third.claimed(), pytest.raises(UnusableDirectory, match="CPU, received GPU"):
        third.missing()


def test_an_upgrade_that_changes_no_number_is_no_hindrance(tmp_path, newer):
    first = Store(tmp_path, SWEEP)
    with first.claimed():
        first.put(ALL[0], {"cost": np.zeros(128)})
    newer(xorlab="98.0")
    second = Store(tmp_path, SWEEP)
    with second.claimed():
        assert second.missing() == ALL[1:]
        for chunk in ALL[1:]:
            second.put(chunk, {"cost": np.ones(chunk.networks)})
    # Its tables can be written by any program.
    newer(tensorflow="99.1")
    third = Store(tmp_path, SWEEP)
    with third.claimed():
        assert third.missing() == []
        assert third.get(ALL[0])["cost"][0] == 0


def test_what_a_user_puts_beside_a_sweep_does_not_end_it(tmp_path):
    store = Store(tmp_path, SWEEP)
    with store.claimed():
        store.put(ALL[0], {"cost": np.zeros(128)})
    (tmp_path / "notes.txt").write_text("mine")
    with Store(tmp_path, SWEEP).claimed():
        pass
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_another_grid_is_refused_and_the_folder_kept(tmp_path):
    store = Store(tmp_path, SWEEP)
    with store.claimed():
        store.put(ALL[0], {"cost": np.zeros(128)})
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
