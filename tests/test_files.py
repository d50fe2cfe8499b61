"""Files are there whole or not; a folder has one owner, and what is not its stays."""

import os
import subprocess
import sys

import pytest

from xorlab.files import (
    UnusableDirectory,
    claimed,
    nearest,
    write_atomically,
    writing_atomically,
)


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "numbers.json"
    path.write_text("a longer text than the new one")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


# Ctrl-C is no Exception.
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_what_was_there_stays_until_the_new_is_whole(error, tmp_path):
    path = tmp_path / "numbers.json"
    path.write_bytes(b"old")
    with pytest.raises(error):
        with writing_atomically(path) as file:
            file.write(b"ne")
            assert path.read_bytes() == b"old"
            raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_on_disk_before_it_takes_the_place_of_another(tmp_path, monkeypatch):
    # A power cut cannot be tried; the order of the calls can.
    done, replace = [], os.replace
    monkeypatch.setattr(os, "fsync", lambda file: done.append(os.fstat(file).st_size))
    monkeypatch.setattr(
        os, "replace", lambda *paths: (done.append("replace"), replace(*paths))
    )
    write_atomically(tmp_path / "numbers.json", b"new")
    # All 3 bytes have left this program when the disk is asked to write them.
    assert done == [3, "replace"]


def test_an_error_names_the_file_and_not_its_part(tmp_path):
    path = tmp_path / "missing" / "numbers.json"
    with pytest.raises(OSError) as error:
        write_atomically(path, b"new")
    assert error.value.filename == str(path)


def claim(folder):
    return claimed(folder, "run", lambda path: path.suffix == ".json", "logdir")


def test_a_folder_is_made_and_what_is_in_it_is_told(tmp_path):
    folder = tmp_path / "new" / "run"
    with claim(folder) as present:
        assert present == set()
        (folder / "result.json").touch()
    with claim(folder) as present:
        assert present == {folder / "result.json"}


def test_a_folder_that_stays_empty_is_removed(tmp_path):
    with claim(tmp_path / "run"):
        assert (tmp_path / "run").is_dir()
    assert not (tmp_path / "run").exists()


def test_a_folder_of_something_else_is_refused_and_kept(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(
        UnusableDirectory, match="a run's own files .* found thesis.tex"
    ):
        with claim(tmp_path):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_without_the_right_to_write_is_refused(tmp_path, monkeypatch):
    # Whoever runs the tests may have every right.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(
        UnusableDirectory, match=r"received .* \(not writable\); choose"
    ):
        with claim(tmp_path / "run"):
            pass
    assert not (tmp_path / "run").exists()


def test_two_processes_do_not_share_a_folder(tmp_path):
    other = (
        "import sys, pathlib; from xorlab.files import claimed\n"
        "with claimed(pathlib.Path(sys.argv[1]), 'run', lambda path: True, 'logdir'):\n"
        "    print('inside', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", other, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "inside\n"
    with pytest.raises(UnusableDirectory, match="no other run is writing.*wait for it"):
        with claim(tmp_path):
            pass
    # Nor does the one that is refused take it away, empty as it is.
    assert tmp_path.exists()
    process.communicate("")
    with claim(tmp_path):
        pass


def test_one_that_is_refused_leaves_the_folder_to_the_other(tmp_path):
    folder = tmp_path / "run"
    with claim(folder):
        with pytest.raises(UnusableDirectory, match="no other run is writing"):
            with claim(folder):
                pass
        assert folder.is_dir()
    assert not folder.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked there")
@pytest.mark.parametrize("is_made_again", [False, True])
def test_a_folder_that_its_last_owner_takes_away_is_still_nobody_else_s(
    is_made_again, tmp_path, monkeypatch
):
    import fcntl

    folder, lock = tmp_path / "run", fcntl.flock

    def late(opened, how):
        monkeypatch.setattr(fcntl, "flock", lock)
        folder.rmdir()
        if is_made_again:
            folder.mkdir()
        lock(opened, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with claim(folder):
        with pytest.raises(UnusableDirectory, match="no other run is writing"):
            with claim(folder):
                pass


def test_an_empty_folder_that_was_there_stays(tmp_path):
    with claim(tmp_path):
        pass
    assert tmp_path.is_dir()


def test_folders_that_were_made_on_the_way_are_removed_while_they_are_empty(tmp_path):
    (tmp_path / "logs").mkdir()
    with claim(tmp_path / "logs" / "new" / "newer" / "run"):
        (tmp_path / "logs" / "new" / "notes.txt").touch()
    assert os.listdir(tmp_path / "logs") == ["new"]
    assert os.listdir(tmp_path / "logs" / "new") == ["notes.txt"]


def test_what_is_there_of_a_path_is_found(tmp_path):
    (tmp_path / "file").touch()
    assert nearest(tmp_path) == nearest(tmp_path / "a" / "b") == tmp_path
    assert nearest(tmp_path / "file" / "a") == tmp_path / "file"
    assert nearest(tmp_path / ("a" * 300) / "b") == tmp_path
