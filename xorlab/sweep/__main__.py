"""Trains thousands of networks: `python -m xorlab.sweep --out=logs/sweep/NAME`."""

from absl import flags

from xorlab import settings, startup
from xorlab.sweep.grid import Grid
from xorlab.sweep.results import Summary
from xorlab.sweep.run import run
from xorlab.work import command

_OUT = "logs/sweep/NAME"


def define_flags() -> None:
    """Defines the command's flags: every field of `Grid`, and more."""
    command.define_flags(Grid, _OUT)
    flags.DEFINE_string("device", "CPU", "where to train; GPU:0 takes longer")


def main(argv: list[str]) -> int:
    """Parses, runs, prints; returns the exit code."""

    def lines(grid, out, scheduler):
        device = flags.FLAGS.device
        summaries = run(grid, out, scheduler, progress=True, device=device)
        return [line(grid, summary) for summary in summaries]

    return command.carry_out(argv, Grid, _OUT, lines)


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
        f"({summary.low:.3f} to {summary.high:.3f}){_found(summary)}"
    )


def _found(summary):
    lines = []
    for step, counts in summary.found.items():
        ordered = sorted(counts.items(), key=lambda pair: -pair[1])
        words = [f"{cause.replace('_', ' ')} {n}" for cause, n in ordered if n]
        lines.append(f"\n{'':11}found at {step}: {', '.join(words) or 'nothing'}")
    return "".join(lines)


if __name__ == "__main__":
    define_flags()
    startup.run_command(main)
