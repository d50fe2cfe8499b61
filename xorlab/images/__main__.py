"""Trains the lecture's last table: `python -m xorlab.images --out=logs/images/NAME`."""

from absl import flags

from xorlab import startup
from xorlab.images.grid import Grid
from xorlab.images.run import run
from xorlab.work import command

_OUT = "logs/images/NAME"


def define_flags() -> None:
    """Defines the command's flags: every field of `Grid`, and more."""
    command.define_flags(Grid, _OUT)
    flags.DEFINE_string(
        "data_dir", "", "folder of CIFAR-10; else keras.datasets has it"
    )


def main(argv: list[str]) -> int:
    """Parses, runs, prints; returns the exit code."""

    def lines(grid, out, scheduler):
        data_dir = flags.FLAGS.data_dir
        summaries = run(grid, out, scheduler, progress=True, data_dir=data_dir)
        return [summary.line() for summary in summaries]

    return command.carry_out(argv, Grid, _OUT, lines)


if __name__ == "__main__":
    define_flags()
    startup.run_command(main)
