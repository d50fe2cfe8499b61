"""On several devices, and on one that is not the first, all is as on one."""

import pytest
from oracles import processes

# A process of its own: a machine has its devices when TensorFlow starts.
PROGRAM = """
import sys, traceback, warnings
warnings.simplefilter("error")  # As in setup.cfg.
warnings.simplefilter("ignore", DeprecationWarning)
from oracles import mirrored_fit, second_device_fit

for program in (mirrored_fit, second_device_fit):  # The last makes all deterministic.
    try:
        program.main(sys.argv[1])
        print(program.__name__)
    except BaseException:
        traceback.print_exc()
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The programs that found all as it should be, what was said, and their logs."""
    folder = tmp_path_factory.mktemp("devices")
    done = processes.run("-c", PROGRAM, str(folder))
    return done.stdout.split(), done.stderr, folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "last"),
    [("mirrored_fit", "loss_scaled"), ("second_device_fit", "deterministic")],
)
def test_what_is_logged_and_trained_is_the_same_on(program, last, done):
    well, errors, folder = done
    assert f"oracles.{program}" in well, errors
    assert (folder / last / "train").is_dir()
