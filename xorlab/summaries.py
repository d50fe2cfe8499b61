"""What goes into a run's event file: scalars, histograms, text, layout, hyper-parameters."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import summary as custom_scalar_summary
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import summary as hparams_summary
from tensorboard.plugins.hparams import summary_v2 as hparams_summary_v2
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.util.tensor_util import make_tensor_proto

# Each bucket of a histogram reaches 10% further from zero than the one before, as in
# TensorFlow 1: evenly spaced ones would show a gradient of 1e-9 as a zero.
_GROWTH = 1.1


def histogram_buckets(values: np.ndarray) -> np.ndarray:
    """Sorts values into buckets that resolve every order of magnitude.

    Args:
        values: any shape and floating dtype. NaN and infinite entries are left out.

    Returns:
        `[K, 3]` float64 rows (left, right, count) in ascending order without gaps:
        the histogram plugin's format. Only exact zeros lie in the bucket around zero.

    >>> histogram_buckets(np.array([0.0, 0.0, 1e-9]))[:, 2].tolist()
    [2.0, 1.0]
    """
    values = np.ravel(values).astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return np.zeros((0, 3))
    magnitudes = np.abs(values[values != 0])
    if not magnitudes.size:
        # No scale to take from the data; TensorFlow 1's smallest bucket was 1e-12.
        return np.array([[-1e-12, 1e-12, values.size]])
    powers = np.floor(np.log(magnitudes) / np.log(_GROWTH))
    least = powers.min()
    # Buckets are numbered from the zeros, 0, outwards: ±1 holds the least magnitudes.
    numbers = np.zeros(values.size)
    numbers[values != 0] = np.sign(values[values != 0]) * (powers - least + 1)
    filled, counts = np.unique(numbers, return_counts=True)

    def right_edge(number):
        inner = np.where(number < 0, -number - 1, number)
        return np.where(number < 0, -1, 1) * _GROWTH ** (least + inner)

    lefts = right_edge(filled - 1)
    edges = np.union1d(lefts, right_edge(filled))
    rows = np.stack([edges[:-1], edges[1:], np.zeros(edges.size - 1)], axis=1)
    rows[np.searchsorted(edges, lefts), 2] = counts
    return rows


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
            record.MergeFrom(scalar_pb(tag, value))
        for tag, values in (histograms or {}).items():
            record.value.add(
                tag=tag,
                metadata=histogram_metadata.create_summary_metadata(None, None),
                tensor=make_tensor_proto(histogram_buckets(values)),
            )
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
