"""What a table's comparisons say in words: of what was claimed, then of all."""

import itertools
from collections.abc import Callable, Iterator

from xorlab.images.summary import Pair, Summary
from xorlab.models.initializers import LSUV


def claims(summaries: list[Summary], compared: list[Pair]) -> list[str]:
    """Says what became of what is said of the original table.

    Only what could be read at its source is held against ours.
    """
    lines = []
    sigmoids = [s for s in summaries if s.activation == "sigmoid"]
    if sigmoids:
        converged = [s.initializer for s in sigmoids if s.has_converged]
        lines.append(
            "- Sigmoid converges from no start (the lecture). Here it does from "
            f"{', '.join(converged) or 'none either'}."
        )
    starts = [pair for pair in _turned(compared, LSUV) if pair.within != "sigmoid"]
    if starts:
        lines.append(
            "- But for sigmoid, networks that start from LSUV end at least as well as "
            "from other starts (Mishkin & Matas 2016, abstract). Here from LSUV:"
        )
        lines += _outcome(starts, lambda pair: f"{pair.within} than from {pair.second}")
    leaky = [
        pair for pair in _turned(compared, "very_leaky_relu") if pair.second == "relu"
    ]
    if leaky:
        lines.append(
            "- Very leaky ReLU is better than ReLU (Mishkin 2015, "
            "github.com/BVLC/caffe/issues/3437). Here it is:"
        )
        lines += _outcome(leaky, lambda pair: f"from {pair.within}")
    if not lines:
        return []
    return [
        "## What is said of CIFAR-10, and what came out here",
        "",
        "In points, with the 95% interval of the mean difference, paired by seed. The "
        "original's figures do not stand beside ours, because they could not be read "
        "at their source.",
        "",
        *lines,
        "",
    ]


def _turned(compared, name):
    """Returns the pairs of which one is `name`, turned so that it is the first."""
    return [
        pair if pair.first == name else pair.turned()
        for pair in compared
        if name in (pair.first, pair.second)
    ]


def _outcome(pairs: list[Pair], named: Callable[[Pair], str]) -> Iterator[str]:
    """Yields in which pairs the first is better, worse, or neither."""
    groups: dict[str, list[str]] = {"better": [], "worse": [], "not told apart": []}
    for pair in pairs:
        word = "better" if pair.difference.mean > 0 else "worse"
        if not pair.difference.is_beyond_chance:
            word = "not told apart"
        mean, low, high = (100 * value for value in pair.difference)
        line = f"{named(pair)} ({mean:+.1f}, {low:+.1f} to {high:+.1f})"
        groups[word].append(line)
    for word, told in groups.items():
        yield f"  - {word}, {len(told)} of {len(pairs)}: {', '.join(told) or 'none'}"


def comparisons(compared: list[Pair]) -> list[str]:
    """Says which cells of each row and column are better than which."""
    beyond = sum(pair.difference.is_beyond_chance for pair in compared)
    lines = [
        "## Compared seed by seed",
        "",
        f"Of {len(compared)} pairs of cells that share an activation or a start, "
        f"{beyond} differ by more than chance: the 95% interval of the mean "
        "difference leaves zero out (Student's, paired by seed; one pair of twenty "
        "would by chance alone). All are in `pairs.csv`; below are those of which "
        "both cells converged, in points.",
        "",
    ]
    for (_, within), members in itertools.groupby(
        compared, lambda pair: (pair.differing, pair.within)
    ):
        lines.append(f"- {within}: {'; '.join(_group(list(members)))}.")
    return [*lines, ""]


def _group(pairs):
    """Says it of the pairs of a row, or of a column."""
    both = [
        pair for pair in pairs if pair.one.has_converged and pair.other.has_converged
    ]
    beyond = [pair for pair in both if pair.difference.is_beyond_chance]
    for pair in sorted(beyond, key=lambda pair: -abs(pair.difference.mean)):
        better = pair if pair.difference.mean > 0 else pair.turned()
        mean, low, high = (100 * value for value in better.difference)
        yield (
            f"{better.first} is better than {better.second} by {mean:.1f} "
            f"({low:.1f} to {high:.1f})"
        )
    alike = [f"{p.first} and {p.second}" for p in both if p not in beyond]
    if alike:
        yield f"not told apart: {', '.join(alike)}"
    cells = {p.first: p.one for p in pairs} | {p.second: p.other for p in pairs}
    failed = [name for name, cell in cells.items() if not cell.has_converged]
    if failed:
        yield f"n/c: {', '.join(failed)}"
