"""Reports wait for each other before they are written, but never long."""

import math
import queue
import threading

import numpy as np
import pytest

from xorlab.eventlog import stepwriter
from xorlab.steps import histograms
from xorlab.steps.statistics import StepStatistics

WAIT = 60  # Seconds; a test that takes so long fails.


class Log:
    """Stands in for an event file, and keeps what is written."""

    def __init__(self):
        self.written = []
        self.wrote = threading.Event()

    def write(self, steps):
        self.written.append([values.step for values in steps])
        self.last = steps[-1]
        self.wrote.set()


def measured(arrays):
    return histograms.count(arrays), histograms.find_ends(arrays)


def report(step, gradient=(3.0, 4.0)):
    weight, change = [1.0, 0.0], [0.0, 0.5]
    squares = [[float(np.sum(np.square(x)))] for x in (gradient, weight, change)]
    counts = measured([np.array(gradient), np.array(weight)])
    sizes = [len(gradient)]
    return StepStatistics(step, ["a/w"], *counts, sizes, *squares, [], 1000.0 + step)


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def reports(log, monkeypatch):
    monkeypatch.setattr(stepwriter, "_LONGEST_WAIT", WAIT)
    reports = stepwriter.StepWriter(log, activations=False)
    yield reports
    reports.flush()


def test_reports_wait_for_each_other(reports, log):
    for step in range(3):
        reports.add(report(step), {})
    assert log.written == []
    reports.flush()
    reports.flush()
    assert log.written == [[0, 1, 2]]


def test_reports_do_not_wait_long(reports, log, monkeypatch):
    monkeypatch.setattr(stepwriter, "_LONGEST_WAIT", 0.05)
    for step in range(2):
        reports.add(report(step), {})
        assert log.wrote.wait(WAIT)
        log.wrote.clear()
    assert log.written == [[0], [1]]


def test_reports_that_take_much_memory_do_not_wait(reports, log, monkeypatch):
    monkeypatch.setattr(stepwriter, "_MOST_WAITING", 2 * report(0).counts.nbytes)
    for step in range(5):
        reports.add(report(step), {})
    assert log.written == [[0, 1], [2, 3]]


def test_a_report_is_written_as_of_its_step(reports, log):
    reports.add(report(7), {"more": 1.0})
    reports.flush()
    assert log.last.wall_time == 1007.0
    assert log.last.tags == ("a/w/gradient", "a/w/weight")
    assert log.last.scalars == {
        "gradient_norm": 5.0,
        "gradient_not_finite": 0.0,
        "weight_not_finite": 0.0,
        "gradient_rms/a": pytest.approx(12.5**0.5),
        "log10_gradient_rms/a": pytest.approx(math.log10(12.5) / 2),
        "update_ratio/a": 0.5,
        "more": 1.0,
    }


def test_training_is_told_of_what_could_not_be_written(reports, log, monkeypatch):
    def fail(steps):
        raise OSError("disk full")

    told = queue.SimpleQueue()  # What would be printed on standard error.
    monkeypatch.setattr(threading, "excepthook", lambda hook: told.put(hook.exc_value))
    monkeypatch.setattr(stepwriter, "_LONGEST_WAIT", 0.05)
    with monkeypatch.context() as full_disk:
        full_disk.setattr(log, "write", fail)
        reports.add(report(0), {})
        late = told.get(timeout=WAIT)
    with pytest.raises(OSError, match="disk full") as raised:
        reports.flush()
    assert raised.value is late
    reports.add(report(1), {})
    reports.flush()
    assert log.written == [[1]]


def test_a_gradient_of_zero_is_drawn_below_all_others(reports, log):
    for step, gradient in enumerate([(0.0, 0.0), (1.5e-45, 1.5e-45)]):
        reports.add(report(step, gradient), {})
        reports.flush()
        logarithm = log.last.scalars["log10_gradient_rms/a"]
        assert logarithm == -45 if step == 0 else -45 < logarithm < -44


def test_a_layer_without_entries_has_no_rms(reports, log):
    reports.add(report(0, gradient=()), {})
    reports.flush()
    assert "gradient_rms/a" not in log.last.scalars


def timers():
    return [x for x in threading.enumerate() if isinstance(x, threading.Timer)]


def test_a_flush_leaves_no_thread_that_a_program_s_end_would_wait_for(reports):
    before = timers()
    reports.add(report(0), {})
    [started] = set(timers()) - set(before)
    reports.flush()
    started.join(WAIT / 6)
    assert not started.is_alive()


