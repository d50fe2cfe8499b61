"""What every test needs before TensorFlow is imported."""

import atexit
import functools
import gc
import os
import socket
import time
import urllib.request

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
from oracles import processes

from xorlab import train
from xorlab.train import Config

# Traces are millions of objects that stay, and each full collection looks at them all.
gc.set_threshold(100_000, 20, 50)
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
if IS_WORKER:
    # Registered first, called last: to take them apart at the end takes ten seconds.
    atexit.register(os._exit, 0)

pytest.register_assert_rewrite("oracles.callback_oracle")
collect_ignore = ["oracles"]  # No tests, and no doctests.


def pytest_unconfigure(config):
    # Pytest collects five times more. What a worker leaves is not shown, and what
    # starts workers runs no test.
    if IS_WORKER or config.getoption("numprocesses", None):
        gc.freeze()


@pytest.fixture(scope="session")
def finished_runs(tmp_path_factory):
    """Short runs in one log folder, by activation, as (config, result)."""
    logdir = tmp_path_factory.mktemp("logs")
    runs = {}
    for activation in ("sigmoid", "relu", "maxout"):
        # 25 is no multiple of 10: the last part is shorter.
        # XLA takes seconds for each: one will do.
        config = Config(
            activation=activation,
            steps=25,
            log_every=10,
            jit=activation == "relu",
            logdir=str(logdir),
        )
        runs[activation] = (config, train.run(config))
    return runs


@pytest.fixture(scope="session")
def serve():
    """Starts a real `tensorboard`, once a log folder; returns its address."""
    started = []

    @functools.cache
    def start(logdir):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        flags = f"--logdir={logdir}", "--host=127.0.0.1", f"--port={port}"
        started.append(processes.Started("-m", "tensorboard.main", *flags))
        address = f"http://127.0.0.1:{port}/"
        for _ in range(600):
            try:
                runs = urllib.request.urlopen(address + "data/runs").read()
            except OSError:
                runs = b"[]"
            if runs != b"[]":
                return address
            time.sleep(0.1)
        raise TimeoutError(f"TensorBoard served no run of {logdir} within a minute")

    yield start
    for process in started:
        process.kill()
        process.communicate()
