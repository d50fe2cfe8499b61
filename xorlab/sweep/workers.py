"""Who trains the chunks: threads of this process, or a Dask cluster."""

import concurrent.futures
import itertools
import os
import re
import threading
from collections.abc import Iterable, Iterator

import numpy as np

from xorlab import startup
from xorlab.sweep.plan import Chunk
from xorlab.sweep.training import train_chunk

# Chunks handed out before their turn, a worker: enough that none waits for the next.
_AHEAD = 2

Results = Iterator[tuple[Chunk, dict[str, np.ndarray]]]


class UnreachableScheduler(OSError):
    """There is no Dask scheduler at the address."""


def in_threads(chunks: Iterable[Chunk]) -> Results:
    """Trains chunks on all cores of this machine; yields them as they are done.

    However the caller leaves, chunks under way are given up, not waited for.
    """
    startup.import_tensorflow()
    threads = len(os.sched_getaffinity(0))
    stop = threading.Event()
    chunks = iter(chunks)
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        running = {}
        try:
            while True:
                for chunk in itertools.islice(chunks, threads * _AHEAD - len(running)):
                    running[pool.submit(train_chunk, chunk, stop.is_set)] = chunk
                if not running:
                    return
                done, _ = concurrent.futures.wait(
                    running, return_when=concurrent.futures.FIRST_COMPLETED
                )
                for future in done:
                    yield running.pop(future), future.result()
        finally:
            stop.set()
            for future in running:
                future.cancel()


def connect(scheduler: str):
    """Returns a `distributed.Client` of the scheduler at `tcp://HOST:PORT`.

    Raises:
        ValueError: that is not an address, or Dask is not installed.
        UnreachableScheduler: nothing answers there.
    """
    if not re.fullmatch(r"(tcp|tls)://[^/]+:\d+", scheduler):
        raise ValueError(
            "scheduler: expected tcp://HOST:PORT, as a Dask scheduler prints it; "
            f"received {scheduler!r}; leave it out to train on this machine"
        )
    try:
        import distributed
    except ImportError as error:
        raise ValueError(
            "scheduler: expected the package distributed, to ask one; it is not "
            "installed; pip install 'xorlab[cluster]'"
        ) from error
    try:
        return distributed.Client(scheduler, timeout="5s", set_as_default=False)
    except OSError as error:
        raise UnreachableScheduler(
            "scheduler: expected a Dask scheduler that answers; received "
            f"{scheduler} ({error}); start one with `dask scheduler`, and workers with "
            f"`dask worker {scheduler}`"
        ) from error


def on_cluster(client, chunks: Iterable[Chunk]) -> Results:
    """Trains chunks on the workers of a Dask cluster; yields them as they are done.

    Dask gives a lost worker's chunks to another; each is yielded once.

    Args:
        client: of `connect`; xorlab is installed on the workers.
        chunks: what to train.
    """
    from distributed import as_completed

    chunks = iter(chunks)
    running = {}

    def submit(number):
        few = itertools.islice(chunks, number)
        futures = {client.submit(train_chunk, c, pure=False): c for c in few}
        running.update(futures)
        return futures

    threads = sum(client.nthreads().values())
    finished = as_completed(submit(_AHEAD * max(1, threads)), loop=client.loop)
    for future in finished:
        chunk, result = running.pop(future), future.result()
        # The cluster forgets a result that is no longer held on to.
        future.release()
        finished.update(submit(1))
        yield chunk, result
