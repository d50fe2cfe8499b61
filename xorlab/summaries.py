"""What goes into a run's event file: numbers, histograms, text, layout, settings."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto import types_pb2
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import summary as custom_scalar_summary
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import summary as hparams_summary
from tensorboard.plugins.hparams import summary_v2 as hparams_summary_v2
from tensorboard.plugins.scalar import metadata as scalar_metadata
from tensorboard.plugins.text.summary_v2 import text_pb

from xorlab import histograms

_SCALAR = scalar_metadata.create_summary_metadata(None, None)
_HISTOGRAM = histogram_metadata.create_summary_metadata(None, None)
_DTYPES = {"f": types_pb2.DT_FLOAT, "d": types_pb2.DT_DOUBLE}


def _add(record, tag, metadata, array):
    # In place, by hand: the library's make_tensor_proto takes most of a record's time,
    # and messages made apart are copied.
    tensor = record.value.add(tag=tag, metadata=metadata).tensor
    tensor.dtype = _DTYPES[array.dtype.char]
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    tensor.tensor_content = array.tobytes()


class EventLog:
    """Writes the event file of one run. A step's values go out as one record.

    Args:
        writer: from `tf.summary.create_file_writer`.
    """

    def __init__(self, writer):
        self._writer = writer

    def write(
        self,
        step: int,
        scalars: Mapping[str, float],
        tags: Sequence[str] = (),
        counts: np.ndarray | None = None,
    ):
        """Logs numbers and histograms as one record.

        Args:
            step: where on the horizontal axis.
            scalars: numbers by tag.
            tags: T names of histograms.
            counts: `[T, BUCKETS]`, as `xorlab.histograms` counts.
        """
        record = Summary()
        for tag, value in scalars.items():
            _add(record, tag, _SCALAR, np.float32(value))
        if tags:
            for tag, rows in zip(tags, histograms.rows(counts), strict=True):
                _add(record, tag, _HISTOGRAM, rows)
        self._put(record, step)

    def text(self, tag: str, markdown: str, step: int = 0):
        """Logs a text card."""
        self._put(text_pb(tag, markdown), step)

    def graph(self, graph_def):
        """Logs the op graph."""
        with self._writer.as_default():
            tf.summary.graph(graph_def)

    def layout(self, category: str, charts: Mapping[str, str]):
        """Lays out the custom-scalars page: a chart a title, a line a matching tag.

        Args:
            category: the heading of the charts.
            charts: a regular expression for tags, by the chart's title.
        """
        chart = [
            layout_pb2.Chart(
                title=title, multiline=layout_pb2.MultilineChartContent(tag=[pattern])
            )
            for title, pattern in charts.items()
        ]
        section = layout_pb2.Category(title=category, chart=chart)
        self._put(custom_scalar_summary.pb(layout_pb2.Layout(category=[section])))

    def hyperparameters(self, values: Mapping[str, Any], metrics: list[str], name: str):
        """Logs a run's settings for the HParams page.

        Args:
            values: bool, number or text by setting.
            metrics: tags of the scalars whose last value is compared.
            name: tells this run from others with the same settings.
        """
        columns = [hparams_summary_v2.HParam(setting) for setting in values]
        tags = [hparams_summary_v2.Metric(tag) for tag in metrics]
        self._put(hparams_summary_v2.hparams_config_pb(columns, tags))
        self._put(hparams_summary_v2.hparams_pb(dict(values), trial_id=name))

    def close(self, succeeded: bool):
        """Ends the HParams session and flushes; the log cannot be written after it."""
        status = api_pb2.STATUS_SUCCESS if succeeded else api_pb2.STATUS_FAILURE
        self._put(hparams_summary.session_end_pb(status))
        self._writer.close()

    def _put(self, summary, step=0):
        with self._writer.as_default():
            tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step)
