"""Trains thousands of networks: `python -m xorlab.sweep --out=logs/sweep/NAME`."""

import dataclasses
import importlib.util
import logging
import sys

from absl import flags

from xorlab import startup
from xorlab.files import UnusableDirectory
from xorlab.sweep.grid import Grid
from xorlab.sweep.run import run
from xorlab.sweep.workers import BrokenCluster, UnreachableScheduler


def define_flags():
    """Defines a flag for every field of `Grid`, and where and by whom it is done."""
    for field in dataclasses.fields(Grid):
        about = field.metadata["help"]
        if isinstance(field.default, tuple):
            flags.DEFINE_list(field.name, [str(v) for v in field.default], about)
        elif isinstance(field.default, int):
            flags.DEFINE_integer(field.name, field.default, about)
        else:
            flags.DEFINE_string(field.name, field.default, about)
    flags.DEFINE_string("out", "", "folder of the results: logs/sweep/NAME")
    flags.DEFINE_string("scheduler", "", "tcp://HOST:PORT of a Dask scheduler")


def grid_from_flags() -> Grid:
    """Returns the grid of the command line.

    Raises:
        ValueError: an entry of a list is not of its kind, or as `Grid` does.
    """
    values = {}
    for field in dataclasses.fields(Grid):
        value = flags.FLAGS[field.name].value
        if isinstance(field.default, tuple):
            kind = type(field.default[0])
            value = tuple(_parse(field.name, kind, word) for word in value)
        values[field.name] = value
    return Grid(**values)


def _parse(what, kind, word):
    try:
        return kind(word)
    except ValueError:
        expected = {int: "whole numbers", float: "numbers"}[kind]
        raise ValueError(
            f"{what}: expected {expected} with commas between; received {word!r}; "
            f"write --{what}=2,3"
        ) from None


def main(argv):
    """Parses, runs, prints; returns the exit code."""
    out = flags.FLAGS.out
    # Dask logs a scheduler's loss with its traceback; the error says it in a line.
    logging.getLogger("distributed.client").disabled = True
    try:
        if argv[1:]:
            raise ValueError(
                f"expected flags; received {argv[1]!r}; write --flag=value"
            )
        if not out:
            raise ValueError(
                "out: expected a folder; received none; write --out=logs/sweep/NAME"
            )
        grid = grid_from_flags()
        summaries = run(grid, out, flags.FLAGS.scheduler, progress=True)
    except (ValueError, UnusableDirectory, UnreachableScheduler) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenCluster as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"error: expected to write {error.filename}; {error.strerror}; make room, "
            "and give the same command again: what is done is kept",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print(f"\nStopped. What is done is kept in {out}; the same command goes on.")
        return 130
    for summary in summaries:
        cell = summary.cell
        print(
            f"{cell.activation:>10} depth {cell.depth:2}  {summary.solved:6} of "
            f"{summary.n} solve it: {summary.share:.3f} "
            f"({summary.low:.3f} to {summary.high:.3f})"
        )
    if importlib.util.find_spec("matplotlib") is None:
        print(
            "\nNo pictures: pip install 'xorlab[plots]', and give this command again."
        )
    print(f"\nResults: {out}/summary.md\nSee it: tensorboard --logdir {out}")
    return 0


if __name__ == "__main__":
    define_flags()
    startup.run_command(main)
