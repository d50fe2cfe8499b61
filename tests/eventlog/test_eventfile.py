"""What is written can be read back by TensorBoard."""

import os
import pathlib
import sys

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from xorlab.eventlog import summaries
from xorlab.eventlog.eventfile import EventFile, OwnRecords, StepValues
from xorlab.steps import histograms


@pytest.fixture
def events(tmp_path):
    log = EventFile(OwnRecords(tmp_path))
    settings = {"rate": 0.5, "kind": "relu", "jit": True}
    log.summary(summaries.session_start(settings, ["cost"], "one"))
    log.text("card", "| a | b |")
    log.summary(summaries.layout("section", {"title": "^cost$"}))
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
    first, second, _ = events.Tensors("w")
    rows = np.frombuffer(first.tensor_proto.tensor_content).reshape(-1, 3)
    assert rows[:, 2].tolist() == [1, 0, 1]
    assert second.tensor_proto.tensor_shape.dim[0].size == 0


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
