"""What an event file holds, as it was written, and what its HParams session says."""

import pathlib

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2


def _content(run, tag):
    events = EventAccumulator(str(run), {"tensors": 0}).Reload()
    content = events.SummaryMetadata(f"_hparams_/{tag}").plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content)


def start(run):
    """Returns what a run's session began with."""
    return _content(run, "session_start_info").session_start_info


def columns(run):
    """Returns what the HParams page is told of each setting, by name."""
    return {
        info.name: info for info in _content(run, "experiment").experiment.hparam_infos
    }


def status(run):
    """Returns the name of how a run's session ended."""
    end = _content(run, "session_end_info").session_end_info
    return api_pb2.Status.Name(end.status)


def records(run):
    """Lists all events in a run's only file, in order."""
    [path] = pathlib.Path(run).glob("events.out.tfevents.*")
    return list(map(Event.FromString, RawEventFileLoader(str(path)).Load()))
