"""A run's event file: steps' numbers and histograms, text, the graph, settings."""

import array
import contextlib
import dataclasses
import errno
import itertools
import os
import pathlib
import re
import socket
import threading
import time
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto import types_pb2
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.scalar import metadata as scalar_metadata
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorflow.core.framework import graph_pb2

from xorlab.eventlog.summaries import session_end
from xorlab.steps import histograms, internals

_SCALAR = scalar_metadata.create_summary_metadata(None, None)
_HISTOGRAM = histogram_metadata.create_summary_metadata(None, None)
_NUMBER = itertools.count()  # Of the files of this process.
# Bytes that records are filled with before others take their place.
_MOST_FILLED = 2**22


@dataclasses.dataclass
class StepValues:
    """What is logged of one step.

    Attributes:
        step: where on the horizontal axis.
        scalars: numbers by tag.
        tags: T names of histograms.
        counts: `[T, BUCKETS]`, as `xorlab.steps.histograms` counts.
        ends: `[T, 2]`, the least and the greatest value.
        wall_time: seconds since 1970; when this was made.
    """

    step: int
    scalars: Mapping[str, float]
    tags: Sequence[str] = ()
    counts: np.ndarray | None = None
    ends: np.ndarray | None = None
    wall_time: float = dataclasses.field(default_factory=time.time)


class _Record:
    """The values of one step, all of them made once and filled anew for each step.

    To make them anew takes about five times as long as to fill them. But what a message
    was filled with before stays in memory as long as the message does.

    Args:
        scalars: their tags.
        tags: those of histograms.
    """

    def __init__(self, scalars: Sequence[str], tags: Sequence[str]):
        self._event = Event()
        self._scalars = [self._add(tag, _SCALAR, types_pb2.DT_FLOAT) for tag in scalars]
        self._histograms = []
        for tag in tags:
            tensor = self._add(tag, _HISTOGRAM, types_pb2.DT_DOUBLE)
            rows = tensor.tensor_shape.dim.add()
            tensor.tensor_shape.dim.add(size=3)
            self._histograms.append((tensor, rows))

    def _add(self, tag, metadata, dtype):
        tensor = self._event.summary.value.add(tag=tag, metadata=metadata).tensor
        tensor.dtype = dtype
        return tensor

    def fill(self, values: StepValues, rows: Sequence[np.ndarray]) -> bytes:
        """Returns the event of these values, their histograms being `[K, 3]`."""
        self._event.step = values.step
        self._event.wall_time = values.wall_time
        # Not by NumPy, which takes several times longer for a few numbers.
        singles = array.array("f", values.scalars.values()).tobytes()
        for tensor, place in zip(self._scalars, range(0, len(singles), 4), strict=True):
            tensor.tensor_content = singles[place : place + 4]
        for (tensor, dimension), bars in zip(self._histograms, rows, strict=True):
            dimension.size = len(bars)
            tensor.tensor_content = bars.tobytes()
        return self._event.SerializeToString()


class OwnRecords:
    """An event file of our own.

    TensorFlow's summary writer keeps it to itself when a disk is full.

    Args:
        folder: what the file is made in.
    """

    def __init__(self, folder: pathlib.Path):
        name = f"{time.time():.0f}.{socket.gethostname()}.{os.getpid()}.{next(_NUMBER)}"
        with _telling():
            path = str(folder / f"events.out.tfevents.{name}")
            self._file = tf.io.TFRecordWriter(path)
            version = Event(wall_time=time.time(), file_version="brain.Event:2")
            self.write([version.SerializeToString()])
        self.close = self._file.close

    def write(self, records: Sequence[bytes]) -> None:
        for record in records:
            self._file.write(record)
        self._file.flush()


class SharedRecords:
    """An event file that TensorFlow's summaries are written to, too.

    Args:
        writer: from `tf.summary.create_file_writer`.
    """

    def __init__(self, writer: tf.summary.SummaryWriter):
        self._writer = writer
        self.close = writer.close

    def write(self, records: Sequence[bytes]) -> None:
        writer = internals.resource_of(self._writer)
        # All in one tensor: to give bytes to an op takes longer than the op itself.
        for record in tf.unstack(tf.constant(records)):
            # The raw op, because `tf.summary.experimental.write_raw_pb` takes longer.
            tf.raw_ops.ImportEvent(writer=writer, event=record)
        self._writer.flush()


class EventFile:
    """Logs to the event file of a run, at once. A step makes one record.

    Args:
        records: the file.

    Raises:
        OSError: what is logged cannot be written; it has the file for its file name.
    """

    def __init__(self, records: OwnRecords | SharedRecords):
        self._file = records
        # Training writes verdicts and pictures, and a thread what waits.
        self._lock = threading.RLock()
        self._records: dict[tuple, _Record] = {}
        self._filled = 0

    def write(self, steps: Sequence[StepValues]) -> None:
        """Logs numbers and histograms, a record a step."""
        # One kind of work after the other: the processor's caches stay warm.
        rows = [
            [] if x.counts is None else histograms.rows(x.counts, x.ends) for x in steps
        ]
        with self._lock:
            self._put(list(map(self._event, steps, rows)))

    def text(self, tag: str, markdown: str, step: int = 0) -> None:
        """Logs a text card."""
        self.summary(text_pb(tag, markdown), step)

    def graph(self, graph_def: graph_pb2.GraphDef) -> None:
        """Logs the op graph."""
        event = Event(graph_def=graph_def.SerializeToString(), wall_time=time.time())
        self._put([event.SerializeToString()])

    def summary(self, summary: Summary, step: int = 0) -> None:
        """Logs a summary of `xorlab.eventlog.summaries`, or of TensorBoard's own."""
        event = Event(step=step, wall_time=time.time())
        # By its bytes: it may be of TensorFlow's class, or of TensorBoard's.
        event.summary.ParseFromString(summary.SerializeToString())
        self._put([event.SerializeToString()])

    def close(self, succeeded: bool) -> None:
        """Ends the session of the HParams page, and the file."""
        try:
            self.summary(session_end(succeeded))
        finally:
            with _telling():
                self._file.close()

    def _event(self, values, rows):
        if self._filled > _MOST_FILLED:
            self._records, self._filled = {}, 0
        tags = tuple(values.scalars), tuple(values.tags)
        if tags not in self._records:
            self._records[tags] = _Record(*tags)
        event = self._records[tags].fill(values, rows)
        self._filled += len(event)
        return event

    def _put(self, events):
        with self._lock, _telling():
            self._file.write(events)


@contextlib.contextmanager
def _telling():
    """Raises what TensorFlow says of a file as an error of a file."""
    try:
        yield
    except tf.errors.OpError as error:
        raise _os_error(error) from error


def _os_error(error):
    """Finds file and cause in TensorFlow's words, `FILE; No space left on device`."""
    found = re.search(r"(\S*events\.out\S*); (.+)", error.message)
    path, cause = found.groups() if found else ("an event file", error.message)
    numbers = (n for n in errno.errorcode if os.strerror(n) == cause)
    return OSError(next(numbers, errno.EIO), cause, path)
