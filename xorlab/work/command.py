"""How a command that trains in chunks begins, goes on, and ends."""

import contextlib
import logging
from collections.abc import Callable, Iterable
from typing import Any

import tqdm
from absl import flags

from xorlab import settings, startup
from xorlab.checks import folder
from xorlab.work.store import Store
from xorlab.work.workers import BrokenCluster, Results

# So that absl counts flags among those of the command that asks for them.
flags.disclaim_key_flags()

ENDINGS = (ValueError, OSError, BrokenCluster, KeyboardInterrupt)


def define_flags(grid: type, out: str) -> None:
    """Defines a flag for every field of a grid, and where and by whom it is done.

    Args:
        grid: its class, as `settings.define_flags` takes it.
        out: an example of a folder.
    """
    settings.define_flags(grid)
    flags.DEFINE_string("out", "", f"folder of the results: {out}")
    flags.DEFINE_string("scheduler", "", "tcp://HOST:PORT of a Dask scheduler")


def carry_out(
    argv: list[str],
    grid: type,
    out: str,
    lines: Callable[[Any, str, str], Iterable[str]],
) -> int:
    """Parses the flags of `define_flags`, runs, prints; returns the exit code.

    Args:
        argv: what is no flag is refused.
        grid: the class.
        out: an example of a folder, for who has given none.
        lines: trains a grid into a folder, by a scheduler if it is given one, and
            returns what to print.
    """
    chosen = flags.FLAGS.out
    # Dask logs a scheduler's loss with its traceback; the error says it in a line.
    logging.getLogger("distributed.client").disabled = True
    try:
        asked: Any = settings.from_flags(grid, argv)
        if not chosen:
            raise ValueError(
                f"out: expected a folder; received none; write --out={out}"
            )
        told = lines(asked, chosen, flags.FLAGS.scheduler)
    except ENDINGS as error:
        return ended_by(error, chosen)
    print("\n".join(told))
    print(f"\n{startup.closing('Results', f'{chosen}/summary.md', chosen)}")
    return 0


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
            unit=" steps",
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
