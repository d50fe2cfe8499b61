"""Cures that were tried: what each changed, and what came of it."""

import dataclasses
import math
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Tried:
    """One change, with which a clone was trained.

    Attributes:
        change: what was changed, in words.
        remedy: its kind, one of `REMEDIES`; empty for the model as it is.
        before: the loss of the first batch, before any update; None if none was made.
        after: the mean loss of the last tenth of the steps.
        steps: how many were made.
        learned: whether the loss fell, or is below that of guessing.
        error: why it could not be trained; empty if it could.
    """

    change: str
    remedy: str = ""
    before: float | None = None
    after: float | None = None
    steps: int = 0
    learned: bool = False
    error: str = ""


def recommended(tried: Sequence[Tried]) -> list[Tried]:
    """Returns the changes that were seen to work, the least loss first.

    Args:
        tried: the model as it is, and then changes of it. Where that learned, too, a
            change has to bring less than half of its loss.
    """
    as_it_is, *changes = tried
    least = math.inf
    if as_it_is.learned and as_it_is.after is not None:
        least = as_it_is.after / 2
    work = [x for x in changes if x.learned and _after(x) < least]
    return sorted(work, key=_after)


def in_words(tried: Sequence[Tried]) -> str:
    """Returns a table of what was tried, and what is recommended.

    >>> print(in_words([Tried("as it is", "", 0.7, 0.7, 9), Tried("relu", "activation",
    ... 0.7, 0.1, 9, learned=True)]))
    change    loss before  loss after  steps  learned
    as it is          0.7         0.7      9  no
    relu              0.7         0.1      9  yes
    What was seen to work: relu.
    """
    width = max(len(x.change) for x in tried)
    lines = [f"{'change':{width}}  loss before  loss after  steps  learned"]
    for x in tried:
        learned = x.error or ("yes" if x.learned else "no")
        lines.append(
            f"{x.change:{width}}  {_number(x.before):>11}  {_number(x.after):>10}  "
            f"{x.steps:5}  {learned}"
        )
    work = recommended(tried)
    if work:
        lines.append(f"What was seen to work: {'; '.join(x.change for x in work)}.")
    elif len(tried) > 1:
        lines.append("None of these changes was seen to work.")
    return "\n".join(lines)


def _after(tried):
    return math.inf if tried.after is None else tried.after


def _number(loss):
    return "" if loss is None else f"{loss:.4g}"
