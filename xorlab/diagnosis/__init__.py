"""The verdict: why a network does not learn, in words.

Enters: numbers of a network, as a log holds them.
Leaves: findings, and what they say.
Imports: nothing.
"""

from xorlab.diagnosis.evidence import Evidence, LayerFacts, LayerStep, StepEvidence
from xorlab.diagnosis.findings import (
    CAUSES,
    HEALTHY,
    REMEDIES,
    UNDECIDED,
    Finding,
    Threshold,
    Verdict,
)
from xorlab.diagnosis.flow import VANISHING
from xorlab.diagnosis.gradients import first_to_last, judge_gradients
from xorlab.diagnosis.outcome import judge_outcome
from xorlab.diagnosis.verdict import judge

__all__ = [
    "CAUSES",
    "HEALTHY",
    "REMEDIES",
    "UNDECIDED",
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
    "judge_outcome",
]


def __dir__() -> list[str]:
    return __all__
