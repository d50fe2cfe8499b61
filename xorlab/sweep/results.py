"""Writes what a finished sweep found, in the memory of one chunk."""

import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from xorlab.diagnosis import CAUSES
from xorlab.files import write_atomically, writing_atomically
from xorlab.sweep.grid import Cell
from xorlab.sweep.plan import Chunk, chunks
from xorlab.sweep.statistics import medians, wilson
from xorlab.sweep.store import Store
from xorlab.work.tables import as_csv, as_markdown, as_text

Result = Mapping[str, np.ndarray]


def network_columns(chunk: Chunk, result: Result) -> dict[str, np.ndarray]:
    """Returns the columns of `networks.csv`, a row a network.

    `solved_at` is -1 where `solved` is false; gradients are RMS over a layer. Where
    networks are diagnosed, `<cause>_at_<step>` says whether a cause of
    `xorlab.diagnosis.CAUSES` was found, by what was seen up to that step.
    """
    settings = dataclasses.asdict(chunk.cell)
    start, end = result["gradient_rms_start"], result["gradient_rms_end"]
    return {
        **{name: np.full(chunk.networks, value) for name, value in settings.items()},
        "seed": chunk.first_seed + np.arange(chunk.networks),
        **{
            name: result[name]
            for name in ("cost", "accuracy", "solved", "diverged", "solved_at")
        },
        "gradient_first_start": start[:, 0],
        "gradient_last_start": start[:, -1],
        "gradient_first_end": end[:, 0],
        "gradient_last_end": end[:, -1],
        **_found(chunk, result),
    }


def _found(chunk, result):
    """Whether a cause was found in a network, by cause and step: `dead_at_100`."""
    return {
        f"{cause}_at_{step}": result["found"][:, row, column]
        for row, step in enumerate(chunk.diagnose_at)
        for column, cause in enumerate(CAUSES)
    }


@dataclasses.dataclass(frozen=True)
class Summary:
    """What is said of one cell: a row of `summary.csv`.

    Attributes:
        cell: its settings.
        n: networks.
        solved, diverged: how many of them.
        low, high: Wilson's 95% interval of the share solved.
        solved_at: median over those that solved it; NaN if none did.
        gradient_ratio: median over networks of the first layer's gradient RMS by the
            last's, before training; NaN if it is undefined for all.
        gradient_rms_start, gradient_rms_end: medians by layer, input first.
        found: in how many a cause was found, by cause, by the step that it was judged
            at; all causes.
    """

    cell: Cell
    n: int
    solved: int
    diverged: int
    low: float
    high: float
    solved_at: float
    gradient_ratio: float
    gradient_rms_start: tuple[float, ...]
    gradient_rms_end: tuple[float, ...]
    found: Mapping[int, Mapping[str, int]] = dataclasses.field(default_factory=dict)

    @property
    def share(self) -> float:
        """Share of the networks that solved it."""
        return self.solved / self.n

    def row(self) -> dict[str, Any]:
        """Returns the cell's row of `summary.csv`, but for what was found."""
        return {
            **dataclasses.asdict(self.cell),
            "n": self.n,
            "solved": self.solved,
            "share": self.share,
            "low": self.low,
            "high": self.high,
            "diverged": self.diverged,
            "median_solved_at": self.solved_at,
            "median_gradient_ratio_start": self.gradient_ratio,
        }

    def counts(self) -> dict[str, int]:
        """Returns the rest of that row: how many networks are `dead_at_100`, …"""
        return {
            f"{cause}_at_{step}": number
            for step, counts in self.found.items()
            for cause, number in counts.items()
        }


def summarise(store: Store) -> Iterator[Summary]:
    """Yields a summary of every cell of a finished sweep."""
    for cell, members in itertools.groupby(chunks(store.grid), lambda c: c.cell):
        group = list(members)
        diagnose_at = store.grid.diagnose_at
        yield _summary(cell, lambda group=group: map(store.get, group), diagnose_at)


def _summary(cell, results, diagnose_at):
    n = solved = diverged = 0
    found = np.zeros([len(diagnose_at), len(CAUSES)], int)
    for result in results():
        n += len(result["solved"])
        solved += int(result["solved"].sum())
        diverged += int(result["diverged"].sum())
        if diagnose_at:
            found += result["found"].sum(axis=0)
    at, ratio, *rms = medians(lambda: map(_to_summarise, results())).tolist()
    low, high = wilson(solved, n)
    start, end = tuple(rms[: cell.depth]), tuple(rms[cell.depth :])
    counts = (dict(zip(CAUSES, row, strict=True)) for row in found.tolist())
    by_step = dict(zip(diagnose_at, counts, strict=True))
    return Summary(cell, n, solved, diverged, low, high, at, ratio, start, end, by_step)


