"""How a command ends is told by its exit code and its last words."""

import errno
import io
import sys
import types

import pytest
from oracles.summaries import summary

from xorlab.sweep import __main__ as command
from xorlab.sweep import workers
from xorlab.sweep.grid import Grid
from xorlab.sweep.plan import chunks
from xorlab.work import command as work


@pytest.fixture
def main(monkeypatch, capsys):
    """Runs `main` where a sweep ends so; returns its exit code, and what it printed."""

    def ended(outcome):
        def run(grid, out, scheduler, progress, device):
            assert (grid, out, scheduler) == (Grid(), "some/where", "tcp://a:1")
            assert progress and device == "CPU:3"
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        values = types.SimpleNamespace(
            out="some/where", scheduler="tcp://a:1", device="CPU:3"
        )
        stand_in = types.SimpleNamespace(FLAGS=values)
        for module in (command, work):
            monkeypatch.setattr(module, "flags", stand_in)
        monkeypatch.setattr(work.settings, "from_flags", lambda kind, argv: kind())
        monkeypatch.setattr(command, "run", run)
        return command.main(["program"]), *capsys.readouterr()

    return ended


def test_a_finished_sweep_has_a_line_a_cell_and_says_where_its_results_are(main):
    code, out, err = main([summary("relu", 2, 30), summary("tanh", 11, 7)])
    assert (code, err) == (0, "")
    relu, tanh, *rest = out.splitlines()
    assert relu.split()[:7] == "relu depth 2 30 of 100 solve".split()
    assert relu.endswith("it: 0.300 (0.125 to 0.875)")
    assert tanh.split()[:7] == "tanh depth 11 7 of 100 solve".split()
    assert "Results: some/where/summary.md" in rest
    assert rest[-2].endswith("tensorboard --logdir some/where")
    assert rest[-1] == "and open http://localhost:6006"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ValueError("steps: no"), 2, "steps: no"),
        (workers.UnreachableScheduler("scheduler: no"), 2, "scheduler: no"),
        (workers.BrokenCluster("scheduler: gone"), 1, "scheduler: gone"),
        (
            OSError(errno.ENOSPC, "No space left on device", "some/where/x.npz"),
            2,
            "expected to write some/where/x.npz; No space left on device; make room, "
            "and give the same command again: what is done is kept",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_one_line(error, code, words, main):
    assert main(error) == (code, "", f"error: {words}\n")


def test_a_sweep_that_was_stopped_says_how_to_go_on(main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = "What is done is kept in some/where; the same command goes on."
    nothing = "Nothing was done yet, and nothing is kept."
    code, out, err = main(KeyboardInterrupt())
    assert (code, err) == (130, "")
    assert nothing in out and kept not in out
    chunk = tmp_path / "some" / "where" / "chunks" / "000000.npz"
    chunk.parent.mkdir(parents=True)
    chunk.touch()
    _, out, _ = main(KeyboardInterrupt())
    assert kept in out and nothing not in out


def test_the_bar_says_why_it_does_not_move_yet(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    grid = Grid(depths=(2,), seeds=1)
    store = types.SimpleNamespace(
        grid=grid, missing=lambda: list(chunks(grid)), put=lambda chunk, result: None
    )

    def trained(missing):
        assert terminal.getvalue().endswith("compiling]")
        yield missing[0], {}

    work.train_missing(store, trained, progress=True)
    assert terminal.getvalue().split("\r")[-1].rstrip().endswith("1 of 2 networks]")
