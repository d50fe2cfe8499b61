"""A cell's event file says of it what its row does."""

import numpy as np
import pytest
import tensorflow as tf
from oracles import sessions
from oracles.summaries import summary
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from xorlab.sweep.events import run_name, write_events

CELL = summary("relu", 3, solved=30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    write_events(folder, CELL)
    return folder


@pytest.fixture(scope="module")
def events(folder):
    path = folder / run_name(CELL.cell)
    return EventAccumulator(str(path), {"tensors": 0}).Reload()


def series(events, tag):
    return {e.step: float(tf.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)}


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("share", 0.3),
        ("low", 0.125),
        ("high", 0.875),
        ("diverged", 3),
        ("median_solved_at", 321),
        ("median_gradient_ratio_start", 0.0625),
    ],
)
def test_each_metric_is_that_of_the_summary(events, metric, value):
    assert series(events, metric) == {0: np.float32(value)}


def test_gradients_lie_over_the_number_of_their_layer(events):
    start, end = ([0.0, 0.1, 0.01], [1.0, 0.5, 0.25])
    for tag, rms in (("gradient_rms_start", start), ("gradient_rms_end", end)):
        assert series(events, tag) == dict(enumerate(np.float32(rms), 1))


def test_the_session_has_the_cell_s_settings_and_ended_well(folder):
    run = folder / run_name(CELL.cell)
    settings = sessions.start(run).hparams
    assert settings["depth"].number_value == 3
    assert settings["activation"].string_value == "relu"
    assert settings["learning_rate"].number_value == 0.1
    assert sessions.status(run) == "STATUS_SUCCESS"


def test_it_is_written_again_to_the_byte(folder, tmp_path):
    write_events(tmp_path, CELL)
    [one], [other] = (path.rglob("events*") for path in (folder, tmp_path))
    assert one.read_bytes() == other.read_bytes()


def test_cells_that_differ_have_folders_of_their_own():
    others = [
        summary("tanh", 3, 0),
        summary("relu", 4, 0),
        *(
            summary("relu", 3, 0, **{name: value})
            for name, value in [
                ("width", 6),
                ("initializer", "he_normal"),
                ("init_scale", 1.25),
                ("optimizer", "adam"),
                ("learning_rate", 0.3),
            ]
        ),
    ]
    names = {run_name(each.cell) for each in [CELL, *others]}
    assert len(names) == 1 + len(others)