def test_what_is_added_after_a_flush_does_not_wait_long(reports, log, monkeypatch):
    reports.add(report(0), {})
    reports.flush()
    log.wrote.clear()
    monkeypatch.setattr(stepwriter, "_LONGEST_WAIT", 0.05)
    reports.add(report(1), {})
    assert log.wrote.wait(WAIT)
    assert log.written == [[0], [1]]


def test_a_flush_waits_for_what_is_being_written(reports, log, monkeypatch):
    began, go_on, write = threading.Event(), threading.Event(), log.write

    def slowly(steps):
        began.set()
        assert go_on.wait(WAIT)
        write(steps)

    monkeypatch.setattr(stepwriter, "_LONGEST_WAIT", 0.01)
    monkeypatch.setattr(log, "write", slowly)
    reports.add(report(0), {})
    assert began.wait(WAIT)
    # Once it returns, the end of a fit closes the file.
    flushing = threading.Thread(target=reports.flush)
    flushing.start()
    flushing.join(0.2)
    waited = flushing.is_alive()
    go_on.set()
    flushing.join(WAIT)
    assert waited
    assert log.written == [[0]]


def test_steps_are_written_in_order_where_one_thread_overtakes(
    reports, log, monkeypatch
):
    began, overtaken, write = threading.Event(), threading.Event(), log.write

    def first_slowly(steps):
        if not began.is_set():
            began.set()
            overtaken.wait(0.2)
        write(steps)
        overtaken.set()

    monkeypatch.setattr(stepwriter, "_LONGEST_WAIT", 0.01)
    monkeypatch.setattr(log, "write", first_slowly)
    reports.add(report(0), {})
    assert began.wait(WAIT)
    monkeypatch.setattr(stepwriter, "_MOST_WAITING", 0)
    reports.add(report(1), {})
    # A reader takes a step that comes before the last for a restart, and drops it.
    assert log.written == [[0], [1]]


def test_activations_are_written_if_they_were_asked_for(log):
    statistics = report(0)
    counts, ends = measured([np.array([5.0] * 7 + [np.nan, np.inf])])
    statistics.counts = np.concatenate([statistics.counts, counts])
    statistics.ends = np.concatenate([statistics.ends, ends])
    statistics.layers = ["a"]
    statistics.units = {"dead_units/a": 0.5}
    for activations in (False, True):
        reports = stepwriter.StepWriter(log, activations)
        reports.add(statistics, {})
        reports.flush()
        tags = ("a/w/gradient", "a/w/weight", *["a/activation"] * activations)
        assert log.last.tags == tags
        np.testing.assert_array_equal(log.last.counts, statistics.counts[: len(tags)])
        np.testing.assert_array_equal(log.last.ends, statistics.ends[: len(tags)])
        told = {"activation_not_finite": 2.0, "dead_units/a": 0.5}
        assert (told.items() <= log.last.scalars.items()) == activations
        assert bool(told.keys() & log.last.scalars) == activations


def test_a_ratio_is_by_layer_and_a_layer_of_zeros_has_none(reports, log):
    counts = measured([np.zeros(1)] * 6)
    weights = ["a/kernel", "a/bias", "b/kernel"]
    squares = [[9.0, 16.0, 0.0], [3.0, 1.0, 0.0], [0.5, 0.5, 1.0]]
    statistics = StepStatistics(0, weights, *counts, [2, 2, 1], *squares, [], 0.0)
    reports.add(statistics, {})
    reports.flush()
    scalars = log.last.scalars
    assert scalars["update_ratio/a"] == 0.5
    assert np.isnan(scalars["update_ratio/b"])
    assert scalars["gradient_rms/a"] == 2.5
    assert scalars["gradient_norm"] == 5.0


def test_a_gradient_too_large_to_square_has_lost_nothing(reports, log):
    huge = np.float32([3e38, 3e38])
    counts = measured([huge, huge])
    squares = [[np.inf], [1.0], [0.0]]
    reports.add(StepStatistics(0, ["a/w"], *counts, [2], *squares, [], 0.0), {})
    reports.flush()
    assert log.last.scalars["gradient_not_finite"] == 0


def test_what_is_not_finite_is_counted_by_kind(reports, log):
    lost = [np.array([np.nan, 1.0, np.inf]), np.array([-np.inf, 1.0, 1.0])]
    squares = [[np.nan], [np.inf], [0.0]]
    counts = measured(lost)
    reports.add(StepStatistics(0, ["a/w"], *counts, [3], *squares, [], 0.0), {})
    reports.flush()
    assert log.last.scalars["gradient_not_finite"] == 2
    assert log.last.scalars["weight_not_finite"] == 1
