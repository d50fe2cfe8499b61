"""A TensorBoard run for every cell: its settings and shares for the HParams page."""

import dataclasses
import io
import pathlib

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary as Record
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams import summary as hparams_summary
from tensorboard.plugins.hparams import summary_v2 as hparams_summary_v2
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from xorlab.files import write_atomically
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
        f"-x{cell.init_scale:g}-{cell.optimizer}-{cell.learning_rate:g}"
    )


def write_events(folder: pathlib.Path, summary: Summary):
    """Writes the run of one cell: an HParams session, and what was found.

    `gradient_rms_start` and `gradient_rms_end` have the layer's number for a step, so
    that TensorBoard draws gradient by depth.

    Two sweeps alike write the same bytes, so no time of day is written.
    """
    name = run_name(summary.cell)
    row = summary.row()
    metrics = {metric: row[metric] for metric in _METRICS}
    records = [(0, _hyperparameters(summary.cell, name))]
    records += [(0, scalar_pb(tag, value)) for tag, value in metrics.items()]
    for tag in ("gradient_rms_start", "gradient_rms_end"):
        for layer, value in enumerate(getattr(summary, tag), 1):
            records.append((layer, scalar_pb(tag, value)))
    records.append((0, hparams_summary.session_end_pb(api_pb2.STATUS_SUCCESS, 0)))

    content = io.BytesIO()
    writer = RecordWriter(content)
    writer.write(Event(file_version="brain.Event:2").SerializeToString())
    for step, record in records:
        event = Event(step=step, summary=_in_fixed_order(record))
        writer.write(event.SerializeToString(deterministic=True))
    path = folder / name / "events.out.tfevents.0.sweep"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content.getvalue())


def _hyperparameters(cell, name):
    settings = dataclasses.asdict(cell)
    columns = [hparams_summary_v2.HParam(setting) for setting in settings]
    tags = [hparams_summary_v2.Metric(tag) for tag in _METRICS]
    record = Record()
    for part in (
        hparams_summary_v2.hparams_config_pb(columns, tags, time_created_secs=0),
        hparams_summary_v2.hparams_pb(settings, trial_id=name, start_time_secs=0),
    ):
        record.value.extend(part.value)
    return record


def _in_fixed_order(record):
    """Serialises the plugin's maps anew: the library leaves their order open."""
    record = Record.FromString(record.SerializeToString())
    for value in record.value:
        plugin = value.metadata.plugin_data
        if plugin.plugin_name == hparams_metadata.PLUGIN_NAME:
            content = plugin_data_pb2.HParamsPluginData.FromString(plugin.content)
            plugin.content = content.SerializeToString(deterministic=True)
    return record
