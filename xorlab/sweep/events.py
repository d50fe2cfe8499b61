"""A TensorBoard run for every cell: its settings and shares for the HParams page."""

import dataclasses
import pathlib

from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from xorlab.eventlog.finished import write_event_file
from xorlab.eventlog.summaries import session_end, session_start
from xorlab.settings import spelled
from xorlab.sweep.grid import Cell
from xorlab.sweep.results import Summary

_METRICS = (
    "share",
    "low",
    "high",
    "diverged",
    "median_solved_at",
    "median_gradient_ratio_start",
)


def run_name(cell: Cell) -> str:
    """Returns the name of the cell's folder.

    >>> run_name(Cell("relu", 11, 5, "uniform", 1.0, 0.1, "sgd", 20_000))
    'relu-depth11-width5-uniform-x1-sgd-0.1'
    """
    return (
        f"{cell.activation}-depth{cell.depth}-width{cell.width}-{cell.initializer}"
        f"-x{spelled(cell.init_scale)}-{cell.optimizer}-{spelled(cell.learning_rate)}"
    )


def write_events(folder: pathlib.Path, summary: Summary) -> None:
    """Writes the run of one cell: an HParams session, and what was found.

    `gradient_rms_start` and `gradient_rms_end` have the layer's number for a step, so
    that TensorBoard draws gradient by depth.

    Two sweeps alike write the same bytes, so no time of day is written.
    """
    name = run_name(summary.cell)
    row = summary.row()
    metrics = {metric: row[metric] for metric in _METRICS}
    settings = dataclasses.asdict(summary.cell)
    records = [(0, session_start(settings, _METRICS, name, seconds=0))]
    records += [(0, scalar_pb(tag, value)) for tag, value in metrics.items()]
    for tag in ("gradient_rms_start", "gradient_rms_end"):
        for layer, value in enumerate(getattr(summary, tag), 1):
            records.append((layer, scalar_pb(tag, value)))
    records.append((0, session_end(succeeded=True, seconds=0)))
    write_event_file(folder / name / "events.out.tfevents.0.sweep", records)
