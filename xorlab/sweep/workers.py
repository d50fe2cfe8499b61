"""Who trains a sweep's chunks: threads of this process, or a Dask cluster."""

import functools
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from xorlab.capacity import cores
from xorlab.sweep.grid import Grid
from xorlab.sweep.origin import PACKAGES, computing
from xorlab.sweep.plan import Chunk
from xorlab.sweep.training import train_chunk
from xorlab.work import workers
from xorlab.work.workers import BrokenCluster, Results, UnreachableScheduler

if TYPE_CHECKING:
    import distributed

__all__ = [
    "BrokenCluster",
    "UnreachableScheduler",
    "connect",
    "in_threads",
    "on_cluster",
]


def in_threads(chunks: Iterable[Chunk], device: str = "CPU") -> Results[Chunk]:
    """Trains chunks on all cores of this machine, as `xorlab.work.workers` does.

    Raises:
        ValueError: this machine has no such device.
    """
    train = functools.partial(train_chunk, device=device)
    return workers.in_threads(chunks, train, threads=cores())


def connect(scheduler: str, grid: Grid) -> "AbstractContextManager[distributed.Client]":
    """Inside, there is a Dask cluster that can train; see `xorlab.work.workers`."""
    return workers.connect(scheduler, computing(grid), PACKAGES)


def on_cluster(
    client: "distributed.Client", chunks: Iterable[Chunk], device: str = "CPU"
) -> Results[Chunk]:
    """Trains chunks on the workers of a Dask cluster, as `xorlab.work.workers` does.

    Raises:
        ValueError: a worker has no such device.
        BrokenCluster: no workers are left, or a chunk's workers died one by one.
    """
    train = functools.partial(train_chunk, device=device)
    return workers.on_cluster(client, chunks, train)
