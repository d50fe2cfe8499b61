"""What is written can be read back by TensorBoard."""

import os
import pathlib
import sys
import threading
import time

import numpy as np
import pytest
import tensorflow as tf
from oracles import sessions
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2

from xorlab.eventlog import summaries
from xorlab.eventlog.eventfile import EventFile, OwnRecords, StepValues
from xorlab.eventlog.reading import read
from xorlab.steps import histograms


@pytest.fixture
def events(tmp_path):
    log = EventFile(OwnRecords(tmp_path))
    settings = {"rate": 0.5, "kind": "relu", "jit": True}
    log.summary(summaries.session_start(settings, ["cost"], "one"))
    log.text("card", "| a | b |")
    log.summary(summaries.layout("section", {"title": ["^cost$"]}))
    for step, cost, weights in ((0, 0.5, [1.0, -1.0]), (7, 1e-9, []), (8, 1e39, [])):
        counts = histograms.count([np.array(weights)])
        log.write([StepValues(step, {"cost": cost}, ["w"], counts)])
    log.close(succeeded=True)
    accumulator = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    accumulator.Reload()
    return accumulator


def test_scalars_come_back_with_their_steps(events):
    written = [
        (e.step, np.frombuffer(e.tensor_proto.tensor_content, np.float32)[0])
        for e in events.Tensors("cost")
    ]
    # Beyond float32 a number is infinite.
    assert written == [(0, np.float32(0.5)), (7, np.float32(1e-9)), (8, np.inf)]


def test_histograms_come_back_as_rows(events):
    first, second, _ = (
        np.frombuffer(event.tensor_proto.tensor_content).reshape(-1, 3)
        for event in events.Tensors("w")
    )
    assert first[:, 2].tolist() == [1, 0, 1]
    # No values are a row without any, since some readers fail on an empty table.
    np.testing.assert_array_equal(second, [[np.inf, np.nan, 0]])


def test_each_value_is_of_its_plugin(events):
    plugins = {
        tag: events.SummaryMetadata(tag).plugin_data.plugin_name
        for tag in events.Tags()["tensors"]
    }
    assert plugins["cost"] == "scalars"
    assert plugins["w"] == "histograms"
    assert plugins["card"] == "text"
    assert plugins["custom_scalars__config__"] == "custom_scalars"


def test_hyperparameters_come_back_by_name(events):
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    assert start.hparams["rate"].number_value == 0.5
    assert start.hparams["kind"].string_value == "relu"
    assert start.hparams["jit"].bool_value is True
    # Numbers are sorted as numbers: 11 after 2.
    content = events.SummaryMetadata("_hparams_/experiment").plugin_data.content
    experiment = plugin_data_pb2.HParamsPluginData.FromString(content).experiment
    types = {x.name: api_pb2.DataType.Name(x.type) for x in experiment.hparam_infos}
    assert types == {
        "rate": "DATA_TYPE_FLOAT64",
        "kind": "DATA_TYPE_STRING",
        "jit": "DATA_TYPE_BOOL",
    }


def test_a_session_has_the_name_of_its_run_and_how_it_ended(tmp_path):
    for name, succeeded in (("one", True), ("other", False)):
        folder = tmp_path / name
        folder.mkdir()
        log = EventFile(OwnRecords(folder))
        # The same settings: by its name it is another session.
        log.summary(summaries.session_start({"rate": 0.5}, ["cost"], name, seconds=9))
        log.close(succeeded)
        start = sessions.start(folder)
        assert (start.group_name, start.start_time_secs) == (name, 9)
        word = "SUCCESS" if succeeded else "FAILURE"
        assert sessions.status(folder) == f"STATUS_{word}"


def test_a_chart_has_a_line_for_every_tag_that_matches(events):
    [event] = events.Tensors("custom_scalars__config__")
    layout = layout_pb2.Layout.FromString(event.tensor_proto.string_val[0])
    [section] = layout.category
    [chart] = section.chart
    assert (section.title, chart.title) == ("section", "title")
    assert list(chart.multiline.tag) == ["^cost$"]


def test_every_record_has_its_step_and_its_time(tmp_path):
    began = time.time()
    log = EventFile(OwnRecords(tmp_path))
    log.graph(GraphDef())
    log.text("card", "words", step=3)
    log.write(
        [StepValues(step, {"cost": 0.5}, wall_time=100.0 + step) for step in (7, 9)]
    )
    log.write([StepValues(11, {"cost": 0.5})])
    _, graph, card, seven, nine, eleven = sessions.records(tmp_path)
    assert [x.step for x in (graph, card, seven, nine, eleven)] == [0, 3, 7, 9, 11]
    assert (seven.wall_time, nine.wall_time) == (107, 109)
    assert all(began <= x.wall_time <= time.time() for x in (graph, card, eleven))


