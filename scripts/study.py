"""Is it the activation or the start? Runs the study's sweeps and writes its tables.

    python scripts/study.py --out=logs/study
    python scripts/study.py --out=logs/study --studies=lsuv

Studies: activation by depth, from the lecture's start; activation by start, at depth
11; unit variance with centring and without against the lecture's start, at depth 11,
and at depth 30. Each has two tables: at the lecture's learning rate, and at the best of
a few, but for depth 30, where the second would take too long. Rates are chosen on other
seeds than those reported. Stopped and begun again it goes on; what is done is not done
again.
"""

import dataclasses
import pathlib
import shutil

from absl import flags
from benchmarks import report
from benchmarks.timing import ROOT

from xorlab import pictures, settings, startup, sweep
from xorlab.checks import different, folder, one_of
from xorlab.files import write_atomically
from xorlab.sweep.about import about, command
from xorlab.work.command import ENDINGS, ended_by

_OUT = flags.DEFINE_string("out", "", "folder of all sweeps: logs/study")
_README = flags.DEFINE_bool("readme", False, "also write them into logs/README.md")

README = ROOT / "logs" / "README.md"

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "maxout", "identity")
LECTURE = sweep.Grid(activations=ACTIVATIONS)
DEEP = dataclasses.replace(LECTURE, depths=(11,))
UNIT_VARIANCE = dataclasses.replace(
    LECTURE, initializers=("uniform", "data_dependent", "lsuv"), seeds=256
)
# Every start is one cell an activation, so two grids: uniform at its scales, the rest.
STUDIES = {
    "depth": [LECTURE],
    "start": [
        dataclasses.replace(DEEP, init_scales=(1.0, 2.0, 4.0)),
        dataclasses.replace(
            DEEP,
            initializers=(
                "glorot_uniform",
                "he_normal",
                "orthogonal",
                "data_dependent",
            ),
        ),
    ],
    "lsuv": [dataclasses.replace(UNIT_VARIANCE, depths=(11,))],
    "lsuv30": [dataclasses.replace(UNIT_VARIANCE, depths=(30,))],
}
TITLES = {
    "depth": "Activation by depth",
    "start": "Activation by start",
    "lsuv": "Unit variance, centred or not",
    "lsuv30": "Unit variance, centred or not, at depth 30",
}
# At the lecture's learning rate alone.
UNTUNED = {"lsuv30"}
_STUDIES = flags.DEFINE_list(
    "studies", list(STUDIES), "which, of " + ", ".join(STUDIES)
)
RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
# Beyond all seeds that are reported.
CHOOSING = {"first_seed": 1_000_000, "seeds": 128}


def study(name: str, out: pathlib.Path) -> str:
    """Runs one study; returns its section, in Markdown."""
    text = []
    lecture, chosen = [], []
    for number, grid in enumerate(STUDIES[name], 1):
        folder = out / f"{name}{number}"
        text.append(f"    {command(grid, folder)}")
        lecture += sweep.run(grid, folder, progress=True)
        if name in UNTUNED:
            continue

        trial = dataclasses.replace(grid, learning_rates=RATES, **CHOOSING)
        best = best_rates(
            sweep.run(trial, out / f"{name}{number}-rates", progress=True)
        )
        text.append(f"    {command(trial, out / f'{name}{number}-rates')}")
        for at_rate in at_best(grid, best):
            [activation], [rate] = at_rate.activations, at_rate.learning_rates
            folder = out / f"{name}{number}-{activation}-rate{rate:g}"
            text.append(f"    {command(at_rate, folder)}")
            chosen += sweep.run(at_rate, folder, progress=True)
    order = [_without_rate(summary.cell) for summary in lecture]
    chosen.sort(key=lambda summary: order.index(_without_rate(summary.cell)))
    text += ["", "At the lecture's learning rate, 0.1:", "", table(lecture), ""]
    if chosen:
        rates = ", ".join(f"{rate:g}" for rate in RATES)
        text += [f"Each at its best rate of {rates}:", "", table(chosen, True), ""]
    for kind, summaries in (("lecture", lecture), ("tuned", chosen)):
        if summaries:
            picture = pictures.phase_diagram([_same_rate(s) for s in summaries])
            pictures.save(picture, out / f"{name}-{kind}.png")
    return "\n".join([f"## {TITLES[name]}", "", *text])


