"""Executions end where a step is logged, and none is long."""

import io
import sys
import types

import pytest

from xorlab.train import pace


class Fit:
    """A `fit` whose steps take a millisecond each, on a clock of its own."""

    def __init__(self, monkeypatch, seconds_a_step=1e-3):
        self.now = 0.0
        self.seconds_a_step = seconds_a_step
        monkeypatch.setattr(pace.time, "perf_counter", lambda: self.now)

    def run(self, steps, every, stop_at=None):
        """Returns the last step of each execution."""
        callback = pace.Pace(steps, every)
        model = types.SimpleNamespace(
            optimizer=types.SimpleNamespace(iterations=0), stop_training=False
        )
        callback.set_model(model)
        ends = []
        for epoch in range(callback.epochs):
            callback.on_epoch_begin(epoch)
            model.optimizer.iterations += model.steps_per_execution
            self.now += model.steps_per_execution * self.seconds_a_step
            ends.append(model.optimizer.iterations - 1)
            callback.on_epoch_end(epoch)
            if model.stop_training:
                return ends, [step for step in ends if callback.is_logged(step)]
        raise AssertionError("it is not stopped after the last step")


@pytest.mark.parametrize(
    ("steps", "every"), [(1, 1), (25, 10), (2_000, 2_000), (3_000, 7), (5_000, 10**9)]
)
def test_all_steps_that_are_to_be_logged_end_an_execution(monkeypatch, steps, every):
    ends, logged = Fit(monkeypatch).run(steps, every)
    assert ends[0] == 0 and ends[-1] == steps
    assert logged == [s for s in range(steps + 1) if s % every == 0 or s == steps]


def test_no_execution_takes_longer_than_a_quarter_of_a_second(monkeypatch):
    fit = Fit(monkeypatch)
    ends, _ = fit.run(10_000, 10**9)
    lengths = [after - before for before, after in zip(ends, ends[1:], strict=False)]
    assert max(lengths) <= 0.25 / fit.seconds_a_step
    # Nor are they needlessly short: it takes four a second, and a few to find out.
    assert len(ends) < 10_000 * fit.seconds_a_step * 4 + 10


def test_of_long_steps_an_execution_has_one(monkeypatch):
    ends, _ = Fit(monkeypatch, seconds_a_step=3.0).run(30, 10**9)
    assert ends[1] - ends[0] == 10  # Not timed yet.
    assert all(b - a == 1 for a, b in zip(ends[1:], ends[2:], strict=False))


def test_the_bar_says_why_it_does_not_move_yet(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    bar = pace.Progress(10, shown=True)
    assert terminal.getvalue().endswith("compiling]")
    bar.close()
