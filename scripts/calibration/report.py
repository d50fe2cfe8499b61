"""The tables of a calibration, as Markdown."""

import collections
import pathlib

from calibration import models, networks, thresholds
from calibration.rules import RULES
from calibration.scores import Score, confusion, share, table
from xorlab import provenance
from xorlab.diagnosis import judge

# Of the XOR networks for choosing, every so many-th: judging takes a while.
_SOME = 16


def report(out: pathlib.Path, quick: bool, command: str) -> str:
    """Judges all that a folder holds; returns the tables."""
    versions = provenance.stated(provenance.versions(("tensorflow", "keras", "numpy")))
    return "\n\n".join(
        [
            "# How far the verdict can be trusted",
            f"Written by `{command}`: {versions}, on {provenance.machine()}, commit "
            f"{provenance.commit()}.",
            "An alarm is a finding in what was seen of the first part of training; a "
            "failure is a network that has not learned at its end. Intervals are "
            "Wilson's, of 95%. Thresholds were compared on one half of the seeds; all "
            "else is of the other half.",
            *_of_networks(out, quick),
            *_of_models(out, quick),
        ]
    )


def _of_networks(out, quick):
    scores = collections.defaultdict(Score)
    causes = collections.Counter()
    choosing, number = [], 0
    for seed, failed, evidence in networks.judged(out, quick):
        number += 1
        if seed % 2 == 0:
            if number % _SOME == 1 or quick:
                choosing.append((failed, evidence))
            continue
        for name, rule in RULES.items():
            scores[name].add(failed, rule(evidence))
        causes[judge(evidence).cause, failed] += 1
    yield f"## {number:,} XOR networks"
    yield (
        f"All combinations of {', '.join(networks.ACTIVATIONS)}; depths "
        f"{', '.join(map(str, networks.DEPTHS))}; starts {', '.join(networks.STARTS)}; "
        "and rates of SGD (1e-5, 0.1, 5) and Adam (1e-8, 0.003, 0.3). Seen were steps "
        f"{', '.join(map(str, networks.LOOKS))} of {networks.STEPS:,}."
    )
    yield table(scores)
    lines = ["| verdict | failed | learned |", "| --- | --- | --- |"]
    for cause in sorted({cause for cause, _ in causes}):
        lines.append(f"| {cause} | {causes[cause, True]} | {causes[cause, False]} |")
    yield "\n".join(lines)
    yield "Recall / false alarms for other thresholds, on seeds for choosing:"
    yield thresholds.table(choosing)


def _of_models(out, quick):
    scores = collections.defaultdict(Score)
    pairs, choosing, worked, wrong = [], [], [], []
    number = 0
    for case, failed, evidence, advice in models.judged(out, quick):
        number += 1
        if advice is not None:
            worked.append(advice)
        if not (quick or models.is_reported(case)):
            choosing.append((failed, evidence))
            continue
        for name, rule in RULES.items():
            scores[name].add(failed, rule(evidence))
        cause = judge(evidence).cause
        if case.sick and failed:
            pairs.append((case.sick, cause))
        if failed != (cause not in ("healthy", "undecided")):
            wrong.append(
                f"- {_described(case)}: {'failed' if failed else 'learned'}, "
                f"verdict {cause}"
            )
    right = sum(
        named == planted or named in models.ALSO_RIGHT.get(planted, ())
        for planted, named in pairs
    )
    of = len(models.cases(quick))
    yield f"## {number} Keras models" + (f" of {of}" if number < of else "")
    yield (
        f"On scikit-learn's {', '.join(models.TASKS)}: {len(models.HEALTHY)} healthy "
        f"kinds and {len(models.SICK)} with a planted cause. Seen were {models.SEEN} "
        f"of {models.STEPS} steps. Learned has what makes half of the way from the "
        "largest class to all rows right."
    )
    yield table(scores)
    yield (
        f"The planted cause was named: {share(right, len(pairs))} that failed. The "
        "advice of the first finding made the network learn, in "
        f"{4 * models.SEEN} steps: {share(sum(worked), len(worked))}."
    )
    yield confusion(pairs)
    yield "Where the verdict was wrong:"
    yield "\n".join(wrong) or "nowhere."
    if choosing:
        yield "Recall / false alarms for other thresholds, on seeds for choosing:"
        yield thresholds.table(choosing)


def _described(case):
    arguments = ", ".join(f"{name} {value}" for name, value in case.arguments)
    kind, rate = case.optimizer
    planted = case.sick or "healthy"
    return f"{planted}: {case.family} {arguments} on {case.task}, {kind} {rate:g}"
