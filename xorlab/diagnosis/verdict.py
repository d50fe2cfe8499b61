"""From evidence to the verdict: all rules, in the order of cause."""

import dataclasses
import itertools
from collections.abc import Callable

from xorlab.diagnosis import flow, output, rate, units
from xorlab.diagnosis.collapse import collapsed
from xorlab.diagnosis.connection import constant, disconnected
from xorlab.diagnosis.evidence import Evidence
from xorlab.diagnosis.findings import CAUSES, UNDECIDED, Finding, Verdict, named
from xorlab.diagnosis.finite import diverged, finite_steps, not_finite
from xorlab.diagnosis.progress import has_had_time, has_moved, has_seen_many, learns

_Rule = Callable[[Evidence], Finding | None]
OF_FINITE: tuple[_Rule, ...] = (not_finite, diverged)
RULES: tuple[_Rule, ...] = (
    output.misfit,
    output.labels,
    output.targets,
    output.inputs,
    disconnected,
    constant,
    flow.start,
    units.dead,
    flow.vanishing,
    flow.exploding,
    flow.too_large_scores,
    rate.too_large,
    units.saturated,
    collapsed,
    rate.too_small,
)
# Causes that a network may overcome, as many public ones do in their first steps.
_MAY_PASS = ("input", "start", "vanishing", "exploding")
# Causes that hold, or do not, whatever the loss does.
_APART_FROM_LOSS = ("not_finite", "overflow", "disconnected", "constant", "diverged")


def judge(evidence: Evidence) -> Verdict:
    """Says what is wrong with a network, as far as the evidence tells.

    Args:
        evidence: what was measured; what was not may be left out.
    """
    found = [rule(evidence) for rule in OF_FINITE]
    # What comes of NaN says nothing more, not even where it is zero.
    finite = finite_steps(evidence)
    if finite < len(evidence.steps):
        evidence = dataclasses.replace(evidence, steps=evidence.steps[:finite])
    found += [rule(evidence) for rule in RULES]
    # One of each cause: several rules may find the same one.
    by_cause = {x.cause: x for x in reversed(found) if x is not None}
    findings = sorted(by_cause.values(), key=lambda x: CAUSES.index(x.cause))
    if len(findings) > 1:
        # No rate moves weights that get no gradient.
        findings = [x for x in findings if x.cause != "rate_too_small"]
    gets_anywhere = learns(evidence)
    is_enough = has_seen_many(evidence) if gets_anywhere is None else gets_anywhere
    is_enough = is_enough and not flow.may_only_guess(evidence)
    return Verdict(tuple(findings), is_enough, _not_seen(evidence))


def settled(verdict: Verdict, evidence: Evidence) -> Verdict:
    """Leaves out what the first steps of a network that learns may show, too.

    And what may follow from that.

    Args:
        verdict: that of the evidence.
        evidence: of a training that goes on.
    """
    if has_had_time(evidence):
        return verdict
    sure = itertools.takewhile(lambda x: x.cause not in _MAY_PASS, verdict.findings)
    return dataclasses.replace(verdict, findings=tuple(sure))


def still_holds(
    said: Verdict, then: Evidence, verdict: Verdict, evidence: Evidence
) -> bool:
    """Whether what was said is not to be taken back for another verdict.

    Where the loss hovers about that of guessing, rules find one thing and another in
    turn. So it has to have moved since, or what is found has to come before what was
    said.

    Args:
        said: the verdict that was told.
        then: the evidence by which it was found last.
        verdict, evidence: those of now.
    """
    was, now = said.cause, verdict.cause
    if was in (UNDECIDED, now) or {was, now} & set(_APART_FROM_LOSS):
        return False
    if said.findings and verdict.findings and CAUSES.index(now) < CAUSES.index(was):
        return False
    return not has_moved(then, evidence)


def _not_seen(evidence):
    layers = evidence.layers
    unwatched = [x.name for x in layers if x.is_trainable and not x.is_watched]
    # The gradient of a recurrent layer's weights adds up those of all time steps, so it
    # looks well where the first ones add next to nothing (Bengio, Simard & Frasconi
    # 1994).
    recurrent = [x.name for x in layers if x.is_recurrent and x.is_watched]
    words = []
    if unwatched:
        words.append(f"Not watched, and so not judged: {named(unwatched)}.")
    if recurrent:
        words.append(
            f"The gradient through time inside {named(recurrent)} is not seen: it may "
            "vanish on its way to the first time steps though nothing says so."
        )
    return tuple(words)
