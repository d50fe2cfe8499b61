"""How often who is right, with 95% intervals."""

import collections
import dataclasses
from collections.abc import Iterable, Mapping

from xorlab.sweep.statistics import wilson


@dataclasses.dataclass
class Score:
    """Failures and alarms, counted."""

    right: int = 0  # An alarm, and it failed.
    false: int = 0  # An alarm, and it learned.
    missed: int = 0
    quiet: int = 0  # It learned, and nobody said a word.

    def add(self, failed: bool, alarm: bool) -> None:
        if failed:
            self.right, self.missed = self.right + alarm, self.missed + (not alarm)
        else:
            self.false, self.quiet = self.false + alarm, self.quiet + (not alarm)

    def row(self) -> str:
        """Precision, recall and false alarms among those that learned."""
        cells = (
            (self.right, self.right + self.false),
            (self.right, self.right + self.missed),
            (self.false, self.false + self.quiet),
        )
        return " | ".join(share(*cell) for cell in cells)


def share(part: int, whole: int) -> str:
    """Spells a share with its interval.

    >>> share(95, 100)
    '0.950 (0.89–0.98), 95 of 100'
    """
    if not whole:
        return "none"
    low, high = wilson(part, whole)
    return f"{part / whole:.3f} ({low:.2f}–{high:.2f}), {part} of {whole}"


def table(scores: Mapping[str, Score]) -> str:
    """Returns a line for each rule."""
    lines = [
        "| | precision | recall | false alarms, of those that learned |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| {name} | {score.row()} |" for name, score in scores.items()]
    return "\n".join(lines)


def confusion(pairs: Iterable[tuple[str, str]]) -> str:
    """Returns a table of planted causes by what the verdict named."""
    counts = collections.Counter(pairs)
    planted = sorted({a for a, _ in counts})
    named = sorted({b for _, b in counts})
    lines = [
        "| planted \\ named | " + " | ".join(named) + " |",
        "|" + " --- |" * (len(named) + 1),
    ]
    for row in planted:
        cells = [str(counts[row, column] or "") for column in named]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
