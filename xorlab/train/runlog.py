"""The event file of a run: what is said of it first, and then its steps."""

import dataclasses
import re
from collections.abc import Sequence

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorflow.core.framework import graph_pb2

from xorlab.eventlog import summaries
from xorlab.eventlog.eventfile import EventFile, OwnRecords, StepValues
from xorlab.train import report
from xorlab.train.config import FIXED, Config

_LOG10 = "log10_gradient_rms/"
_BY_LAYER = "log10_gradient_rms_by_layer"


class RunLog:
    """Logs a run. There is no file until the first step is logged.

    So whatever ends a run before that, it leaves none.

    Args:
        config: of the run.
        graph: the op graph of its training step.

    Raises:
        OSError: as `EventFile` does.
    """

    def __init__(self, config: Config, graph: graph_pb2.GraphDef):
        self._config = config
        self._graph = graph
        self._file: EventFile | None = None

    def write(self, steps: Sequence[StepValues]) -> None:
        """Logs steps."""
        if self._file is None:
            self._file = EventFile(OwnRecords(self._config.run_dir))
            self._write_header(self._file, _by_layer(steps[0]))
            _write_by_layer(self._file, "first", steps[0])
        self._file.write(steps)
        self._last = steps[-1]

    def summary(self, summary: Summary, step: int) -> None:
        """Logs a summary of a step that was logged."""
        if self._file is not None:
            self._file.summary(summary, step)

    def close(self, succeeded: bool) -> None:
        """Ends the session of the HParams page, and the file."""
        if self._file is not None:
            try:
                _write_by_layer(self._file, "last", self._last)
            finally:
                self._file.close(succeeded)

    def _write_header(self, file, layers):
        settings = _settings(self._config)
        metrics = ["cost", "accuracy"]
        name = self._config.run_name
        file.summary(summaries.session_start(settings, metrics, name))
        file.text("run", report.card(settings, report.versions()))
        charts = {
            "Cost: how wrong the four answers are": ["^cost$"],
            "Accuracy: the share of the four answers that are right": ["^accuracy$"],
            "Gradient by layer, as a power of ten. Across: the layer, from the input": [
                f"^{_BY_LAYER}/"
            ],
            "Gradient over time, as a power of ten (-45: zero). Across: the step": [
                f"^{_LOG10}{re.escape(layer)}$" for layer in layers
            ],
        }
        file.summary(summaries.layout("The lecture at a glance", charts))
        file.graph(self._graph)


def _settings(config):
    """The settings that shape the result, not where or how often it is written."""
    aside = {"logdir", "run_name", "overwrite", "histograms", "log_every", "remedies"}
    # Of the HParams page's columns few are shown by default.
    aside |= {"device", "jit"}
    aside |= FIXED[config.network].keys() - {"activation"}
    settings = dataclasses.asdict(config)
    return {name: value for name, value in settings.items() if name not in aside}


def _write_by_layer(file, when, values):
    """Logs a step's gradients over the layers: what is the step is the layer."""
    tag = f"{_BY_LAYER}/{when}_step"
    numbers = enumerate(_by_layer(values).values(), start=1)
    file.write([StepValues(layer, {tag: log10}) for layer, log10 in numbers])


def _by_layer(values):
    """The log10 of a step's gradient RMS, by layer."""
    return {
        tag.removeprefix(_LOG10): number
        for tag, number in values.scalars.items()
        if tag.startswith(_LOG10)
    }
