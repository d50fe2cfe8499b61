"""From evidence to the verdict: all rules, in the order of cause."""

from collections.abc import Callable

from xorlab.diagnosis.evidence import Evidence
from xorlab.diagnosis.findings import CAUSES, Finding, Verdict, named
from xorlab.diagnosis.finite import not_finite
from xorlab.diagnosis.flow import vanishing

RULES: tuple[Callable[[Evidence], Finding | None], ...] = (not_finite, vanishing)


def judge(evidence: Evidence) -> Verdict:
    """Says what is wrong with a network, as far as the evidence tells.

    Args:
        evidence: what was measured; what was not may be left out.
    """
    found = (rule(evidence) for rule in RULES)
    findings = [finding for finding in found if finding is not None]
    findings.sort(key=lambda x: CAUSES.index(x.cause))
    return Verdict(tuple(findings), len(evidence.steps) > 1, _not_seen(evidence))


def _not_seen(evidence):
    unseen = [x.name for x in evidence.layers if x.is_trainable and not x.is_watched]
    if not unseen:
        return ()
    return (f"Not watched, and so not judged: {named(unseen)}.",)
