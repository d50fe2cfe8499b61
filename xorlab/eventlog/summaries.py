"""What TensorBoard is told beside numbers: layout and settings; no TensorFlow."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tensorboard.compat.proto import types_pb2
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import summary as custom_scalar_summary
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams import summary as hparams_summary
from tensorboard.plugins.hparams import summary_v2 as hparams_summary_v2
from tensorboard.plugins.hparams.summary_v2 import Discrete
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.util.tensor_util import make_tensor_proto

_TYPES = {
    bool: api_pb2.DATA_TYPE_BOOL,
    int: api_pb2.DATA_TYPE_FLOAT64,
    float: api_pb2.DATA_TYPE_FLOAT64,
    str: api_pb2.DATA_TYPE_STRING,
}


def layout(category: str, charts: Mapping[str, Sequence[str]]) -> Summary:
    """Lays out the custom-scalars page: a chart a title, a line a matching tag.

    Args:
        category: the heading of the charts.
        charts: regular expressions for tags, by the chart's title.
    """
    chart = [
        layout_pb2.Chart(
            title=title, multiline=layout_pb2.MultilineChartContent(tag=patterns)
        )
        for title, patterns in charts.items()
    ]
    section = layout_pb2.Category(title=category, chart=chart)
    return custom_scalar_summary.pb(layout_pb2.Layout(category=[section]))


def image(tag: str, png: bytes) -> Summary:
    """Shows a PNG file on the Images page."""
    # The header of a PNG file is 16 bytes, then its width and its height.
    width, height = struct.unpack(">II", png[16:24])
    content = [str(width).encode(), str(height).encode(), png]
    summary = Summary()
    summary.value.add(
        tag=tag,
        metadata=image_metadata.create_summary_metadata(None, None),
        tensor=make_tensor_proto(content, types_pb2.DT_STRING),
    )
    return summary


def session_start(
    settings: Mapping[str, Any],
    metrics: Sequence[str],
    name: str,
    seconds: float | None = None,
    choices: Mapping[str, Iterable] | None = None,
) -> Summary:
    """Tells the HParams page of a run's settings.

    Args:
        settings: bool, number or text by setting.
        metrics: tags of the scalars whose last value is compared.
        name: tells this run from others with the same settings.
        seconds: since 1970; now if None.
        choices: all values that a setting has among the runs of a folder, where they
            are known; the page lists them in order.

    Returns:
        The same bytes for the same arguments, but for the time.
    """
    choices = choices or {}
    columns = [
        hparams_summary_v2.HParam(
            setting, Discrete(choices[setting]) if setting in choices else None
        )
        for setting in settings
    ]
    tags = [hparams_summary_v2.Metric(tag) for tag in metrics]
    both = Summary()
    for part in (
        hparams_summary_v2.hparams_config_pb(columns, tags, time_created_secs=seconds),
        hparams_summary_v2.hparams_pb(
            dict(settings), trial_id=name, start_time_secs=seconds
        ),
    ):
        # By its bytes: it may be of TensorFlow's class, or of TensorBoard's.
        both.MergeFromString(part.SerializeToString())
    for value in both.value:
        # The library leaves the order of its maps open.
        plugin = value.metadata.plugin_data
        content = plugin_data_pb2.HParamsPluginData.FromString(plugin.content)
        for column in content.experiment.hparam_infos:
            # Without it the page sorts numbers as words: 11 before 2.
            column.type = column.type or _TYPES[type(settings[column.name])]
        plugin.content = content.SerializeToString(deterministic=True)
    return both


def session_end(succeeded: bool, seconds: float | None = None) -> Summary:
    """Tells the HParams page how a run ended; `seconds` as for `session_start`."""
    status = api_pb2.STATUS_SUCCESS if succeeded else api_pb2.STATUS_FAILURE
    return hparams_summary.session_end_pb(status, seconds)
