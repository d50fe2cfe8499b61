"""On several devices, and on one that is not the first, all is as on one."""

import os
import pathlib
import subprocess
import sys

import pytest

import xorlab

TESTS = pathlib.Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "last"),
    [("mirrored_fit.py", "loss_scaled"), ("second_device_fit.py", "deterministic")],
)
def test_what_is_logged_and_trained_is_the_same_on(program, last, tmp_path):
    paths = [str(pathlib.Path(xorlab.__file__).parent.parent), str(TESTS)]
    # Warnings as in setup.cfg.
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning"]
    done = subprocess.run(
        [*command, str(TESTS / "oracles" / program), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / last / "train").is_dir()
