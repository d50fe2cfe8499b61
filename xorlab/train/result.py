"""What is known of a run when it has ended, as `result.json` holds it."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from xorlab.diagnosis import judge
from xorlab.train import report
from xorlab.train.config import Config
from xorlab.train.evidence import evidence_of
from xorlab.train.recorder import Recorder


def result_of(
    config: Config, recorder: Recorder, seconds: Mapping[str, float]
) -> dict[str, Any]:
    """Returns what `xorlab.train.run` does.

    Args:
        config: of the run.
        recorder: of its steps; one at least was logged.
        seconds: what took how long.
    """
    assert recorder.reading is not None
    hypothesis = recorder.reading.activations["last"].ravel().tolist()
    return {
        "config": dataclasses.asdict(config),
        "versions": report.versions(),
        "steps_done": recorder.step,
        "diverged_at": recorder.diverged_at,
        "cost": recorder.cost,
        "accuracy": recorder.accuracy,
        "hypothesis": hypothesis,
        "predicted": [y if math.isnan(y) else float(y > 0.5) for y in hypothesis],
        "gradient_rms": recorder.gradient_rms,
        "accuracy_at_start": recorder.seen[0].accuracy,
        "verdict": judge(evidence_of(config, recorder.seen)).to_dict(),
        "seconds": dict(seconds),
    }
