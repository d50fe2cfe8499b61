"""Trains thousands of networks: `python -m xorlab.sweep --out=logs/sweep/NAME`."""

import logging

from absl import flags

from xorlab import settings, startup
from xorlab.sweep.grid import Grid
from xorlab.sweep.results import Summary
from xorlab.sweep.run import run
from xorlab.work.command import ENDINGS, ended_by


def define_flags() -> None:
    """Defines a flag for every field of `Grid`, and where and by whom it is done."""
    settings.define_flags(Grid)
    flags.DEFINE_string("out", "", "folder of the results: logs/sweep/NAME")
    flags.DEFINE_string("device", "CPU", "where to train; GPU:0 takes longer")
    flags.DEFINE_string("scheduler", "", "tcp://HOST:PORT of a Dask scheduler")


def main(argv: list[str]) -> int:
    """Parses, runs, prints; returns the exit code."""
    out = flags.FLAGS.out
    # Dask logs a scheduler's loss with its traceback; the error says it in a line.
    logging.getLogger("distributed.client").disabled = True
    try:
        grid = settings.from_flags(Grid, argv)
        if not out:
            raise ValueError(
                "out: expected a folder; received none; write --out=logs/sweep/NAME"
            )
        summaries = run(
            grid,
            out,
            flags.FLAGS.scheduler,
            progress=True,
            device=flags.FLAGS.device,
        )
    except ENDINGS as error:
        return ended_by(error, out)
    for summary in summaries:
        print(line(grid, summary))
    print(f"\n{startup.closing('Results', f'{out}/summary.md', out)}")
    return 0


def line(grid: Grid, summary: Summary) -> str:
    """Says what came of a cell, and what sets it apart from the others."""
    cell = summary.cell
    more = (
        (grid.widths, f" width {cell.width}"),
        (grid.initializers, f" start {cell.initializer}"),
        (grid.init_scales, f" scale {settings.spelled(cell.init_scale)}"),
        (grid.learning_rates, f" rate {settings.spelled(cell.learning_rate)}"),
    )
    others = "".join(words for values, words in more if len(values) > 1)
    return (
        f"{cell.activation:>10} depth {cell.depth:2}{others}  {summary.solved:6} of "
        f"{summary.n} solve it: {summary.share:.3f} "
        f"({summary.low:.3f} to {summary.high:.3f})"
    )


if __name__ == "__main__":
    define_flags()
    startup.run_command(main)
