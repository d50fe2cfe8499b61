"""Writing what steps did."""

import atexit
import math
import time
import warnings
from collections.abc import Callable, Mapping

import numpy as np

from xorlab.diagnosis import judge_layers
from xorlab.monitor import StepReport
from xorlab.summaries import EventLog

# Reports of short steps are written many at once: one by one, each would find the
# processor's caches full of other things, and take twice as long.
_MOST_WAITING = 16
_LONGEST_WAIT = 1.0  # Seconds.


class ReportLog:
    """Writes reports of steps, with the verdict on the last.

    A report waits for others for up to a second of training, or for `flush`; what
    waits when the program ends, by an error too, is written then.

    Args:
        log: where to.
        activations: write those of the layers, too.
    """

    def __init__(self, log: EventLog, activations: bool):
        self._log = log
        self._activations = activations
        self._waiting = []
        self._wrote_at = time.monotonic()
        self._last = None
        self._has_warned = False
        atexit.register(self._write)

    def add(self, make_report: Callable[[], StepReport], scalars: Mapping[str, float]):
        """Writes a report, soon or now.

        Args:
            make_report: makes it.
            scalars: more of them by tag.
        """
        self._waiting.append((make_report, scalars))
        waited = time.monotonic() - self._wrote_at
        if len(self._waiting) == _MOST_WAITING or waited > _LONGEST_WAIT:
            self._write()

    def flush(self):
        """Writes all reports that wait, and the verdict on the last, once."""
        self._write()
        if self._last is not None:
            report, self._last = self._last, None
            lost = report.by_layer(report.gradients_not_finite())
            verdict = judge_layers(report.gradient_rms(), lost)
            self._log.text("verdict", verdict, report.step)

    def close(self):
        """Flushes for the last time."""
        self.flush()
        atexit.unregister(self._write)

    def _write(self):
        waiting, self._waiting = self._waiting, []
        for make_report, scalars in waiting:
            report = self._last = make_report()
            tags = [f"{path}/gradient" for path in report.weights]
            tags += [f"{path}/weight" for path in report.weights]
            if self._activations:
                tags += [f"{name}/activation" for name in report.layers]
            counts = report.counts[: len(tags)]
            self._log.write(report.step, _scalars(report) | scalars, tags, counts)
            self._warn_of_lost(report)
        self._log.flush()
        self._wrote_at = time.monotonic()

    def _warn_of_lost(self, report):
        lost = report.gradients_not_finite()
        if lost.any() and not self._has_warned:
            self._has_warned = True
            worst = int(np.argmax(lost))
            warnings.warn(
                f"step {report.step}: {int(lost[worst])} entries of the gradient of "
                f"{report.weights[worst]} are NaN or infinite",
                stacklevel=2,
            )


def _scalars(report):
    scalars = {
        "gradient_norm": math.sqrt(np.sum(report.gradient_norms**2)),
        "gradient_not_finite": float(report.gradients_not_finite().sum()),
    }
    for layer, rms in report.gradient_rms().items():
        scalars[f"gradient_rms/{layer}"] = rms
    weights = report.by_layer(report.weight_norms**2)
    for layer, change in report.by_layer(report.change_norms**2).items():
        # A layer of zeros has no ratio.
        ratio = math.sqrt(change / weights[layer]) if weights[layer] else math.nan
        scalars[f"update_ratio/{layer}"] = ratio
    return scalars
