"""How a command that trains in chunks goes on, and how it ends."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import tqdm

from xorlab import startup
from xorlab.checks import folder
from xorlab.work.store import Store
from xorlab.work.workers import BrokenCluster, Results

ENDINGS = (ValueError, OSError, BrokenCluster, KeyboardInterrupt)


def train_missing(
    store: Store, train_chunks: Callable[[Iterable[Any]], Results], progress: bool
) -> None:
    """Trains the chunks that a folder does not hold yet, and keeps each when done.

    Args:
        store: claimed; its grid has `networks` and `steps`, a chunk `networks`.
        train_chunks: yields each chunk with its result.
        progress: show a progress bar if standard error is a terminal.
    """
    grid = store.grid
    missing = store.missing()
    if not missing:
        return
    done = grid.networks - sum(chunk.networks for chunk in missing)
    with (
        contextlib.closing(train_chunks(missing)) as trained,
        tqdm.tqdm(
            total=grid.networks * grid.steps,
            initial=done * grid.steps,
            unit=" network·steps",
            unit_scale=True,
            disable=None if progress else True,
        ) as bar,
    ):
        bar.set_postfix_str("compiling")
        for chunk, result in trained:
            store.put(chunk, result)
            done += chunk.networks
            bar.set_postfix_str(f"{done} of {grid.networks} networks", refresh=False)
            bar.update(chunk.networks * grid.steps)


def ended_by(error: BaseException, out: str) -> int:
    """Says what ended a command, one of `ENDINGS`; returns the exit code."""
    if isinstance(error, KeyboardInterrupt):
        kept = f"What is done is kept in {out}; the same command goes on."
        if not any(folder("out", out).glob("**/chunks/*.npz")):
            kept = "Nothing was done yet, and nothing is kept."
        print(f"\nStopped. {kept}")
        return startup.INTERRUPTED
    if isinstance(error, OSError):
        again = "give the same command again: what is done is kept"
        error = startup.not_written(error, again)
    return startup.refuse(error, code=1 if isinstance(error, BrokenCluster) else 2)
