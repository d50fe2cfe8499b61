"""What goes into a run's event file: numbers, histograms, text, layout, settings."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto import types_pb2
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import summary as custom_scalar_summary
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import summary as hparams_summary
from tensorboard.plugins.hparams import summary_v2 as hparams_summary_v2
from tensorboard.plugins.scalar import metadata as scalar_metadata
from tensorboard.plugins.text.summary_v2 import text_pb

# Each bucket of a histogram reaches 10% further from zero than the one before, as in
# TensorFlow 1: evenly spaced ones would show a gradient of 1e-9 as a zero.
_GROWTH = 1.1
# The edge of the zeros where nothing else gives a scale: TensorFlow 1's smallest.
_LEAST = 1e-12
_KEYS = 2**20


def histogram_buckets(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Sorts each array's values into buckets that resolve every order of magnitude.

    Args:
        arrays: any shapes and floating dtypes; all in one call is fastest. NaN and
            infinite entries are left out.

    Returns:
        For each array `[K, 3]` float64 rows (left, right, count), ascending and
        without gaps: the format of TensorBoard's histograms. Only exact zeros lie in
        the bucket around zero.

    >>> [rows] = histogram_buckets([np.array([0.0, 0.0, 1e-9])])
    >>> rows[:, 2].tolist()
    [2.0, 1.0]
    """
    values = np.concatenate([np.ravel(array) for array in arrays]).astype(np.float64)
    owner = np.repeat(np.arange(len(arrays)), [np.size(array) for array in arrays])
    finite = np.isfinite(values)
    values, owner = values[finite], owner[finite]

    magnitudes = np.abs(values)
    nonzero = magnitudes > 0
    powers = np.floor(np.log(magnitudes[nonzero]) / np.log(_GROWTH))
    least = np.full(len(arrays), np.inf)
    np.minimum.at(least, owner[nonzero], powers)
    least[np.isinf(least)] = np.floor(np.log(_LEAST) / np.log(_GROWTH))
    # Buckets are numbered from the zeros, 0, outwards: ±1 holds the least magnitudes.
    number = np.zeros(values.size)
    number[nonzero] = np.sign(values[nonzero]) * (powers - least[owner[nonzero]] + 1)

    # Owner and number as one sortable whole number; no bucket is numbered that high.
    key, count = np.unique(owner * _KEYS + number.astype(np.int64), return_counts=True)
    owner = (key + _KEYS // 2) // _KEYS
    number = key - owner * _KEYS

    def right_edge(number):
        inner = np.where(number < 0, -number - 1, number)
        return np.where(number < 0, -1, 1) * _GROWTH ** (least[owner] + inner)

    left, right = right_edge(number - 1), right_edge(number)
    gap = np.flatnonzero((owner[1:] == owner[:-1]) & (number[1:] != number[:-1] + 1))
    rows = np.insert(
        np.stack([left, right, count], axis=1),
        gap + 1,
        np.stack([right[gap], left[gap + 1], np.zeros(gap.size)], axis=1),
        axis=0,
    )
    ends = np.searchsorted(np.insert(owner, gap + 1, owner[gap]), range(1, len(arrays)))
    return np.split(rows, ends)


_SCALAR = scalar_metadata.create_summary_metadata(None, None)
_HISTOGRAM = histogram_metadata.create_summary_metadata(None, None)
_DTYPES = {"f": types_pb2.DT_FLOAT, "d": types_pb2.DT_DOUBLE}


def _value(tag, metadata, array):
    # Built by hand: the library's make_tensor_proto takes most of a record's time.
    dims = [TensorShapeProto.Dim(size=size) for size in array.shape]
    tensor = TensorProto(
        dtype=_DTYPES[array.dtype.char],
        tensor_shape=TensorShapeProto(dim=dims),
        tensor_content=array.tobytes(),
    )
    return Summary.Value(tag=tag, metadata=metadata, tensor=tensor)


class EventLog:
    """Writes the event file of one run. A step's values go out as one record.

    Args:
        directory: the run's folder; made if it is not there.
    """

    def __init__(self, directory):
        self._writer = tf.summary.create_file_writer(str(directory))

    def write(
        self,
        step: int,
        scalars: Mapping[str, float],
        histograms: Mapping[str, np.ndarray] | None = None,
    ):
        """Logs values, and arrays as histograms, by tag."""
        record = Summary()
        for tag, value in scalars.items():
            record.value.append(_value(tag, _SCALAR, np.float32(value)))
        if histograms:
            buckets = histogram_buckets(list(histograms.values()))
            for tag, rows in zip(histograms, buckets, strict=True):
                record.value.append(_value(tag, _HISTOGRAM, rows))
        self._put(record, step)

    def text(self, tag: str, markdown: str):
        """Logs a text card."""
        self._put(text_pb(tag, markdown))

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
