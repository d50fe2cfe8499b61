"""Networks that are trained apart, as a GAN's two: each is judged by itself."""

import dataclasses
from collections.abc import Collection, Mapping

from xorlab.diagnosis import CAUSES, Evidence, Verdict, judge
from xorlab.diagnosis.finite import finite_steps


def judge_apart(whole: Evidence, trained: Mapping[str, Collection[str]]) -> Verdict:
    """Judges by itself what each optimizer trains, and says it in one verdict.

    No gradient goes from one to the other, so that one's layers may receive a
    thousandth of what the other's do, and be well. Where NaN or infinity begins is
    told of both together.

    Args:
        whole: what was seen of the model.
        trained: the layers that each optimizer has updated, by its name.
    """
    together = judge(whole)
    if finite_steps(whole) < len(whole.steps):
        return together
    verdicts = {name: judge(_part(whole, x, trained)) for name, x in trained.items()}
    findings = [
        dataclasses.replace(finding, why=f"Of what {name} trains: {finding.why}")
        for name, verdict in verdicts.items()
        for finding in verdict.findings
    ]
    findings.sort(key=lambda finding: CAUSES.index(finding.cause))
    is_enough = all(verdict.is_enough for verdict in verdicts.values())
    return Verdict(tuple(findings), is_enough, together.not_seen)


def _part(whole, layers, trained):
    """What was seen of some layers, and of those beside them that nobody trains."""
    networks = {_network(layer) for layer in layers}
    others = set().union(*trained.values()) - set(layers)

    def is_in(layer):
        return layer in layers or (layer not in others and _network(layer) in networks)

    steps = []
    for step in whole.steps:
        seen = {name: x for name, x in step.layers.items() if is_in(name)}
        if seen:
            # Whose loss was told is not known.
            steps.append(dataclasses.replace(step, layers=seen, loss=None))
    facts = [layer for layer in whole.layers if is_in(layer.name)]
    return dataclasses.replace(whole, layers=facts, steps=steps)


def _network(layer):
    """The part of the model that a layer is in."""
    return layer.partition("/")[0]
