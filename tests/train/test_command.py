"""How a command ends is told by its exit code and its last words."""

import dataclasses

import pytest

from xorlab.files import UnusableDirectory
from xorlab.train import Config
from xorlab.train import __main__ as command

CONFIG = Config(steps=10, logdir="somewhere")
RESULT = {
    "config": dataclasses.asdict(CONFIG),
    "steps_done": 10,
    "diverged_at": None,
    "cost": 0.5,
    "accuracy": 0.75,
    "accuracy_at_start": 0.5,
    "verdict": {"cause": "undecided", "findings": []},
    "hypothesis": [0.1, 0.9, 0.9, 0.9],
    "predicted": [0.0, 1.0, 1.0, 1.0],
    "gradient_rms": {
        "start": {"layer1": 1e-7, "last": 0.1},
        "end": {"layer1": 2e-3, "last": 0.1},
    },
}


@pytest.fixture
def main(monkeypatch, capsys):
    """Runs `main` where a run ends so; returns its exit code, and what it printed."""

    def ended(outcome):
        def run(config, progress):
            if isinstance(outcome, BaseException):
                raise outcome
            return RESULT | outcome

        monkeypatch.setattr(command.settings, "from_flags", lambda kind, argv: CONFIG)
        monkeypatch.setattr(command, "run", run)
        return command.main(["program"]), *capsys.readouterr()

    return ended


def test_a_run_that_did_its_steps_ends_well_whether_it_learned_or_not(main):
    code, out, err = main({})
    assert (code, err) == (0, "")
    start, end = out.split("Gradients at the start")[1].split("Gradients at the end")
    assert "1.00e-07" in start and "2.00e-03" in end
    assert "3 of 4 rows are right" in end
    # Words that a beginner has not met are explained, and what to do is a command.
    assert "root mean square" in end and "the\nfirst layer's by the last one's" in end
    assert "10 steps are few: give it 20,000 before you change anything" in end
    assert "python -m xorlab.train --steps=20000 --logdir=somewhere\n" in end
    assert "Run: somewhere/deep-relu-seed22-steps10\n" in end
    assert end.endswith(" --logdir somewhere\nand open http://localhost:6006\n")


def test_a_run_that_diverged_is_an_error(main):
    # Even at its last step; a script that compares runs is to notice.
    for step in (0, 3, 10):
        code, out, _ = main({"diverged_at": step, "steps_done": step})
        assert code == 1
        assert f"not finite at step {step}." in out and "Stopped" not in out


def test_a_run_that_was_stopped_says_where(main):
    code, out, _ = main({"steps_done": 4})
    assert code == 130
    assert out.endswith("Stopped at step 4 of 10.\n")


def test_a_run_that_was_stopped_before_it_began_says_that_there_is_none(main):
    assert main(KeyboardInterrupt()) == (
        130,
        "",
        "Stopped before the first step was logged: no run.\n",
    )


def test_a_folder_that_cannot_be_used_is_a_line(main):
    assert main(UnusableDirectory("logdir: no")) == (2, "", "error: logdir: no\n")
