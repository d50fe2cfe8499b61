"""Who trains the chunks: threads of this process, or a Dask cluster."""

import concurrent.futures
import importlib.util
import itertools
import os
import re
import threading
from collections.abc import Iterable, Iterator

import numpy as np

from xorlab.sweep.plan import Chunk
from xorlab.sweep.training import train_chunk

# Chunks handed out before their turn, a worker: enough that none waits for the next.
_AHEAD = 2

Results = Iterator[tuple[Chunk, dict[str, np.ndarray]]]


class UnreachableScheduler(OSError):
    """There is no Dask scheduler at the address."""


def check_scheduler(address: str):
    """Checks what can be known without asking the scheduler.

    Raises:
        ValueError: it is not an address, or Dask is not installed.
    """
    if not re.fullmatch(r"(tcp|tls)://[^:/]+:\d+", address):
        raise ValueError(
            "scheduler: expected tcp://HOST:PORT, as a Dask scheduler prints it; "
            f"received {address!r}; leave it out to train on this machine"
        )
    if importlib.util.find_spec("distributed") is None:
        raise ValueError(
            "scheduler: expected the package distributed, to ask one; it is not "
            "installed; pip install 'xorlab[cluster]'"
        )


def in_threads(chunks: Iterable[Chunk]) -> Results:
    """Trains chunks on all cores of this machine; yields them as they are done.

    However the caller leaves, chunks under way are given up, not waited for.
    """
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


def on_cluster(chunks: Iterable[Chunk], scheduler: str) -> Results:
    """Trains chunks on the workers of a Dask scheduler; yields them as they are done.

    Dask gives a lost worker's chunks to another; each is yielded once.

    Args:
        chunks: what to train.
        scheduler: `tcp://HOST:PORT`; its workers have xorlab installed.

    Raises:
        UnreachableScheduler: nothing answers at the address.
    """
    from distributed import Client, as_completed

    try:
        client = Client(scheduler, timeout="10s", set_as_default=False)
    except OSError as error:
        raise UnreachableScheduler(
            f"scheduler: expected the address of a Dask scheduler; received "
            f"{scheduler!r}, which does not answer ({error}); start one with "
            "`dask scheduler`, and workers with `dask worker ADDRESS`"
        ) from error
    chunks = iter(chunks)
    with client:

        def submit(number):
            few = itertools.islice(chunks, number)
            return {client.submit(train_chunk, c, pure=False): c for c in few}

        running = submit(_AHEAD * max(1, sum(client.nthreads().values())))
        finished = as_completed(running)
        for future in finished:
            chunk = running.pop(future)
            result = future.result()
            future.release()
            more = submit(1)
            running.update(more)
            finished.update(more)
            yield chunk, result
