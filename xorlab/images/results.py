"""Writes what a finished table found."""

import itertools
import json
import textwrap
from collections.abc import Iterator

import numpy as np

from xorlab import pictures
from xorlab.files import write_atomically
from xorlab.images import words
from xorlab.images.plan import chunks
from xorlab.images.store import PACKAGES, Store
from xorlab.images.summary import (
    CONVERGED,
    Pair,
    Summary,
    Trained,
    pairs,
    summarise,
    verdicts,
)
from xorlab.settings import spelled
from xorlab.work.about import about
from xorlab.work.plan import Chunk
from xorlab.work.tables import as_csv, as_markdown, as_text


def write(store: Store) -> list[Summary]:
    """Writes all files of a finished table; returns a summary a cell."""
    out = store.out
    trained = list(read(store))
    summaries = summarise(trained)
    compared = list(pairs(summaries)) if store.grid.seeds > 1 else []
    rows = [row for each in trained for row in _network_rows(store.grid, each)]
    _write_csv(out / "networks.csv", rows)
    # How long a cell took is told by `timing.json`: it is never the same again.
    cells = [summary.row() for summary in summaries]
    _write_csv(out / "summary.csv", [_without(row, "seconds") for row in cells])
    _write_csv(out / "pairs.csv", [pair.row() for pair in compared])
    text = markdown(store, trained, summaries, compared)
    write_atomically(out / "summary.md", text.encode())
    timing = {
        "networks": store.grid.networks,
        "steps": store.grid.steps,
        "cells": [
            {name: row[name] for name in ("activation", "initializer", "seconds")}
            for row in cells
        ],
    }
    write_atomically(
        out / "timing.json", (json.dumps(timing, indent=1) + "\n").encode()
    )
    figure = pictures.accuracies(summaries)
    pictures.save(figure, out / "accuracies.png")
    return summaries


def read(store: Store) -> Iterator[Trained]:
    """Yields what became of each cell and learning rate, and writes its event file."""
    for cell, group in itertools.groupby(chunks(store.grid), lambda c: c.cell):
        members = list(group)
        results = [store.get(chunk) for chunk in members]
        for chunk, result in zip(members, results, strict=True):
            folder = store.out / "runs" / run_name(chunk)
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / "events.out.tfevents.0.images"
            write_atomically(path, result["events"].tobytes())
        joined = {
            name: np.concatenate([result[name] for result in results])
            for name in ("accuracy", "loss", "diverged")
        }
        yield Trained(
            cell,
            **joined,
            verdict=str(results[0]["verdict"]),
            seconds=float(sum(result["seconds"] for result in results)),
        )


def run_name(chunk: Chunk) -> str:
    """Returns the name of a chunk's folder.

    >>> from xorlab.images.grid import Grid
    >>> run_name(next(chunks(Grid())))
    'maxout-lsuv-0.01-seed0'
    """
    cell = chunk.cell
    return (
        f"{cell.activation}-{cell.initializer}-{spelled(cell.learning_rate)}"
        f"-seed{chunk.first_seed}"
    )


def _network_rows(grid, trained):
    cell = trained.cell
    for number in range(grid.seeds):
        yield {
            "activation": cell.activation,
            "initializer": cell.initializer,
            "learning_rate": cell.learning_rate,
            "seed": grid.first_seed + number,
            "accuracy": trained.accuracy[number],
            "loss": trained.loss[number],
            "diverged": trained.diverged[number],
        }


def _write_csv(path, rows):
    if rows:
        table = [[as_text(value) for value in row.values()] for row in rows]
        write_atomically(path, as_csv([list(rows[0]), *table]))


def _without(row, name):
    return {key: value for key, value in row.items() if key != name}


def markdown(
    store: Store, trained: list[Trained], summaries: list[Summary], compared: list[Pair]
) -> str:
    """Returns `summary.md`."""
    grid = store.grid
    head = about("xorlab.images", grid, store.out, PACKAGES)
    diverged = sum(int(each.diverged.sum()) for each in trained)
    rates = ", ".join(spelled(rate) for rate in grid.learning_rates)
    lines = [
        f"# Activations by starts: {grid.dataset}",
        "",
        *(f"- {name}: {value}" for name, value in head.items()),
        "",
        "Share of the images not trained on that are named right, in %: mean ± "
        f"standard deviation over {grid.seeds} seeds, after {grid.steps:,} steps of "
        f"{grid.batch_size} images. Of the learning rates {rates}, each network has "
        "the one that was best for the other seeds. A network has converged if it is "
        f"right about at least {100 * CONVERGED:.0f}%, twice what guessing gives, and "
        "no number of it is NaN or infinite; a cell of which fewer than half have is "
        f"`n/c`. At all rates, {diverged} of {grid.networks} networks diverged.",
        "",
        *_table(summaries),
        "",
        "## Cell by cell",
        "",
        "`mean` and `spread` of the accuracy; `learning_rate` is that of most "
        "networks; `verdict` is what the callback said at 5% of the training at that "
        "rate.",
        "",
        *as_markdown(
            [_without(s.row(), "seconds") | {"verdict": _cell(s)} for s in summaries]
        ),
        "",
    ]
    if compared:
        lines += [*words.claims(summaries, compared), *words.comparisons(compared)]
    lines += _verdicts(trained)
    return "\n".join(lines) + "\n"


def _table(summaries):
    starts = list(dict.fromkeys(s.initializer for s in summaries))
    shown = {(s.activation, s.initializer): s.shown() for s in summaries}
    activations = dict.fromkeys(s.activation for s in summaries)
    return as_markdown(
        [
            {"": activation} | {start: shown[activation, start] for start in starts}
            for activation in activations
        ]
    )


def _cell(summary):
    """The beginning of the verdict, as a cell of a table."""
    line = summary.verdict.splitlines()[0].replace("**", "").removeprefix("- ")
    return textwrap.shorten(line.replace("|", "/"), 60, placeholder=" …")


def _verdicts(trained):
    counts = verdicts(trained)
    rows = [
        {
            "at 5% the verdict found": "nothing wrong" if well else "something wrong",
            "converged": counts[well, True],
            "did not": counts[well, False],
        }
        for well in (True, False)
    ]
    return [
        "## The verdict at 5% of the training, and the end",
        "",
        "Networks of all rates; one verdict for those side by side.",
        "",
        *as_markdown(rows),
    ]
