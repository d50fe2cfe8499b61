"""Trains the lecture's last table: `python -m xorlab.images --out=logs/images/NAME`."""

import logging

from absl import flags

from xorlab import settings, startup
from xorlab.images.grid import Grid
from xorlab.images.run import run
from xorlab.work.command import ENDINGS, ended_by


def define_flags() -> None:
    """Defines a flag for every field of `Grid`, and where and by whom it is done."""
    settings.define_flags(Grid)
    flags.DEFINE_string("out", "", "folder of the results: logs/images/NAME")
    flags.DEFINE_string(
        "data_dir", "", "folder of CIFAR-10; else keras.datasets has it"
    )
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
                "out: expected a folder; received none; write --out=logs/images/NAME"
            )
        summaries = run(
            grid,
            out,
            flags.FLAGS.scheduler,
            progress=True,
            data_dir=flags.FLAGS.data_dir,
        )
    except ENDINGS as error:
        return ended_by(error, out)
    for summary in summaries:
        print(summary.line())
    print(f"\n{startup.closing('Results', f'{out}/summary.md', out)}")
    return 0


if __name__ == "__main__":
    define_flags()
    startup.run_command(main)
