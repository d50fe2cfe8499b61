"""What is written can be read back by TensorBoard."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from xorlab.summaries import EventLog, histogram_buckets

floats = st.floats(width=32, allow_nan=True, allow_infinity=True)


@given(st.lists(st.lists(floats, max_size=20), min_size=1, max_size=4))
def test_each_finite_value_lies_in_one_bucket(arrays):
    arrays = [np.array(values, np.float32) for values in arrays]
    for values, rows in zip(arrays, histogram_buckets(arrays), strict=True):
        values = values[np.isfinite(values)].astype(float)
        assert rows[:, 2].sum() == values.size
        assert (rows[:, 0] < rows[:, 1]).all()
        assert (rows[1:, 0] == rows[:-1, 1]).all()
        for left, right, count in rows:
            # Rounding may put a value on an edge into either bucket.
            slack = 1e-9 * max(abs(left), abs(right))
            inside = np.sum((values >= left - slack) & (values <= right + slack))
            clearly = np.sum((values > left + slack) & (values < right - slack))
            assert clearly <= count <= inside


def test_buckets_resolve_every_order_of_magnitude():
    [rows] = histogram_buckets([np.array([1e-9, 1e-9, -1e-3, 0.0, 0.0, 0.0, 1.0])])
    filled = rows[rows[:, 2] > 0]
    assert filled[:, 2].tolist() == [1, 3, 2, 1]
    zeros = filled[1]
    assert zeros[0] < 0 < zeros[1] <= 1e-9
    assert filled[2, 0] <= 1e-9 * 1.001 and filled[2, 1] <= 1.2e-9


def test_an_array_of_zeros_or_of_nothing_has_a_histogram_too():
    zeros, nothing = histogram_buckets([np.zeros(3), np.array([np.nan])])
    assert zeros[:, 2].tolist() == [3]
    assert nothing.shape == (0, 3)


@pytest.fixture
def events(tmp_path):
    log = EventLog(tmp_path)
    log.hyperparameters({"rate": 0.5, "kind": "relu", "jit": True}, ["cost"], "one")
    log.text("card", "| a | b |")
    log.layout("section", {"title": "^cost$"})
    log.write(0, {"cost": 0.5}, {"w": np.array([1.0, -1.0])})
    log.write(7, {"cost": 1e-9}, {"w": np.array([])})
    log.close(succeeded=True)
    accumulator = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    accumulator.Reload()
    return accumulator


def test_scalars_come_back_with_their_steps(events):
    written = [
        (e.step, np.frombuffer(e.tensor_proto.tensor_content, np.float32)[0])
        for e in events.Tensors("cost")
    ]
    assert written == [(0, np.float32(0.5)), (7, np.float32(1e-9))]


def test_histograms_come_back_as_rows(events):
    first, second = events.Tensors("w")
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
