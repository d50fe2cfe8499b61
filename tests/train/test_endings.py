"""However a run ends, what is left says how."""

import os
import signal

import numpy as np
import pytest
from oracles import sessions

from xorlab import files, train
from xorlab.train import Config, training

SMALL = {"depth": 2, "jit": False, "histograms": False}


def test_a_run_that_does_all_its_steps_is_a_success(tmp_path):
    config = Config(**SMALL, steps=5, log_every=2, logdir=str(tmp_path))
    assert train.run(config)["steps_done"] == 5
    assert sessions.status(config.run_dir) == "STATUS_SUCCESS"


@pytest.mark.slow
def test_a_run_that_diverges_is_a_failure_even_at_its_last_step(tmp_path):
    settings = {**SMALL, "activation": "identity", "learning_rate": 1e30}
    config = Config(**settings, steps=100, run_name="early", logdir=str(tmp_path))
    diverged_at = train.run(config)["diverged_at"]
    assert sessions.status(config.run_dir) == "STATUS_FAILURE"

    config = Config(
        **settings, steps=diverged_at, run_name="last", logdir=str(tmp_path)
    )
    result = train.run(config)
    assert result["diverged_at"] == result["steps_done"] == config.steps
    assert sessions.status(config.run_dir) == "STATUS_FAILURE"


@pytest.fixture
def ctrl_c(monkeypatch):
    """Makes a run hear Ctrl-C at its second logged step, step 2."""
    # A shell's background jobs, as these tests may be, are deaf to it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    class Interrupted(training.Recorder):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            if self.step == 2:
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(training, "Recorder", Interrupted)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_a_run_at_a_logged_step_and_it_is_no_success(ctrl_c, tmp_path):
    config = Config(**SMALL, steps=20_000, log_every=2, logdir=str(tmp_path))
    result = train.run(config)
    assert 2 <= result["steps_done"] < 20_000
    assert result["diverged_at"] is None and np.isfinite(result["cost"])
    assert sessions.status(config.run_dir) == "STATUS_FAILURE"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_two_runs_do_not_share_a_folder(tmp_path):
    config = Config(**SMALL, steps=1, overwrite=True, logdir=str(tmp_path))
    with files.claimed(config.run_dir, "run", lambda path: True, "logdir"):
        with pytest.raises(files.UnusableDirectory, match="no other run is writing"):
            train.run(config)


def test_a_run_that_fails_before_its_first_step_leaves_the_old_as_it_was(
    tmp_path, monkeypatch
):
    config = Config(**SMALL, steps=1, overwrite=True, logdir=str(tmp_path))
    config.run_dir.mkdir()
    names = ("result.json", "result.json.partial", "events.out.tfevents.1.old")
    for name in names:
        (config.run_dir / name).write_text("old")

    def fail(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(training.FusedModel, "fit", fail)
    with pytest.raises(MemoryError):
        train.run(config)
    left = {path.name: path.read_text() for path in config.run_dir.iterdir()}
    assert left == dict.fromkeys(names, "old")
