"""Who trains the chunks: threads of this process, or a Dask cluster."""

import concurrent.futures
import contextlib
import itertools
import re
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from xorlab import startup
from xorlab.work.origin import differing, origin

if TYPE_CHECKING:
    import distributed

# Chunks handed out before their turn, a worker: enough that none waits for the next.
_AHEAD = 2
# Seconds in which a cluster without workers gets one, or is given up.
_PATIENCE = 30
_ANSWER = 5  # Seconds that a scheduler has for its first one.

_GO_ON = "and give the same command: what is done is kept"

Chunk = TypeVar("Chunk", bound=Any)
Result = dict[str, np.ndarray]
Results = Generator[tuple[Chunk, Result], None, None]


class UnreachableScheduler(OSError):
    """There is no Dask scheduler at the address."""


class BrokenCluster(RuntimeError):
    """The Dask cluster cannot train, or not any more."""


def in_threads(
    chunks: Iterable[Chunk],
    train: Callable[[Chunk, Callable[[], bool]], Result],
    threads: int,
) -> Results[Chunk]:
    """Trains chunks on this machine; yields them as they are done.

    However the caller leaves, chunks under way are given up, not waited for.

    Args:
        chunks: what to train.
        train: trains one. It also gets a function to ask now and then: true means that
            nobody waits for the chunk any more.
        threads: how many train at once.

    Raises:
        Exception: as `train` does.
    """
    startup.import_tensorflow()
    stop = threading.Event()
    chunks = iter(chunks)
    pool = concurrent.futures.ThreadPoolExecutor(threads)
    running: dict[concurrent.futures.Future, Chunk] = {}
    try:
        while True:
            for chunk in itertools.islice(chunks, threads * _AHEAD - len(running)):
                running[pool.submit(train, chunk, stop.is_set)] = chunk
            if not running:
                return
            done, _ = concurrent.futures.wait(
                running, startup.LISTENS_EVERY, concurrent.futures.FIRST_COMPLETED
            )
            for future in done:
                yield running.pop(future), future.result()
    finally:
        # First those that wait, or a thread that is freed begins one of them. None is
        # waited for: a program that is being compiled hears of nothing.
        pool.shutdown(wait=False, cancel_futures=True)
        stop.set()


@contextlib.contextmanager
def connect(
    scheduler: str, code: Iterable[str], packages: Iterable[str]
) -> Iterator["distributed.Client"]:
    """Inside, there is a Dask cluster that can train, and its `distributed.Client`.

    A cluster without workers gets 30 seconds to have one. All are asked then for what
    they compute with; those that come later are not.

    Args:
        scheduler: its address, `tcp://HOST:PORT`.
        code, packages: what computes, as `origin` takes it: the same here and there.

    Raises:
        ValueError: that is not an address, or Dask is not installed.
        UnreachableScheduler: nothing answers there.
        BrokenCluster: it has no workers, it or one of them computes with other versions
            than are here, or it went away inside.
    """
    if not re.fullmatch(r"(tcp|tls)://[^/]+:\d+", scheduler):
        raise ValueError(
            "scheduler: expected tcp://HOST:PORT, as a Dask scheduler prints it; "
            f"received {scheduler!r}; leave it out to train on this machine"
        )
    try:
        import distributed
        from distributed.comm import CommClosedError
    except ImportError as error:
        raise ValueError(
            "scheduler: expected the package distributed, to ask one; it is not "
            "installed; pip install 'xorlab[cluster]'"
        ) from error
    try:
        client = distributed.Client(scheduler, timeout=_ANSWER, set_as_default=False)
    except OSError as error:
        raise UnreachableScheduler(
            "scheduler: expected a Dask scheduler that answers; received "
            f"{scheduler} ({error}); start one with `dask scheduler`, and workers with "
            f"`dask worker {scheduler}`"
        ) from error
    with client, client.as_current():
        try:
            _wait_for_a_worker(client)
            _check_versions(client, tuple(code), tuple(packages))
            yield client
        except (distributed.CancelledError, CommClosedError) as error:
            raise BrokenCluster(
                f"scheduler: expected {scheduler} to answer to the end; received no "
                f"more from it; start it and its workers again, {_GO_ON}"
            ) from error


def _wait_for_a_worker(client):
    from distributed import TimeoutError

    try:
        client.wait_for_workers(1, _PATIENCE)
    except TimeoutError as error:
        address = client.scheduler.address
        raise BrokenCluster(
            f"scheduler: expected a worker at {address}; received none within "
            f"{_PATIENCE} s; start some with `dask worker {address}`, {_GO_ON}"
        ) from error


def _check_versions(client, code, packages):
    # Defined here, it is sent whole: where there is no xorlab, none of its names mean
    # anything.
    def installed():
        try:
            from xorlab.work.origin import origin

            return origin(code, packages)
        except (ImportError, OSError):  # None, or one without this code.
            return {}

    here = origin(code, packages)
    # The scheduler unpacks what it hands on.
    found = {client.scheduler.address: client.run_on_scheduler(installed)}
    found |= client.run(installed)
    for address, there in found.items():
        if there != here:
            raise BrokenCluster(
                f"scheduler: expected on {address} what is here: "
                f"{differing(here, there)}; install it there, start that again, "
                f"{_GO_ON}"
            )


def on_cluster(
    client: "distributed.Client",
    chunks: Iterable[Chunk],
    train: Callable[[Chunk], Result],
) -> Results[Chunk]:
    """Trains chunks on the workers of a Dask cluster; yields them as they are done.

    Dask gives a lost worker's chunks to another; each is yielded once. When the last
    one is lost, another has 30 to 60 seconds to come.

    Args:
        client: of `connect`, inside of it.
        chunks: what to train; as text, each says which networks it is.
        train: trains one, there.

    Raises:
        Exception: as `train` does.
        BrokenCluster: no workers are left, or a chunk's workers died one by one.
    """
    import distributed

    chunks = iter(chunks)
    running: dict[distributed.Future, Chunk] = {}

    def submit(number):
        for chunk in itertools.islice(chunks, number):
            running[client.submit(train, chunk, pure=False)] = chunk

    submit(_AHEAD * max(1, sum(client.nthreads().values())))
    while running:
        try:
            done, _ = distributed.wait(list(running), _PATIENCE, "FIRST_COMPLETED")
        except distributed.TimeoutError:
            _wait_for_a_worker(client)
            continue
        # Failed ones last, so that what is done beside them is kept.
        for future in sorted(done, key=lambda future: future.status == "error"):
            chunk = running.pop(future)
            try:
                result = future.result()
            except distributed.KilledWorker as error:
                raise BrokenCluster(_deadly(chunk, error)) from error
            # The cluster forgets a result that is no longer held on to.
            future.release()
            submit(1)
            yield chunk, result


def _deadly(chunk, error):
    return (
        f"scheduler: expected workers that outlive {chunk}; received "
        f"{error.allowed_failures + 1} that died of them or beside them, the last "
        f"{error.last_worker.address}; see its log, give workers more memory, {_GO_ON}"
    )
