"""The event file of a run: what is said of it first, and then its steps."""

import dataclasses
from collections.abc import Sequence

from tensorflow.core.framework import graph_pb2

from xorlab.eventlog import summaries
from xorlab.eventlog.eventfile import EventFile, OwnRecords, StepValues
from xorlab.train import report
from xorlab.train.config import FIXED, Config


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
            self._write_header(self._file)
        self._file.write(steps)

    def close(self, succeeded: bool) -> None:
        """Ends the session of the HParams page, and the file."""
        if self._file is not None:
            self._file.close(succeeded)

    def _write_header(self, file):
        settings = _settings(self._config)
        metrics = ["cost", "accuracy"]
        name = self._config.run_name
        file.summary(summaries.session_start(settings, metrics, name))
        file.text("run", report.card(settings, report.versions()))
        charts = {
            "RMS of each layer's gradient": "^gradient_rms/",
            "log10 of it (-45: zero)": "^log10_gradient_rms/",
        }
        file.summary(summaries.layout("Gradients, layer by layer", charts))
        file.graph(self._graph)


def _settings(config):
    """The settings that shape the result, not where or whether it is written."""
    aside = {"logdir", "run_name", "overwrite", "histograms", "device"}
    aside |= FIXED[config.network].keys() - {"activation"}
    settings = dataclasses.asdict(config)
    return {name: value for name, value in settings.items() if name not in aside}