def test_what_is_logged_is_on_disk_at_once(tmp_path):
    log = EventFile(OwnRecords(tmp_path))
    counts = histograms.count([np.array([1.0])])
    calls = (
        lambda: log.write([StepValues(0, {"cost": 0.5}, ["w"], counts)]),
        lambda: log.text("card", "words"),
        lambda: log.graph(GraphDef()),
    )
    for number, call in enumerate(calls, start=1):
        call()
        assert len(sessions.records(tmp_path)) == 1 + number


@pytest.mark.skipif(sys.platform != "linux", reason="reads open files from /proc")
def test_a_closed_log_holds_no_file_open(tmp_path):
    log = EventFile(OwnRecords(tmp_path))
    log.text("card", "words")
    [path] = tmp_path.iterdir()

    def is_open():
        held = pathlib.Path("/proc/self/fd").iterdir()
        return any(fd.is_symlink() and fd.resolve() == path for fd in held)

    assert is_open()
    log.close(succeeded=True)
    assert not is_open()


def test_a_file_that_cannot_be_begun_is_an_error_of_a_file(tmp_path):
    with pytest.raises(OSError, match="No such file") as error:
        OwnRecords(tmp_path / "missing")
    assert error.value.filename.startswith(str(tmp_path / "missing" / "events.out"))


def test_records_of_other_tags_do_not_mix(tmp_path):
    log = EventFile(OwnRecords(tmp_path))
    one, two = (histograms.count([np.ones(n)]) for n in (1, 2))
    log.write(
        [
            StepValues(0, {"a": 1.0}, ["w"], one),
            StepValues(1, {"b": 2.0, "a": 3.0}, ["w"], two),
            StepValues(2, {"a": 4.0}),
        ]
    )
    found = [
        {value.tag: tf.make_ndarray(value.tensor) for value in event.summary.value}
        for event in sessions.records(tmp_path)[1:]
    ]
    assert [sorted(values) for values in found] == [["a", "w"], ["a", "b", "w"], ["a"]]
    assert [float(values["a"]) for values in found] == [1, 3, 4]
    assert [float(values["w"][:, 2].sum()) for values in found[:2]] == [1, 2]


class Records:
    """Stands in for a file, and keeps when a record begins and ends."""

    def __init__(self, write=lambda: None):
        self.told, self._write, self.is_closed = [], write, False

    def write(self, records):
        steps = [Event.FromString(record).step for record in records]
        self.told.append(("begins", steps))
        self._write()
        self.told.append(("ends", steps))

    def close(self):
        self.is_closed = True


@pytest.fixture
def in_turn():
    """Calls two functions at once, the second while the first is in its pause."""
    began, overtaken = threading.Event(), threading.Event()

    def pause():
        if not began.is_set():
            began.set()
            overtaken.wait(0.2)

    def call(first, second):
        thread = threading.Thread(target=first)
        thread.start()
        assert began.wait(60)
        second()
        overtaken.set()
        thread.join()

    return pause, call


def test_a_record_is_whole_before_another_thread_s_begins(in_turn):
    # Or a reader ends at the first that is torn.
    pause, call = in_turn
    records = Records(pause)
    log = EventFile(records)
    call(lambda: log.text("card", "one", 1), lambda: log.text("card", "two", 2))
    wanted = [("begins", [1]), ("ends", [1]), ("begins", [2]), ("ends", [2])]
    assert records.told == wanted


def test_numbers_of_two_threads_do_not_mix(in_turn, tmp_path):
    pause, call = in_turn

    class Slow(dict):
        def values(self):
            pause()
            return super().values()

    log = EventFile(OwnRecords(tmp_path))
    call(
        lambda: log.write([StepValues(1, Slow(cost=0.5))]),
        lambda: log.write([StepValues(2, {"cost": 0.25})]),
    )
    log.close(succeeded=True)
    assert read(tmp_path).scalars == {"cost": {1: 0.5, 2: 0.25}}


def test_a_log_is_closed_though_its_last_words_cannot_be_written():
    def fail():
        raise OSError("disk full")

    records = Records(fail)
    with pytest.raises(OSError, match="disk full"):
        EventFile(records).close(succeeded=True)
    assert records.is_closed


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from Linux's /proc")
def test_memory_does_not_grow_with_the_steps_written(tmp_path):
    log = EventFile(OwnRecords(tmp_path))
    counts = histograms.count([np.random.default_rng(1).normal(size=1000)] * 20)
    tags = [f"w{number}" for number in range(20)]
    values = [StepValues(step, {"cost": 0.5}, tags, counts) for step in range(50)]
    # Weights that are updated now and then make other tags.
    values += [StepValues(0, {f"cost{n}": 0.5}, tags, counts) for n in range(50)]

    def memory():
        pages = pathlib.Path("/proc/self/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    log.write(values)
    before = memory()
    for _ in range(10):
        log.write(values)
    written = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert memory() - before < written / 4
