"""Writing what steps did."""

import math
import warnings
from collections.abc import Mapping

import numpy as np

from xorlab.diagnosis import judge_layers
from xorlab.monitor import StepReport
from xorlab.summaries import EventLog


class ReportLog:
    """Writes reports of steps, and the verdict on the last.

    Args:
        log: where to.
        activations: write those of the layers, too.
    """

    def __init__(self, log: EventLog, activations: bool):
        self._log = log
        self._activations = activations
        self._last = None
        self._has_warned = False

    def write(self, report: StepReport, scalars: Mapping[str, float]):
        """Writes a report; warns of the first one with gradients that are not finite.

        Args:
            report: what the step did.
            scalars: more of them by tag.
        """
        self._last = report
        tags = [f"{path}/gradient" for path in report.weights]
        tags += [f"{path}/weight" for path in report.weights]
        if self._activations:
            tags += [f"{name}/activation" for name in report.layers]
        counts = report.counts[: len(tags)]
        self._log.write(report.step, _scalars(report) | scalars, tags, counts)
        lost = report.gradients_not_finite()
        if lost.any() and not self._has_warned:
            self._has_warned = True
            worst = int(np.argmax(lost))
            warnings.warn(
                f"step {report.step}: {int(lost[worst])} entries of the gradient of "
                f"{report.weights[worst]} are NaN or infinite",
                stacklevel=2,
            )

    def judge(self):
        """Writes the verdict on the last report, if it has none yet."""
        report, self._last = self._last, None
        if report is not None:
            lost = report.by_layer(report.gradients_not_finite())
            verdict = judge_layers(report.gradient_rms(), lost)
            self._log.text("verdict", verdict, report.step)


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
