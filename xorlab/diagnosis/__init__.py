"""The verdict: why a network does not learn, in words.

Enters: numbers of a network, as a log holds them.
Leaves: sentences.
Imports: nothing.
"""

from xorlab.diagnosis.evidence import Evidence, LayerFacts, LayerStep, StepEvidence
from xorlab.diagnosis.findings import (
    CAUSES,
    REMEDIES,
    Finding,
    Threshold,
    Verdict,
)
from xorlab.diagnosis.gradients import (
    EXPLODING,
    STANDING_STILL,
    VANISHING,
    first_to_last,
    judge_gradients,
    judge_layers,
    judge_recurrent,
)
from xorlab.diagnosis.outcome import judge_outcome
from xorlab.diagnosis.units import judge_units
from xorlab.diagnosis.verdict import judge

__all__ = [
    "CAUSES",
    "EXPLODING",
    "REMEDIES",
    "STANDING_STILL",
    "VANISHING",
    "Evidence",
    "Finding",
    "LayerFacts",
    "LayerStep",
    "StepEvidence",
    "Threshold",
    "Verdict",
    "first_to_last",
    "judge",
    "judge_gradients",
    "judge_layers",
    "judge_outcome",
    "judge_recurrent",
    "judge_units",
]


def __dir__() -> list[str]:
    return __all__
