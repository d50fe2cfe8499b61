"""What is read of one folder: of a lecture run, a sweep or the callback's."""

import csv
import dataclasses
import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from xorlab.eventlog.reading import Log, read
from xorlab.train import report

# Endings of the tags of histograms, by what they are of.
_KINDS = {"weights": "kernel/weight", "activations": "activation"}
_KINDS["gradients"] = "kernel/gradient"
_FOUND = re.compile(r"_at_\d+$")  # Ends the name of a cause that a sweep has counted.


@dataclasses.dataclass
class Recorded:
    """A run, a sweep or a training, in what a page shows of it.

    Attributes:
        name: what tells it from those beside it: its folder's, if that does.
        facts: settings and numbers, by name.
        words: what came of it.
        curves: numbers by step, by line, by subject: `cost`, `accuracy`; by epoch where
            that begins with `epoch_`, as Keras calls them.
        gradients: gradient RMS by layer, by step.
        histograms: rows `[K, 3]` of the last step by layer, by kind.
        images: PNG files by caption.
        rows: of a table, its head first.
    """

    name: str
    facts: dict[str, Any]
    words: str = ""
    curves: dict[str, dict[str, dict[int, float]]] = dataclasses.field(
        default_factory=dict
    )
    gradients: Mapping[int, Mapping[str, float]] = dataclasses.field(
        default_factory=dict
    )
    histograms: dict[str, dict[str, np.ndarray]] = dataclasses.field(
        default_factory=dict
    )
    images: dict[str, bytes] = dataclasses.field(default_factory=dict)
    rows: list[list[str]] = dataclasses.field(default_factory=list)

    def gradients_at_ends(self) -> dict[int, Mapping[str, float]]:
        """Gradients at the first and the last step that was logged."""
        ends = min(self.gradients), max(self.gradients)
        return {step: self.gradients[step] for step in ends}


def recorded(folder: pathlib.Path, name: str = "") -> Recorded:
    """Reads a folder.

    Args:
        folder: of a run, of a sweep or of the callback's logs.
        name: of what was recorded; if empty, the folder's.

    Raises:
        ValueError: nothing that was recorded is in it, or can be read.
    """
    name = name or folder.resolve().name
    if (folder / "summary.csv").is_file():
        return _sweep(folder, name)
    if (folder / "result.json").is_file():
        return _lecture_run(folder, name)
    if any(folder.glob("train/*tfevents*")):
        return _training(folder, name)
    if any(folder.glob("*tfevents*")):
        return _of_log(name, _read(folder))
    raise ValueError(
        "run: expected the folder of a run, of a sweep or of the callback's logs; "
        f"received {str(folder)!r}, which has no result.json, no summary.csv and no "
        "event files; name one that a command here has printed"
    )


def _read(folder):
    log = read(folder)
    if log == Log():
        raise ValueError(
            "run: expected event files that hold numbers; received those of "
            f"{str(folder)!r}, of which nothing can be read; train again"
        )
    return log


def _lecture_run(folder, name):
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    log = _read(folder)
    settings = ("network", "activation", "depth", "initializer", "seed")
    run = _of_log(name, log)
    run.facts = {name: result["config"][name] for name in settings}
    run.facts |= {name: result[name] for name in ("steps_done", "cost", "accuracy")}
    if "verdict" in result and None not in result["predicted"]:
        run.words = report.verdict(result, with_table=False)
        run.rows = _table(report.tried(result))
    return run


def _table(tried):
    head = ["change", "loss before", "loss after", "steps", "learned"]
    rows = []
    for x in tried:
        learned = x.error or ("yes" if x.learned else "no")
        losses = map(_spelled, (x.before, x.after))
        rows.append([x.change, *losses, str(x.steps), learned])
    return [head, *rows] if rows else []


def _spelled(loss):
    return "" if loss is None else f"{loss:.4g}"


def _of_log(name, log):
    """What any event file shows."""
    curves = {
        tag: {name: numbers}
        for tag, numbers in log.scalars.items()
        if tag in ("cost", "accuracy") or tag.startswith("epoch_")
    }
    curves.pop("epoch_learning_rate", None)
    images = {
        tag.partition("/")[2]: by_step[max(by_step)]
        for tag, by_step in log.images.items()
        # The first two are drawn of the numbers, beside those of other runs.
        if tag.startswith("pictures/") and tag[9] not in "12"
    }
    verdicts = [x for tag, x in log.texts.items() if tag.startswith("verdict")]
    gradients = log.layers("gradient_rms")
    return Recorded(
        name,
        {"last logged step": max(gradients, default="none")},
        "\n\n".join(by_step[max(by_step)].replace("**", "") for by_step in verdicts),
        curves,
        gradients,
        _histograms(log),
        images,
    )


def _histograms(log):
    return {
        kind: {
            tag.removesuffix(f"/{ending}"): by_step[max(by_step)]
            for tag, by_step in log.histograms.items()
            if tag.endswith(f"/{ending}")
        }
        for kind, ending in _KINDS.items()
    }


def _training(folder, name):
    """The callback's folder: Keras writes what it validates beside what it trains."""
    training = _of_log(name, _read(folder / "train"))
    validation = _of_log(f"{name}, validation", read(folder / "validation"))
    for subject, lines in validation.curves.items():
        training.curves.setdefault(subject, {}).update(lines)
    for subject, lines in training.curves.items():
        numbers = lines.get(name)
        if numbers:
            training.facts[subject.removeprefix("epoch_")] = numbers[max(numbers)]
    return training


def _sweep(folder, name):
    with open(folder / "summary.csv", newline="", encoding="utf-8") as file:
        head, *cells = csv.reader(file)
    grid = json.loads((folder / "grid.json").read_text(encoding="utf-8"))
    facts = {"cells": len(cells), "networks a cell": grid["seeds"]}
    facts["steps"] = grid["steps"]
    table = []
    for title, column in zip(head, zip(*cells, strict=True), strict=True):
        if len(set(column)) > 1:
            table.append([title, *map(_shortened, column)])
        # Causes that were found in no network are left out.
        elif not (_FOUND.search(title) and column[0] == "0"):
            facts[title] = column[0]
    rows = list(map(list, zip(*table, strict=True)))
    images = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.png"))}
    return Recorded(name, facts, images=images, rows=rows)


def _shortened(cell):
    """A number with four digits, where it has more."""
    is_long = re.fullmatch(r"-?\d+\.\d{4,}(e[-+]\d+)?", cell)
    return f"{float(cell):.4g}" if is_long else cell
