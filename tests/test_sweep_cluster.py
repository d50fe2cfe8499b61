"""Dask workers train the same networks as threads do, and may die while they do."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from xorlab import sweep
from xorlab.sweep.workers import UnreachableScheduler

distributed = pytest.importorskip("distributed")

GRID = sweep.Grid(activations=("relu",), depths=(2,), seeds=1200, steps=20_000)


def _start(folder, command, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.dask_{command}", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers on loopback: its address, and their processes."""
    known = tmp_path / "scheduler.json"
    processes = [
        _start(
            tmp_path,
            "scheduler",
            "--host=127.0.0.1",
            "--port=0",
            "--no-dashboard",
            f"--scheduler-file={known}",
        )
    ]
    try:
        while not known.exists():
            time.sleep(0.05)
        address = json.loads(known.read_text())["address"]
        processes += [
            _start(
                tmp_path,
                "worker",
                address,
                "--nthreads=1",
                "--no-nanny",
                "--no-dashboard",
                f"--local-directory={tmp_path}",
            )
            for _ in range(2)
        ]
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _results(out):
    names = ("networks.csv", "summary.csv", "gradients.csv")
    return {name: (out / name).read_bytes() for name in names}


def test_a_worker_killed_on_the_way_loses_and_repeats_nothing(cluster, tmp_path):
    address, workers = cluster
    killed = []

    def kill_one():
        while not list(tmp_path.glob("cluster/chunks/*.npz")):
            time.sleep(0.01)
        workers[0].send_signal(signal.SIGKILL)
        killed.append(len(list(tmp_path.glob("cluster/chunks/*.npz"))))

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    sweep.run(GRID, tmp_path / "cluster", scheduler=address)
    killer.join()
    assert killed[0] < 10  # of 10 chunks: it was on the way.

    sweep.run(GRID, tmp_path / "here")
    assert _results(tmp_path / "cluster") == _results(tmp_path / "here")


def test_a_scheduler_that_does_not_answer_is_named(tmp_path):
    with pytest.raises(UnreachableScheduler, match="tcp://127.0.0.1:9.*dask scheduler"):
        sweep.run(GRID, tmp_path / "out", scheduler="tcp://127.0.0.1:9")
