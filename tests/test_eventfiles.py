"""Events are in a file as soon as they are written, and in TensorBoard's order."""

import itertools
import shutil

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.event_pb2 import Event

from xorlab import eventfiles
from xorlab.eventfiles import EventFile, SharedEventFile


def own(folder):
    return EventFile(str(folder / "made" / "here"))


def shared(folder):
    return SharedEventFile(tf.summary.create_file_writer(str(folder / "made" / "here")))


@pytest.mark.parametrize("kind", [own, shared])
def test_what_is_written_is_read_at_once(kind, tmp_path):
    file = kind(tmp_path)
    [path] = tmp_path.glob("made/here/*")
    written = []
    for steps in ([0, 1], [7]):
        events = [Event(step=step, wall_time=step + 0.5) for step in steps]
        file.write([event.SerializeToString() for event in events])
        written += events
        begin, *read = EventFileLoader(str(path)).Load()
        assert begin.file_version == "brain.Event:2"
        assert read == written
    file.close()


def test_a_file_that_was_removed_is_begun_again(tmp_path):
    file = own(tmp_path)
    [path] = tmp_path.glob("made/here/*")
    file.write([Event(step=1).SerializeToString()])
    shutil.rmtree(tmp_path / "made")
    file.write([Event(step=2).SerializeToString()])
    begin, event = EventFileLoader(str(path)).Load()
    assert begin.file_version == "brain.Event:2"
    assert event.step == 2


def test_tensorboard_reads_it_after_those_begun_before(tmp_path, monkeypatch):
    monkeypatch.setattr(eventfiles, "_NUMBERS", itertools.count(8))
    begun = set()
    for kind in [shared, shared, own] * 4:
        kind(tmp_path)
        [name] = {path.name for path in tmp_path.glob("made/here/*")} - begun
        if kind is own:
            assert name > max(begun)
        begun.add(name)
