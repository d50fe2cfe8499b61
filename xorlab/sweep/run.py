"""Runs a sweep, from grid to files or to arrays."""

import contextlib
import functools
import os

import numpy as np

from xorlab import pictures
from xorlab.checks import folder
from xorlab.sweep import results, size, workers
from xorlab.sweep.about import about
from xorlab.sweep.grid import Grid
from xorlab.sweep.plan import chunks
from xorlab.sweep.store import Store
from xorlab.work.command import train_missing


def train(grid: Grid, device: str = "CPU") -> dict[str, np.ndarray]:
    """Trains a grid's networks and returns what `networks.csv` would hold.

    Args:
        grid: what to train.
        device: where to, as TensorFlow names it; on a GPU it takes longer.

    Returns:
        Arrays of `grid.networks` rows by column name, in the order of the grid, then
        of the seeds. `solved_at` is -1 where `solved` is false.

    Raises:
        ValueError: this machine has no such device.
        TooLarge: before anything is imported; they do not fit into memory.
    """
    size.check_memory(grid, in_arrays=True)
    with contextlib.closing(workers.in_threads(chunks(grid), device)) as done:
        parts = {chunk.number: results.network_columns(chunk, r) for chunk, r in done}
    ordered = [parts[number] for number in sorted(parts)]
    return {name: np.concatenate([p[name] for p in ordered]) for name in ordered[0]}


def run(
    grid: Grid,
    out: str | os.PathLike,
    scheduler: str = "",
    progress: bool = False,
    device: str = "CPU",
) -> list[results.Summary]:
    """Trains a grid's networks and writes what comes of it into a folder.

    Stopped at any moment and called again, it goes on after the last chunk that was
    done, and ends with the same files.

    Args:
        grid: what to train.
        out: the folder. In the end it holds `networks.csv` (a row a network),
            `summary.csv`, `summary.md` (a row a cell), `gradients.csv` (a row a cell
            and layer), `phase_diagram.png`, `gradients_by_depth.png` and whatever else
            is in `xorlab.pictures.OF_SWEEPS`, `runs` (for TensorBoard), `timing.json`,
            and what it goes on from: `grid.json` and `chunks`. With `diagnose_at`,
            `networks.csv`, `summary.csv` and `summary.md` say what was found, too.
        scheduler: the address of a Dask scheduler whose workers are to train; without
            one the cores of this machine do.
        progress: show a progress bar if standard error is a terminal.
        device: where to train, as TensorFlow names it; on a GPU it takes longer.

    Returns:
        A summary a cell.

    Raises:
        ValueError: `scheduler` is not an address, or Dask is not installed; or `out` is
            the folder of a user that this machine does not know; or there is no such
            device.
        TooLarge: before anything is imported; memory or disk would not hold it.
        UnusableDirectory: before anything is imported; the folder cannot be written,
            holds another sweep, or one that is not done and that other code, or another
            kind of device, began.
        UnreachableScheduler: nothing answers at the address.
        BrokenCluster: no worker came within 30 seconds, one computes with another
            xorlab, TensorFlow or NumPy, a chunk's workers died one by one, or the
            scheduler went away; what was done before is kept.
        OSError: a file could not be written; what was done before is kept.
    """
    store = Store(folder("out", out), grid, device)
    size.check_disk(grid, store.out)
    if not scheduler:
        size.check_memory(grid)
    train_chunks = workers.in_threads
    with contextlib.ExitStack() as stack:
        if scheduler:
            client = stack.enter_context(workers.connect(scheduler, grid))
            train_chunks = functools.partial(workers.on_cluster, client)
        stack.enter_context(store.claimed())
        train_there = functools.partial(train_chunks, device=device)
        train_missing(store, train_there, progress)
        return _write_results(store)


def _write_results(store):
    # Here, because it takes a second to import.
    from xorlab.sweep.events import write_events

    results.write_networks(store)
    summaries = list(results.summarise(store))
    results.write_summary(store, summaries, about(store.grid, store.out))
    results.write_timing(store)
    write_events(store.out / "runs", summaries)
    for draw in pictures.OF_SWEEPS:
        pictures.save(draw(summaries), store.out / f"{draw.__name__}.png")
    return summaries
