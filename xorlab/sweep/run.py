"""Runs a sweep, from grid to files or to arrays."""

import contextlib
import importlib.util
import os
import pathlib

import numpy as np
import tqdm

from xorlab import startup
from xorlab.sweep import workers
from xorlab.sweep.grid import Grid
from xorlab.sweep.plan import chunks
from xorlab.sweep.store import Store

PICTURES = ("phase_diagram", "gradients_by_depth")


def train(grid: Grid) -> dict[str, np.ndarray]:
    """Trains a grid's networks and returns what `networks.csv` would hold.

    Returns:
        Arrays of `grid.networks` rows by column name, in the order of the grid, then
        of the seeds. `solved_at` is -1 where `solved` is false.
    """
    startup.import_tensorflow()
    from xorlab.sweep.results import network_columns

    with contextlib.closing(workers.in_threads(chunks(grid))) as results:
        parts = {chunk.number: network_columns(chunk, r) for chunk, r in results}
    ordered = [parts[number] for number in sorted(parts)]
    return {name: np.concatenate([p[name] for p in ordered]) for name in ordered[0]}


def run(
    grid: Grid, out: str | os.PathLike, scheduler: str = "", progress: bool = False
) -> list:
    """Trains a grid's networks and writes what comes of it into a folder.

    Stopped at any moment and called again, it goes on after the last chunk that was
    done, and ends with the same files.

    Args:
        grid: what to train.
        out: the folder; see `README.md` in `logs` for what is in it.
        scheduler: the address of a Dask scheduler whose workers are to train; without
            one the cores of this machine do.
        progress: show a progress bar if standard error is a terminal.

    Returns:
        A `Summary` a cell.

    Raises:
        ValueError: `scheduler` is not an address, or Dask is not installed.
        UnusableDirectory: before anything is imported; the folder cannot be written,
            or holds another sweep.
        UnreachableScheduler: nothing answers at the address.
        OSError: a file could not be written; what was done before is kept.
    """
    if scheduler:
        workers.check_scheduler(scheduler)
    store = Store(pathlib.Path(out), grid)
    with store.claimed():
        startup.import_tensorflow()
        _train_missing(store, scheduler, progress)
        return _write_results(store)


def _train_missing(store, scheduler, progress):
    grid = store.grid
    missing = list(store.missing())
    if not missing:
        return
    done = grid.networks - sum(chunk.networks for chunk in missing)
    if scheduler:
        results = workers.on_cluster(missing, scheduler)
    else:
        results = workers.in_threads(missing)
    with (
        contextlib.closing(results),
        tqdm.tqdm(
            total=grid.networks * grid.steps,
            initial=done * grid.steps,
            unit=" network·steps",
            unit_scale=True,
            disable=None if progress else True,
        ) as bar,
    ):
        for chunk, result in results:
            store.put(chunk, result)
            done += chunk.networks
            bar.set_postfix_str(f"{done} of {grid.networks} networks", refresh=False)
            bar.update(chunk.networks * grid.steps)


def _write_results(store):
    from xorlab.sweep.about import about
    from xorlab.sweep.events import write_events
    from xorlab.sweep.results import (
        summarise,
        write_networks,
        write_summary,
        write_timing,
    )

    write_networks(store)
    summaries = list(summarise(store))
    write_summary(store, summaries, about(store.grid, store.out))
    write_timing(store)
    for summary in summaries:
        write_events(store.out / "runs", summary)
    if importlib.util.find_spec("matplotlib"):
        from xorlab import plots

        for name in PICTURES:
            plots.save(getattr(plots, name)(summaries), store.out / f"{name}.png")
    return summaries
