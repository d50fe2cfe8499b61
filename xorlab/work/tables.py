"""How all result files write a table."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np


def as_csv(rows: Iterable[Iterable]) -> bytes:
    """Returns rows of texts as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def as_text(value: Any) -> str:
    """Spells a value: floats to float32's nine digits.

    >>> as_text(0.1), as_text(True), as_text("relu")
    ('0.1', '1', 'relu')
    """
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return f"{value:.9g}"
    return str(value)


def as_markdown(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the lines of a table; the columns are the keys of the first row.

    >>> print(*as_markdown([{"depth": 2, "share": 1 / 3}]), sep="\\n")
    | depth | share |
    | --- | --- |
    | 2 | 0.3333 |
    """
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + " --- |" * len(rows[0])]
    for row in rows:
        cells = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()]
        lines.append("| " + " | ".join(cells) + " |")
    return lines
