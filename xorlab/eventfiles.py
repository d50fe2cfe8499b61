"""Event files, which TensorBoard reads: one of our own, or one that is shared."""

import itertools
import os
import socket
import time
from collections.abc import Sequence

import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event

from xorlab import internals

_NUMBERS = itertools.count()


class EventFile:
    """A new event file that nobody else writes to.

    Args:
        folder: where; it is made if it is missing.

    Raises:
        tf.errors.OpError: it cannot be made.
    """

    def __init__(self, folder: str):
        # TensorBoard may read a folder's files one after the other: where `tf.summary`
        # has begun one in the same second, this one's name comes after it.
        name = (
            f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}."
            f"{os.getpid()}.xorlab{next(_NUMBERS):06d}"
        )
        self._path = os.path.join(folder, name)
        self._begin()

    def write(self, events: Sequence[bytes]):
        """Writes serialized events, and flushes."""
        # Who clears a folder of logs while training goes on wants what comes after.
        if not tf.io.gfile.exists(self._path):
            self._begin()
        for event in events:
            self._records.write(event)
        self._records.flush()

    def _begin(self):
        tf.io.gfile.makedirs(os.path.dirname(self._path))
        self._records = tf.io.TFRecordWriter(self._path)
        begin = Event(wall_time=time.time(), file_version="brain.Event:2")
        self._records.write(begin.SerializeToString())
        self._records.flush()

    def close(self):
        """Ends the file."""
        self._records.close()


class SharedEventFile:
    """The event file of a writer that others use, too; slower than one of our own.

    Args:
        writer: from `tf.summary.create_file_writer`.
    """

    def __init__(self, writer: tf.summary.SummaryWriter):
        self._writer = writer

    def write(self, events: Sequence[bytes]):
        """Writes serialized events, and flushes."""
        writer = internals.resource_of(self._writer)
        # All in one tensor: to give bytes to an op takes longer than the op itself.
        for event in tf.unstack(tf.constant(events)):
            # The raw op, because `tf.summary.experimental.write_raw_pb` takes longer.
            tf.raw_ops.ImportEvent(writer=writer, event=event)
        self._writer.flush()

    def close(self):
        """Leaves that to the writer's owner."""
