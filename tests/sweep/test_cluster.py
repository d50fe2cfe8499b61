"""Dask workers train the same networks as threads do; what breaks is said in a line."""

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import sys
import threading
import time
import types

import pytest
from oracles import processes

from xorlab import __version__, sweep
from xorlab.sweep import plan, training, workers
from xorlab.sweep.workers import BrokenCluster, UnreachableScheduler
from xorlab.work import workers as work

distributed = pytest.importorskip("distributed")

GRID = sweep.Grid(activations=("relu",), depths=(2,), seeds=1200, steps=5_000)


def _start(folder, program, *arguments, path="", **environment):
    paths = os.pathsep.join([str(path), *sys.path])
    environment["PYTHONPATH"] = paths
    # Dask has been imported, and has read another environment.
    code = f"""
import dask
from distributed.cli.dask_{program} import main
dask.config.refresh()
main()
"""
    return processes.Started("-c", code, *arguments, cwd=folder, env=environment)


@contextlib.contextmanager
def _cluster(folder, number=2, scheduler_path="", worker_path="", failures=3):
    """A scheduler and workers on loopback: its address, and their processes.

    The paths come before all others that they import from.
    """
    known = folder / "scheduler.json"
    processes = [
        _start(
            folder,
            "scheduler",
            "--host=127.0.0.1",
            "--port=0",
            "--no-dashboard",
            f"--scheduler-file={known}",
            path=scheduler_path,
            DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=str(failures),
        )
    ]
    try:
        while not known.exists():
            assert processes[0].poll() is None, "the scheduler ended"
            time.sleep(0.05)
        address = json.loads(known.read_text())["address"]
        processes += [
            _start(
                folder,
                "worker",
                address,
                "--nthreads=1",
                "--no-nanny",
                "--no-dashboard",
                f"--local-directory={folder}",
                path=worker_path,
            )
            for _ in range(number)
        ]
        yield types.SimpleNamespace(
            address=address, scheduler=processes[0], workers=processes[1:]
        )
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def _meanwhile(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    yield
    thread.join()


def _kept(out):
    """Returns, by chunk that is done, when its file was written."""
    return {path.name: path.stat().st_mtime_ns for path in out.glob("chunks/*.npz")}


def _wait_for_chunks(out, number):
    deadline = time.monotonic() + 120
    while len(_kept(out)) < number:
        assert time.monotonic() < deadline, f"{out}: {len(_kept(out))} of {number}"
        time.sleep(0.01)


def _results(out):
    names = ("networks.csv", "summary.csv", "gradients.csv")
    return {name: (out / name).read_bytes() for name in names}


@pytest.mark.slow
def test_a_worker_killed_on_the_way_loses_and_repeats_nothing(tmp_path):
    killed = []

    def kill_one(cluster):
        _wait_for_chunks(tmp_path / "cluster", 1)
        cluster.workers[0].send_signal(signal.SIGKILL)
        killed.append(len(_kept(tmp_path / "cluster")))

    with _cluster(tmp_path) as cluster, _meanwhile(kill_one, cluster):
        sweep.run(GRID, tmp_path / "cluster", scheduler=cluster.address)
    assert killed[0] < 10  # of 10 chunks: it was on the way.

    sweep.run(GRID, tmp_path / "here")
    assert _results(tmp_path / "cluster") == _results(tmp_path / "here")


def _train_the_first_and_die(chunk, device):
    """Trains the first chunk; a worker with another dies when the first is kept."""
    if chunk.number:
        _wait_for_chunks(pathlib.Path("out"), 1)
        os.kill(os.getpid(), signal.SIGKILL)
    return training.train_chunk(chunk)


@pytest.mark.slow
def test_a_chunk_that_kills_workers_is_named_and_the_others_are_kept(
    tmp_path, monkeypatch
):
    out = tmp_path / "out"
    with monkeypatch.context() as patch, _cluster(tmp_path, failures=0) as cluster:
        patch.setattr(workers, "train_chunk", _train_the_first_and_die)
        with pytest.raises(
            BrokenCluster,
            match=r"expected workers that outlive .* relu, depth 2, width 5; "
            r"received 1 that died .*, the last tcp://127.* what is done is kept",
        ):
            sweep.run(GRID, out, scheduler=cluster.address)
    kept = _kept(out)
    assert set(kept) == {"000000.npz"}
    sweep.run(GRID, out)
    assert kept.items() <= _kept(out).items() and len(_kept(out)) == 10


class _Future:
    """Of a chunk whose training ended, well or not."""

    def __init__(self, error=None):
        self.status = "error" if error else "finished"
        self.held = True
        self._error = error

    def result(self):
        if self._error:
            raise self._error
        return "result"

    def release(self):
        self.held = False


def test_what_is_done_when_a_chunk_fails_is_kept(monkeypatch):
    last = types.SimpleNamespace(address="tcp://there")
    futures = [_Future(), _Future(distributed.KilledWorker("key", last, 3)), _Future()]
    left = iter(futures)
    client = types.SimpleNamespace(
        nthreads=lambda: {"tcp://there": 2}, submit=lambda *_, pure: next(left)
    )
    monkeypatch.setattr(distributed, "wait", lambda *_: (futures, ()))
    chunks = list(plan.chunks(GRID))[:3]
    done = []
    with pytest.raises(BrokenCluster, match="received 4 that died .* tcp://there"):
        for chunk, _ in workers.on_cluster(client, chunks):
            done.append(chunk)
    assert done == [chunks[0], chunks[2]]


def test_a_cluster_need_not_keep_what_is_handed_on(monkeypatch):
    futures = [_Future() for _ in range(5)]
    left, handed_out = iter(futures), []

    def submit(function, chunk, pure):
        handed_out.append(next(left))
        return handed_out[-1]

    client = types.SimpleNamespace(nthreads=lambda: {"tcp://there": 1}, submit=submit)
    monkeypatch.setattr(distributed, "wait", lambda running, *_: (running, ()))
    done = []
    for chunk, _ in workers.on_cluster(client, list(plan.chunks(GRID))[:5]):
        done.append(chunk.number)
        # No more at once than keep its one worker busy, and what is here not there.
        assert sum(future.held for future in handed_out) <= 2
    assert done == [0, 1, 2, 3, 4]
    assert not any(future.held for future in futures)


@pytest.mark.slow
def test_a_cluster_that_loses_all_workers_is_given_up(tmp_path, monkeypatch):
    out = tmp_path / "out"
    grid = dataclasses.replace(GRID, seeds=100 * 128, steps=20_000)

    def kill_all(cluster):
        _wait_for_chunks(out, 1)
        monkeypatch.setattr(work, "_PATIENCE", 1)
        # The next one after it is waited for with the new patience.
        _wait_for_chunks(out, len(_kept(out)) + 1)
        for process in cluster.workers:
            process.kill()

    with _cluster(tmp_path, number=1) as cluster, _meanwhile(kill_all, cluster):
        with pytest.raises(BrokenCluster, match="expected a worker .*what is done"):
            sweep.run(grid, out, scheduler=cluster.address)
    assert 2 <= len(_kept(out)) < 100


@pytest.mark.slow
def test_a_cluster_without_workers_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(work, "_PATIENCE", 0.25)
    with _cluster(tmp_path, number=0) as cluster:
        with pytest.raises(BrokenCluster) as error:
            sweep.run(GRID, tmp_path / "out", scheduler=cluster.address)
    assert f"expected a worker at {cluster.address}; received none" in str(error.value)
    assert f"`dask worker {cluster.address}`" in str(error.value)


_MISSING = "raise ModuleNotFoundError"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "package", "received"),
    [
        (
            "worker",
            "def origin(code, packages):\n    return {'xorlab': '0.0.9'}",
            "0.0.9",
        ),
        ("worker", _MISSING, "none"),
        ("scheduler", _MISSING, "none"),
    ],
)
def test_a_cluster_without_this_xorlab_is_refused(where, package, received, tmp_path):
    there = tmp_path / "there"
    (there / "xorlab" / "work").mkdir(parents=True)
    (there / "xorlab" / "__init__.py").touch()
    (there / "xorlab" / "work" / "origin.py").write_text(package)
    path = {f"{where}_path": there}
    with _cluster(tmp_path, number=1, **path) as cluster:
        with pytest.raises(BrokenCluster) as error:
            sweep.run(GRID, tmp_path / "out", scheduler=cluster.address)
    assert f"here: xorlab {__version__}, received {received}; " in str(error.value)
    assert "; install it there" in str(error.value)
    assert (cluster.address in str(error.value)) == (where == "scheduler")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_scheduler_that_goes_away_is_one_line_and_exit_code_1(tmp_path):
    out = tmp_path / "out"
    flags = ["--activations=relu", "--depths=2", "--seeds=1200", "--steps=20000"]
    with _cluster(tmp_path, number=1) as cluster:
        flags += [f"--scheduler={cluster.address}", f"--out={out}"]
        process = processes.Started("-m", "xorlab.sweep", *flags)
        _wait_for_chunks(out, 1)
        cluster.scheduler.kill()
        _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.startswith(f"error: scheduler: expected {cluster.address} to answer")
    assert "what is done is kept" in errors and errors.count("\n") == 1
    assert 1 <= len(_kept(out)) < 10


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(work, "_ANSWER", 0.5)
    with pytest.raises(UnreachableScheduler, match="tcp://127.0.0.1:9.*dask scheduler"):
        sweep.run(GRID, tmp_path / "out", scheduler="tcp://127.0.0.1:9")
