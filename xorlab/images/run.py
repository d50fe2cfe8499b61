"""Runs a table, from grid to files."""

import contextlib
import functools
import os

from xorlab import startup
from xorlab.checks import folder
from xorlab.images import results
from xorlab.images.data import load
from xorlab.images.grid import Grid
from xorlab.images.store import COMPUTING, PACKAGES, Store
from xorlab.images.summary import Summary
from xorlab.images.training import train_chunk
from xorlab.work import workers
from xorlab.work.command import train_missing


def run(
    grid: Grid,
    out: str | os.PathLike,
    scheduler: str = "",
    progress: bool = False,
    data_dir: str = "",
) -> list[Summary]:
    """Trains a grid's networks and writes what comes of it into a folder.

    Stopped at any moment and called again, it goes on after the last chunk that was
    done, and ends with the same files.

    Args:
        grid: what to train.
        out: the folder. In the end it holds `networks.csv` (a row a network and
            learning rate), `summary.csv`, `summary.md` (the table), `pairs.csv` (cells
            compared, paired by seed), `accuracies.png`, `runs` (for TensorBoard),
            `timing.json`, and what it goes on from: `grid.json` and `chunks`.
        scheduler: the address of a Dask scheduler whose workers are to train; without
            one this machine does.
        progress: show a progress bar if standard error is a terminal.
        data_dir: the folder of the images, for `cifar10`; on every worker, too.

    Returns:
        A summary a cell.

    Raises:
        ValueError: `scheduler` is not an address, or Dask is not installed; or `out` is
            the folder of a user that this machine does not know; or a batch takes more
            images than there are.
        Missing: before anything is written; the images are not here.
        UnusableDirectory: the folder cannot be written, holds another table, or one
            that is not done and that other code began.
        UnreachableScheduler: nothing answers at the address.
        BrokenCluster: as `xorlab.sweep.run` raises it.
        OSError: a file could not be written; what was done before is kept.
    """
    store = Store(folder("out", out), grid)
    if grid.dataset == "cifar10" and not data_dir:
        startup.import_tensorflow()  # In silence.
    _check_batch(grid, len(load(grid.dataset, data_dir).x))
    train = functools.partial(train_chunk, data_dir=data_dir)
    with contextlib.ExitStack() as stack:
        if scheduler:
            client = stack.enter_context(
                workers.connect(scheduler, COMPUTING, PACKAGES)
            )
            train_chunks = functools.partial(workers.on_cluster, client, train=train)
        else:
            # One at a time: each is a program that uses all cores.
            train_chunks = functools.partial(workers.in_threads, train=train, threads=1)
        stack.enter_context(store.claimed())
        train_missing(store, train_chunks, progress)
        return results.write(store)


def _check_batch(grid, images):
    if grid.batch_size > images:
        raise ValueError(
            f"batch_size: expected at most {images}, the images that are trained on; "
            f"received {grid.batch_size}; the authors have 128"
        )
