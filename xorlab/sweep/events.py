"""A TensorBoard run for every cell: its settings and shares for the HParams page."""

import dataclasses
import math
import pathlib
from collections.abc import Sequence

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


def write_events(folder: pathlib.Path, summaries: Sequence[Summary]) -> None:
    """Writes a run for each cell: an HParams session, and what was found.

    `gradient_rms_start` and `gradient_rms_end` have the layer's number for a step, so
    that TensorBoard draws gradient by depth. A metric that is undefined, such as when
    none of a cell's networks solved it, is left out: the page hides a run with a NaN.

    Two sweeps alike write the same bytes, so no time of day is written.
    """
    all_settings = [dataclasses.asdict(summary.cell) for summary in summaries]
    choices = {name: {each[name] for each in all_settings} for name in all_settings[0]}
    for summary, settings in zip(summaries, all_settings, strict=True):
        name = run_name(summary.cell)
        start = session_start(settings, _METRICS, name, seconds=0, choices=choices)
        records = [(0, start)]
        row = summary.row()
        for metric in _METRICS:
            if math.isfinite(row[metric]):
                records.append((0, scalar_pb(metric, row[metric])))
        for tag in ("gradient_rms_start", "gradient_rms_end"):
            for layer, value in enumerate(getattr(summary, tag), 1):
                records.append((layer, scalar_pb(tag, value)))
        records.append((0, session_end(succeeded=True, seconds=0)))
        write_event_file(folder / name / "events.out.tfevents.0.sweep", records)
