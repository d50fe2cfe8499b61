"""What every test needs before TensorFlow is imported."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest  # noqa: E402

from xorlab import train  # noqa: E402
from xorlab.config import Config  # noqa: E402


@pytest.fixture(scope="session")
def finished_runs(tmp_path_factory):
    """Short runs in one log folder, by activation, as (config, result)."""
    logdir = tmp_path_factory.mktemp("logs")
    runs = {}
    for activation in ("sigmoid", "relu", "maxout"):
        # 25 is no multiple of 10: the last part is shorter.
        config = Config(
            activation=activation, steps=25, log_every=10, logdir=str(logdir)
        )
        runs[activation] = (config, train.run(config))
    return runs