def best_rates(summaries: list) -> dict:
    """Returns the rate that solves most, by cell; of equals, the quicker."""
    best = {}
    for summary in summaries:
        key = _without_rate(summary.cell)
        # NaN, where none solve it, compares as neither.
        rank = (summary.solved, -summary.solved_at if summary.solved else 0)
        if key not in best or rank > best[key][0]:
            best[key] = (rank, summary.cell.learning_rate)
    return {key: rate for key, (_, rate) in best.items()}


def at_best(grid: sweep.Grid, rates: dict) -> list[sweep.Grid]:
    """Returns a grid for each activation and rate, with the cells that are best there.

    Only one other list of `grid` may hold more than one value.
    """
    cells = {}
    for cell, rate in rates.items():
        cells.setdefault((cell.activation, rate), []).append(cell)
    return [
        dataclasses.replace(
            grid,
            activations=(activation,),
            learning_rates=(rate,),
            depths=_distinct(cell.depth for cell in best),
            initializers=_distinct(cell.initializer for cell in best),
            init_scales=_distinct(cell.init_scale for cell in best),
        )
        for (activation, rate), best in cells.items()
    ]


def _distinct(values):
    return tuple(dict.fromkeys(values))


def table(summaries: list, rates: bool = False) -> str:
    """Returns shares with their 95% intervals, activation by all other settings."""
    columns = list(dict.fromkeys(_column(s.cell) for s in summaries))
    lines = ["| | " + " | ".join(columns) + " |", "|" + " --- |" * (len(columns) + 1)]
    for activation in ACTIVATIONS:
        line = [activation]
        for summary in summaries:
            if summary.cell.activation == activation:
                rate = f" at {summary.cell.learning_rate:g}" if rates else ""
                line.append(
                    f"{summary.share:.3f} ({summary.low:.2f}–{summary.high:.2f}){rate}"
                )
        lines.append("| " + " | ".join(line) + " |")
    return "\n".join(lines)


def _column(cell):
    scale = f" × {cell.init_scale:g}" if cell.init_scale != 1 else ""
    return f"{cell.initializer}{scale}, depth {cell.depth}"


def _without_rate(cell):
    return dataclasses.replace(cell, learning_rate=0.0)


def _same_rate(summary):
    """The picture's columns are starts and depths; the rates stand in the table."""
    return dataclasses.replace(summary, cell=_without_rate(summary.cell))


def main(argv: list[str]) -> int:
    """Checks, runs, writes; returns the exit code."""
    try:
        settings.check_no_words(argv)
        names = different("studies", _STUDIES.value)
        for name in names:
            one_of("studies", name, STUDIES)
        if not _OUT.value:
            raise ValueError(
                "out: expected a folder; received none; write --out=logs/study"
            )
        if _README.value:
            # Before an hour of training, not after.
            for name in names:
                with_section(name, "")
        for name in names:
            write(name, folder("out", _OUT.value))
    except ENDINGS as error:
        return ended_by(error, _OUT.value)
    return 0


def write(name: str, out: pathlib.Path):
    """Runs a study, and writes its tables and picture."""
    text = study(name, out)
    write_atomically(out / f"{name}.md", text.encode())
    print(out / f"{name}.md")
    if _README.value:
        readme = with_section(name, for_readme(name, text, out))
        write_atomically(README, readme.encode())
        picture = ROOT / "logs" / "pictures" / f"study-{name}-lecture.png"
        shutil.copy(out / f"{name}-lecture.png", picture)


def with_section(name: str, section: str) -> str:
    """Returns the text of logs/README.md with a study's section."""
    readme = README.read_text(encoding="utf-8")
    return report.with_table(readme, f"study-{name}", section)


def for_readme(name: str, text: str, out: pathlib.Path) -> str:
    """Returns the section with one command for all sweeps, versions and the picture."""
    lines = [line for line in text.splitlines() if not line.startswith("    ")]
    kept = "\n".join(lines).replace("\n\n\n", "\n\n").strip()
    said = about(STUDIES[name][0], out)
    where = f"{said['versions']}, on {said['machine']}"
    source = (
        f"`python scripts/study.py --out={out} --studies={name} --readme`: {where}."
    )
    picture = f"![{TITLES[name]}](pictures/study-{name}-lecture.png)"
    return "\n\n".join([f"#{kept}", source, picture])


if __name__ == "__main__":
    startup.run_command(main)
