"""What is logged of a step is what was read of it; a zero has its place too."""

import math
import types

import numpy as np
import pytest

from xorlab.steps.tap import Reading
from xorlab.train.recorder import Recorder


class Log:
    """Stands in for an event file, and keeps what is written."""

    def __init__(self):
        self.written = []

    def write(self, steps):
        self.written += steps


def reading(first):
    return Reading(
        weights={"a/kernel": np.float32([1.0, 2.0]), "b/kernel": np.float32([3.0])},
        gradients={"a/kernel": np.float32(first), "b/kernel": np.float32([1e-3])},
        activations={"a": np.float32([[0.5, 0.5, 0.5]])},
    )


def recorded(*readings, loss=0.5, **options):
    """Lets a recorder hear of executions that end at steps 0, 10, 20 …"""
    left, log = iter(readings), Log()
    tap = types.SimpleNamespace(read=lambda: next(left))
    recorder = Recorder(tap, log, **options)
    optimizer = types.SimpleNamespace()
    recorder.set_model(types.SimpleNamespace(optimizer=optimizer, stop_training=False))
    for number, _ in enumerate(readings):
        optimizer.iterations = 10 * number + 1
        recorder.on_train_batch_begin(0)
        recorder.on_train_batch_end(0, {"loss": loss, "accuracy": 0.75})
    return recorder, log


def test_a_gradient_of_zero_is_drawn_below_all_others():
    _, log = recorded(reading([0.0, 0.0]), reading([1e-2, 1e-2]))
    zero, other = (values.scalars for values in log.written)
    assert zero["gradient_rms/a"] == 0
    least = math.log10(np.finfo(np.float32).smallest_subnormal)
    # As the chart's title says: a zero at the input is what the lecture looks for.
    assert least - 1 < zero["log10_gradient_rms/a"] == -45 < least
    assert other["log10_gradient_rms/a"] == pytest.approx(-2)
    assert zero["log10_gradient_rms/b"] == pytest.approx(-3)


def test_the_first_and_the_last_step_are_kept():
    recorder, log = recorded(
        reading([3.0, 3.0]), reading([2.0, 2.0]), reading([1.0, 1.0])
    )
    assert [values.step for values in log.written] == [
        0,
        10,
        20,
    ] and recorder.step == 20
    rms = recorder.gradient_rms
    assert (rms["start"]["a"], rms["end"]["a"]) == (3, 1)
    assert (recorder.cost, recorder.accuracy) == (0.5, 0.75)
    assert recorder.diverged_at is None and not recorder.model.stop_training


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_cost_that_is_not_finite_stops_the_training(loss):
    recorder, log = recorded(reading([1.0, 1.0]), loss=loss)
    assert recorder.diverged_at == 0 and recorder.model.stop_training
    assert len(log.written) == 1


def test_a_run_that_is_stopped_logs_how_far_it_came():
    seldom = {"is_logged": lambda step: False}
    recorder, log = recorded(reading([1.0, 1.0]), **seldom)
    assert log.written == []
    recorder.model.stop_training = True  # By Ctrl-C, in the course of an execution.
    recorder.on_train_batch_begin(0)
    recorder.on_train_batch_end(0, {"loss": 0.25, "accuracy": 0.75})
    assert [values.step for values in log.written] == [0]
    assert (recorder.step, recorder.cost) == (0, 0.25)


def test_training_that_was_given_up_logs_nothing_more():
    recorder, log = recorded(reading([1.0, 1.0]))
    recorder.end()  # The file is closed then, and what came of the run is written.
    recorder.model.optimizer.iterations = 11
    recorder.on_train_batch_end(0, {"loss": 0.25, "accuracy": 1.0})
    assert len(log.written) == 1
    assert (recorder.step, recorder.cost, recorder.accuracy) == (0, 0.5, 0.75)


def test_each_array_has_its_own_histogram():
    _, log = recorded(reading([1.0, 1.0]))
    [values] = log.written
    sizes = dict(zip(values.tags, values.counts.sum(axis=1).tolist(), strict=True))
    assert sizes == {
        "a/kernel/gradient": 2,
        "a/kernel/weight": 2,
        "b/kernel/gradient": 1,
        "b/kernel/weight": 1,
        "a/activation": 3,
    }
    by_tag = dict(zip(values.tags, values.counts, strict=True))
    weight, gradient = (by_tag[f"a/kernel/{which}"] for which in ("weight", "gradient"))
    assert np.count_nonzero(weight) == 2 and np.count_nonzero(gradient) == 1


def test_the_old_run_is_let_go_when_a_step_of_the_new_is_logged():
    calls, log = [], Log()
    recorder = Recorder(
        types.SimpleNamespace(read=lambda: reading([1.0, 1.0])),
        log,
        begin=lambda: calls.append(len(log.written)),
    )
    optimizer = types.SimpleNamespace(iterations=1)
    recorder.set_model(types.SimpleNamespace(optimizer=optimizer))
    recorder.on_train_batch_begin(0)
    assert calls == []
    recorder.on_train_batch_end(0, {"loss": 0.5, "accuracy": 0.75})
    assert calls == [1]


def test_compiling_training_and_logging_are_timed_apart(monkeypatch):
    clock = iter([0, 5, 6, 10, 12, 15])  # Begin, end and logged, twice.
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    recorder, _ = recorded(reading([1.0, 1.0]), reading([1.0, 1.0]))
    assert recorder.seconds == {"compile": 5, "train": 2, "log": 1 + 3}