def _to_summarise(result):  # -> [n, 2 + 2 * depth]
    start, end = result["gradient_rms_start"], result["gradient_rms_end"]
    solved_at = np.where(result["solved"], result["solved_at"], np.nan)
    last = start[:, -1]
    defined = (last > 0) & np.isfinite(last)
    ratio = np.divide(start[:, 0], last, where=defined, out=np.full(len(last), np.nan))
    return np.column_stack([solved_at, ratio, start, end]).astype(np.float32)


def write_networks(store: Store) -> None:
    """Writes `networks.csv`."""
    with writing_atomically(store.out / "networks.csv") as file:
        for chunk in chunks(store.grid):
            columns = network_columns(chunk, store.get(chunk))
            if chunk.number == 0:
                file.write(as_csv([columns]))
            at = columns["solved_at"]
            columns["solved_at"] = np.where(at < 0, "nan", at.astype(str))
            cells = [map(as_text, column.tolist()) for column in columns.values()]
            file.write(as_csv(zip(*cells, strict=True)))


def write_summary(
    store: Store, summaries: list[Summary], about: Mapping[str, str]
) -> None:
    """Writes `summary.csv`, `gradients.csv` and `summary.md`.

    Args:
        store: of a finished sweep.
        summaries: of its cells.
        about: what the head of `summary.md` states, by name.
    """
    rows = [summary.row() | summary.counts() for summary in summaries]
    table = [[as_text(value) for value in row.values()] for row in rows]
    write_atomically(store.out / "summary.csv", as_csv([rows[0], *table]))

    layers = [
        [*dataclasses.astuple(summary.cell), layer, start, end]
        for summary in summaries
        for layer, (start, end) in enumerate(
            zip(summary.gradient_rms_start, summary.gradient_rms_end, strict=True), 1
        )
    ]
    names = [field.name for field in dataclasses.fields(Cell)]
    head = [*names, "layer", "median_gradient_rms_start", "median_gradient_rms_end"]
    table = [[as_text(value) for value in row] for row in layers]
    write_atomically(store.out / "gradients.csv", as_csv([head, *table]))

    write_atomically(store.out / "summary.md", _markdown(summaries, about).encode())


def write_timing(store: Store) -> None:
    """Writes `timing.json`: where the time went, cell by cell, restarts included."""
    cells = []
    for cell, group in itertools.groupby(chunks(store.grid), lambda c: c.cell):
        seconds = {"compile_seconds": 0.0, "train_seconds": 0.0}
        for result in map(store.get, group):
            for phase in seconds:
                seconds[phase] += float(result[phase])
        cells.append(
            {
                **dataclasses.asdict(cell),
                "networks": store.grid.seeds,
                **seconds,
            }
        )
    timing = {
        "networks": store.grid.networks,
        "steps": store.grid.steps,
        "cells": cells,
    }
    text = json.dumps(timing, indent=1) + "\n"
    write_atomically(store.out / "timing.json", text.encode())


def _markdown(summaries, about):
    lines = ["# How often the networks solve XOR", ""]
    lines += [f"- {name}: {value}" for name, value in about.items()]
    lines += [
        "",
        "`share` is the share solved, `low` to `high` its 95% interval (Wilson). "
        "Gradients are RMS over a layer.",
        "",
        *as_markdown([summary.row() for summary in summaries]),
    ]
    rows = _rows_of_found(summaries)
    if rows:
        lines += [
            "",
            "In how many networks the verdict found a cause, by what was seen up to a "
            "step; a cause that is not here was found in none.",
            "",
            *as_markdown(rows),
        ]
    return "\n".join(lines) + "\n"


def _rows_of_found(summaries):
    """A row a cell and step: the numbers of all causes that were found anywhere."""
    counts = [(x.cell, *pair) for x in summaries for pair in x.found.items()]
    named = [c for c in CAUSES if any(found[c] for _, _, found in counts)]
    return [
        {**dataclasses.asdict(cell), "step": step, **{c: found[c] for c in named}}
        for cell, step, found in counts
    ]
