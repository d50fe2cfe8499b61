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
            "Wilson's, of 95%. Rules and thresholds were chosen on one half of the "
            "seeds (even ones of XOR networks, odd ones of Keras models), where "
            "thresholds are compared; all else is of the other half.",
            *_of_networks(out, quick),
            *_of_models(out, quick),
        ]
    )


def _of_networks(out, quick):
    scores = collections.defaultdict(Score)
    causes = collections.Counter()
    wrong = collections.defaultdict(list)
    choosing, number = [], 0
    for cell, seed, failed, evidence in networks.judged(out, quick):
        number += 1
        if not networks.is_reported(seed):
            if number % _SOME == 1 or quick:
                choosing.append((failed, evidence))
            continue
        for name, rule in RULES.items():
            scores[name].add(failed, rule(evidence))
        verdict = judge(evidence)
        causes[verdict.cause, failed] += 1
        if failed != bool(verdict.findings):
            wrong[failed, cell].append((seed, evidence, verdict))
    yield f"## {number:,} XOR networks"
    yield (
        f"All combinations of {', '.join(networks.ACTIVATIONS)}; depths "
        f"{', '.join(map(str, networks.DEPTHS))}; starts {', '.join(networks.STARTS)}; "
        "and rates of SGD (1e-5, 0.1, 5) and Adam (1e-8, 0.003, 0.3). Seen were steps "
        f"{', '.join(map(str, networks.LOOKS))} of {networks.STEPS:,}."
    )
    yield table(scores)
    yield _aims(scores)
    lines = ["| verdict | failed | learned |", "| --- | --- | --- |"]
    for cause in sorted({cause for cause, _ in causes}):
        lines.append(f"| {cause} | {causes[cause, True]} | {causes[cause, False]} |")
    yield "\n".join(lines)
    yield from _kinds(wrong)
    yield "Recall / false alarms for other thresholds, on seeds for choosing:"
    yield thresholds.table(choosing)


def _kinds(wrong):
    """The settings with the most false alarms, and the most failures unheard."""
    for failed, word in ((False, "learned after an alarm"), (True, "failed unheard")):
        of_word = {cell: each for (x, cell), each in wrong.items() if x == failed}
        if not of_word:
            continue
        cell, each = max(of_word.items(), key=lambda item: len(item[1]))
        seed, evidence, verdict = each[0]
        yield (
            f"Of the networks that {word}, {len(each)} of "
            f"{sum(map(len, of_word.values()))} are {cell.activation}, depth "
            f"{cell.depth}, {cell.initializer}, {cell.optimizer} at "
            f"{cell.learning_rate:g}. One of them, seed {seed}: {_seen(evidence)}. "
            f"Its verdict: {verdict.line()}"
        )


def _seen(evidence):
    """The losses of four steps that were seen, with the first and the last."""
    losses = evidence.losses
    if not losses:
        return "no loss was seen"
    rows = dict.fromkeys(round(part * (len(losses) - 1) / 3) for part in range(4))
    told = [losses[row] for row in rows]
    return f"loss {' → '.join(f'{x:.4g}' for x in told)}"


def _aims(scores):
    score = scores["xorlab's verdict"]
    missed = [
        name
        for name, is_reached in (
            ("precision", score.right >= 0.95 * (score.right + score.false)),
            ("recall", score.right >= 0.90 * (score.right + score.missed)),
            ("false alarms", score.false <= 0.02 * (score.false + score.quiet)),
        )
        if not is_reached
    ]
    return (
        "Aimed at: precision of 0.95 and recall of 0.90 at the least, false alarms of "
        f"0.02 at the most; not reached: {', '.join(missed) or 'none'}."
    )


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
                f"verdict {cause}; {_seen(evidence)}"
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
    yield _aims(scores)
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
