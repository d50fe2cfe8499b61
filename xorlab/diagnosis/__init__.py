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
from xorlab.diagnosis.tried import Tried, recommended
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
    "Tried",
    "Verdict",
    "judge",
    "recommended",
]


def __dir__() -> list[str]:
    return __all__
