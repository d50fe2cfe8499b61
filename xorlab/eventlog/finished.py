"""An event file whose content is known: there whole or not, and the same again."""

import io
import pathlib
from collections.abc import Iterable

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from xorlab.files import write_atomically


def write_event_file(
    path: pathlib.Path, summaries: Iterable[tuple[int, Summary]]
) -> None:
    """Writes a run's event file at once, with no time of day in it.

    Args:
        path: its name begins with `events.out.tfevents`; its folder is made.
        summaries: a step and a summary each.

    Raises:
        OSError: it cannot be written.
    """
    content = io.BytesIO()
    writer = RecordWriter(content)
    writer.write(Event(file_version="brain.Event:2").SerializeToString())
    for step, summary in summaries:
        event = Event(step=step)
        event.summary.ParseFromString(summary.SerializeToString())
        writer.write(event.SerializeToString(deterministic=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content.getvalue())
