"""What is found, and the verdict that findings make."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from xorlab.diagnosis.tried import Tried, in_words

# In the order of cause: where several hold, the first brings the others about.
CAUSES = (
    "not_finite",
    "overflow",
    "output",
    "labels",
    "input",
    "disconnected",
    "constant",
    "start",
    "dead",
    "vanishing",
    "exploding",
    "rate_too_large",
    "saturated",
    "collapsed",
    "rate_too_small",
    "diverged",
)
HEALTHY, UNDECIDED = "healthy", "undecided"
# Kinds of change that a finding may advise.
REMEDIES = (
    "activation",  # Another one, whose slope does not shrink the gradient.
    "initializer",  # Another one for the weights, or one that depends on the data.
    "normalize",  # Normalisation between the layers.
    "clip",  # Clip the gradient.
    "rate/10",
    "rate*10",
    "output",  # An output layer that fits the loss.
    "loss",  # A loss that fits the output layer, or the labels.
    "labels",
    "inputs",  # Scale them to a mean of 0 and a variance of 1.
    "data",  # Mend it.
)
_MOST_NAMES = 3


class Threshold(NamedTuple):
    """A number beyond which something is found, and where it comes from."""

    value: float
    source: str


@dataclasses.dataclass(frozen=True)
class Finding:
    """One cause that holds.

    Attributes:
        cause: one of `CAUSES`.
        layers: those concerned, in the order of the computation.
        numbers: what was measured, by name.
        threshold: what that was compared with; None where it is no question of size.
        why: a sentence.
        advice: a sentence that says what to do.
        remedies: the kinds of change that it advises, the likeliest first, of
            `REMEDIES`.
    """

    cause: str
    why: str
    advice: str
    layers: Sequence[str] = ()
    numbers: Mapping[str, float] = dataclasses.field(default_factory=dict)
    threshold: Threshold | None = None
    remedies: Sequence[str] = ()

    def __str__(self) -> str:
        return f"{self.why} {self.advice}"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Why a network does not learn; nothing, where all is well.

    Attributes:
        findings: in the order of cause.
        is_enough: whether what was seen is enough to call a network healthy.
        not_seen: what says that something was not watched, in sentences.
        tried: the model as it is, and changes of it, where cures were tried.
    """

    findings: Sequence[Finding] = ()
    is_enough: bool = True
    not_seen: Sequence[str] = ()
    tried: Sequence[Tried] = ()

    @property
    def cause(self) -> str:
        """One of `CAUSES`, or `healthy`, or `undecided`: not enough was seen yet."""
        if self.findings:
            return self.findings[0].cause
        return HEALTHY if self.is_enough else UNDECIDED

    @property
    def causes(self) -> list[str]:
        """Those of all findings, or `healthy`, or `undecided`."""
        return [x.cause for x in self.findings] or [self.cause]

    def line(self) -> str:
        """The first finding, and the causes of those that may follow from it."""
        if not self.findings:
            return self._nothing_found()
        first, *others = self.findings
        causes = ", ".join(x.cause.replace("_", " ") for x in others)
        return f"{first} It may follow from that: {causes}." if others else str(first)

    def words(self) -> str:
        """The first finding, those that may follow from it, and what was not seen.

        And a table of the cures that were tried.
        """
        first, *others = map(str, self.findings or [self._nothing_found()])
        follow = [f"- {each}" for each in others]
        if follow:
            follow.insert(0, "It may follow from that:")
        cures = [in_words(self.tried)] if self.tried else []
        return "\n".join([first, *follow, *self.not_seen, *cures])

    __str__ = words

    def _nothing_found(self):
        if self.is_enough:
            return "Nothing is wrong that can be seen here."
        return "Nothing is found so far, but not enough was seen to call it well."

    def to_dict(self) -> dict[str, Any]:
        """All of it in lists, dicts, text and numbers, as JSON has them."""
        findings = [dataclasses.asdict(each) for each in self.findings]
        for finding in findings:
            finding["layers"] = list(finding["layers"])
            finding["remedies"] = list(finding["remedies"])
            finding["numbers"] = dict(finding["numbers"])
            if finding["threshold"] is not None:
                finding["threshold"] = finding["threshold"]._asdict()
        return {
            "cause": self.cause,
            "findings": findings,
            "not_seen": list(self.not_seen),
            "tried": [dataclasses.asdict(each) for each in self.tried],
        }


def named(layers: Sequence[str]) -> str:
    """Names layers in a sentence: the first of many, and how many more.

    >>> named(["a", "b"]), named(["a", "b", "c", "d", "e"])
    ('a and b', 'a, b, c and 2 more')
    """
    names, last = list(layers[:-1]), layers[-1]
    if len(layers) > _MOST_NAMES + 1:
        names, last = list(layers[:_MOST_NAMES]), f"{len(layers) - _MOST_NAMES} more"
    return f"{', '.join(names)} and {last}" if names else last
