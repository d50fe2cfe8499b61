"""A cell's event file says of it what its row does."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf
from oracles import sessions
from oracles.summaries import summary
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from xorlab.sweep.events import run_name, write_events

CELL = summary("relu", 3, solved=30)
UNSOLVED = dataclasses.replace(summary("relu", 11, 0), solved_at=math.nan)
ALL = [CELL, UNSOLVED, summary("relu", 2, 30)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    write_events(folder, ALL)
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
    write_events(tmp_path, ALL)
    for one in folder.rglob("events*"):
        assert (tmp_path / one.relative_to(folder)).read_bytes() == one.read_bytes()


def test_the_page_is_told_all_depths_in_order(folder):
    for cell in ALL:
        columns = sessions.columns(folder / run_name(cell.cell))
        depths = columns["depth"].domain_discrete.values
        assert [value.number_value for value in depths] == [2, 3, 11]
        # Of numbers, which it would else sort as words.
        assert columns["learning_rate"].type == columns["depth"].type
        assert columns["activation"].type != columns["depth"].type


def test_what_is_undefined_is_left_out_or_the_page_hides_the_cell(folder):
    run = folder / run_name(UNSOLVED.cell)
    tags = EventAccumulator(str(run), {"tensors": 0}).Reload().Tags()["tensors"]
    assert "share" in tags and "median_solved_at" not in tags


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
