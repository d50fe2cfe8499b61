"""On several devices the gradients of the whole global batch are logged."""

import os
import pathlib
import subprocess
import sys

import pytest

import xorlab

TESTS = pathlib.Path(__file__).parents[1]


@pytest.mark.slow
def test_it_works_with_a_mirrored_strategy_on_two_devices(tmp_path):
    paths = [str(pathlib.Path(xorlab.__file__).parent.parent), str(TESTS)]
    # Warnings as in setup.cfg.
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning"]
    done = subprocess.run(
        [*command, str(TESTS / "oracles" / "mirrored_fit.py"), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "loss_scaled" / "train").is_dir()
