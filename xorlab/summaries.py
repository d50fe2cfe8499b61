"""What goes into a run's event file: numbers, histograms, text, layout, settings."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto import types_pb2
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import summary as custom_scalar_summary
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import summary as hparams_summary
from tensorboard.plugins.hparams import summary_v2 as hparams_summary_v2
from tensorboard.plugins.scalar import metadata as scalar_metadata
from tensorboard.plugins.text.summary_v2 import text_pb

from xorlab import histograms, internals

_SCALAR = scalar_metadata.create_summary_metadata(None, None)
_HISTOGRAM = histogram_metadata.create_summary_metadata(None, None)


class _Record:
    """The values of one step, all of them made once and filled anew for each step.

    To make them anew takes about three times as long as to fill them.

    Args:
        scalars: their tags.
        tags: those of histograms.
    """

    def __init__(self, scalars: Sequence[str], tags: Sequence[str]):
        self._event = Event()
        self._scalars = [
            self._add(tag, _SCALAR, types_pb2.DT_FLOAT, ()) for tag in scalars
        ]
        self._histograms = [
            self._add(tag, _HISTOGRAM, types_pb2.DT_DOUBLE, (0, 3)) for tag in tags
        ]

    def _add(self, tag, metadata, dtype, shape):
        tensor = self._event.summary.value.add(tag=tag, metadata=metadata).tensor
        tensor.dtype = dtype
        for size in shape:
            tensor.tensor_shape.dim.add(size=size)
        return tensor

    def filled(
        self, step: int, numbers: Sequence[float], rows: Sequence[np.ndarray]
    ) -> Event:
        """Returns the record with a number a scalar and `[K, 3]` a histogram."""
        self._event.step = step
        with np.errstate(over="ignore"):  # Beyond float32 a number is infinite.
            singles = np.float32(numbers)
        for tensor, number in zip(self._scalars, singles, strict=True):
            tensor.tensor_content = number.tobytes()
        for tensor, bars in zip(self._histograms, rows, strict=True):
            tensor.tensor_shape.dim[0].size = len(bars)
            tensor.tensor_content = bars.tobytes()
        return self._event


class EventLog:
    """Writes the event file of one run. A step's values go out as one record.

    Args:
        writer: from `tf.summary.create_file_writer`.
    """

    def __init__(self, writer):
        self._writer = writer
        self._records = {}

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
        tags_of_record = tuple(scalars), tuple(tags)
        if tags_of_record not in self._records:
            self._records[tags_of_record] = _Record(*tags_of_record)
        rows = histograms.rows(counts) if tags else []
        numbers = list(scalars.values())
        self._put(self._records[tags_of_record].filled(step, numbers, rows))

    def text(self, tag: str, markdown: str, step: int = 0):
        """Logs a text card."""
        self._put_summary(text_pb(tag, markdown), step)

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
        layout = layout_pb2.Layout(category=[section])
        self._put_summary(custom_scalar_summary.pb(layout))

    def hyperparameters(self, values: Mapping[str, Any], metrics: list[str], name: str):
        """Logs a run's settings for the HParams page.

        Args:
            values: bool, number or text by setting.
            metrics: tags of the scalars whose last value is compared.
            name: tells this run from others with the same settings.
        """
        columns = [hparams_summary_v2.HParam(setting) for setting in values]
        tags = [hparams_summary_v2.Metric(tag) for tag in metrics]
        self._put_summary(hparams_summary_v2.hparams_config_pb(columns, tags))
        self._put_summary(hparams_summary_v2.hparams_pb(dict(values), trial_id=name))

    def close(self, succeeded: bool):
        """Ends the HParams session and flushes; the log cannot be written after it."""
        status = api_pb2.STATUS_SUCCESS if succeeded else api_pb2.STATUS_FAILURE
        self._put_summary(hparams_summary.session_end_pb(status))
        self._writer.close()

    def _put_summary(self, summary, step=0):
        event = Event(step=step)
        # By its bytes: it may be of TensorFlow's class, or of TensorBoard's.
        event.summary.ParseFromString(summary.SerializeToString())
        self._put(event)

    def _put(self, event):
        event.wall_time = time.time()
        # The raw op, because `tf.summary.experimental.write_raw_pb` takes longer.
        tf.raw_ops.ImportEvent(
            writer=internals.resource_of(self._writer), event=event.SerializeToString()
        )
        self._writer.flush()
