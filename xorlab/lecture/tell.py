"""Runs the lecture, chapter by chapter, and tells what came of each."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from xorlab import startup, sweep, train
from xorlab.checks import folder
from xorlab.lecture.words import CAPTIONS, CHAPTERS, SOURCE, SOURCE_KO
from xorlab.train.report import gradient_table, lecture_block

STEPS = 20_000  # A tenth of the lecture's; nothing happens later.
GRID = sweep.Grid(
    activations=("sigmoid", "relu"),
    depths=(11,),
    initializers=("uniform", "data_dependent"),
    seeds=100,
    steps=STEPS,
)


@dataclasses.dataclass(frozen=True)
class Told:
    """A chapter, told.

    Attributes:
        chapter: its key in `CHAPTERS`.
        facts: the numbers of its words, spelled.
        tables: for the terminal.
        pictures: PNG files by what they are of, a key in `CAPTIONS`.
    """

    chapter: str
    facts: Mapping[str, Any]
    tables: str
    pictures: Mapping[str, bytes]


def tell(logdir: str | pathlib.Path) -> Iterator[Told]:
    """Runs the lecture's networks, and yields a chapter as soon as it is known.

    Args:
        logdir: of the runs, which take the place of those of an earlier time, and of
            the sweep, which is not done twice.

    Raises:
        UnusableDirectory, OSError: it cannot be written.
        KeyboardInterrupt: Ctrl-C.
    """
    logs = folder("logdir", logdir)
    startup.import_tensorflow()
    # Here, because they read event files and draw.
    from xorlab import models, pictures
    from xorlab.pictures import encoded
    from xorlab.report.recorded import recorded

    def ran(name, **settings):
        settings = {"steps": STEPS, **settings}
        config = train.Config(
            logdir=str(logs), run_name=name, overwrite=True, **settings
        )
        result = train.run(config, progress=True)
        return result, recorded(config.run_dir)

    def surface(run):
        return run.images["3_decision_surface"]

    hand, by_hand = ran("1-handmade", network="handmade", steps=1, log_every=1)
    answers = ", ".join(f"{y:.3f}" for y in hand["hypothesis"])
    yield Told(
        "handmade",
        _facts(hand) | {"answers": answers},
        lecture_block(hand),
        {"surface": surface(by_hand)},
    )
    result, shallow = ran("2-shallow", network="shallow", activation="sigmoid")
    yield Told(
        "shallow",
        _facts(result),
        lecture_block(result),
        {"surface": surface(shallow)},
    )
    sigmoid, deep = ran("3-deep-sigmoid", activation="sigmoid")
    yield Told(
        "sigmoid",
        _facts(sigmoid),
        lecture_block(sigmoid),
        {
            "curves": encoded(pictures.learning_curves(deep.curves)),
            "rows": deep.images["4_four_rows_by_layer"],
        },
    )
    start = sigmoid["gradient_rms"]["start"]
    by_layer = pictures.gradients_by_layer({"deep sigmoid": deep.gradients_at_ends()})
    yield Told(
        "vanishing",
        _facts(sigmoid),
        gradient_table(start, "Gradients of the deep sigmoid network before training"),
        {"gradients": encoded(by_layer)},
    )
    relu, deep_relu = ran("5-deep-relu", activation="relu")
    both = {
        "deep sigmoid": deep.gradients_at_ends(),
        "deep ReLU": deep_relu.gradients_at_ends(),
    }
    curves = {
        subject: deep.curves[subject] | deep_relu.curves[subject]
        for subject in ("cost", "accuracy")
    }
    yield Told(
        "relu",
        _facts(relu),
        gradient_table(
            relu["gradient_rms"]["start"],
            "Gradients of the deep ReLU network before training, on the same scale",
        ),
        {
            "gradients": encoded(pictures.gradients_by_layer(both)),
            "curves": encoded(pictures.learning_curves(curves)),
            "surface": surface(deep_relu),
        },
    )
    gallery = encoded(pictures.activation_gallery(models.ACTIVATIONS))
    yield Told("gallery", {}, "", {"gallery": gallery})
    result, better = ran(
        "7-better-start", activation="sigmoid", initializer="data_dependent"
    )
    starts = {
        "deep sigmoid, U(-1, 1)": deep.gradients_at_ends(),
        "from the better start": better.gradients_at_ends(),
    }
    yield Told(
        "start",
        _facts(result),
        lecture_block(result),
        {
            "gradients": encoded(pictures.gradients_by_layer(starts)),
            "surface": surface(better),
        },
    )
    many = logs / "8-many"
    summaries = sweep.run(GRID, many, progress=True)
    solved = {(s.cell.activation, s.cell.initializer): s.solved for s in summaries}
    counts = {
        f"{activation}_{start}": solved[activation, name]
        for activation in GRID.activations
        for start, name in (("uniform", "uniform"), ("better", "data_dependent"))
    }
    yield Told(
        "many",
        counts | {"networks": GRID.seeds, "steps": f"{STEPS:,}"},
        "",
        # Drawn by the sweep.
        {"shares": (many / "phase_diagram.png").read_bytes()},
    )


def page(told: list[Told]) -> str:
    """Returns the chapters as one page of HTML, in English and Korean.

    What the lecture shows in a chapter stands beside what was computed for it here.
    """
    from xorlab.lecture.sketches import SKETCHES
    from xorlab.pictures import encoded
    from xorlab.report import html

    parts = [html.beside([html.paragraphs(SOURCE)], [html.paragraphs(SOURCE_KO, "ko")])]
    for chapter in told:
        words = CHAPTERS[chapter.chapter]
        english = [
            html.heading(words.title),
            html.paragraphs(words.text.format(**chapter.facts)),
        ]
        korean = [
            html.heading(words.title_ko, lang="ko"),
            html.paragraphs(words.text_ko.format(**chapter.facts), "ko"),
        ]
        shown = [
            html.heading("In the lecture · 강의에서는", 3),
            html.paragraphs(words.shown),
            html.paragraphs(words.shown_ko, "ko"),
        ]
        for number, draw in SKETCHES.get(chapter.chapter, ()):
            caption = CAPTIONS["sketch"].format(number=number)
            shown.append(html.picture(encoded(draw()), caption))
        here = [html.heading("Here · 여기에서는", 3)]
        if chapter.tables:
            here.append(html.preformatted(chapter.tables))
        for caption, png in chapter.pictures.items():
            here.append(html.picture(png, CAPTIONS[caption]))
        parts += [html.beside(english, korean), html.beside([html.aside(shown)], here)]
    return html.document("ReLU is better than sigmoid: the lecture, and a doubt", parts)


def _facts(result):
    rms = list(result["gradient_rms"]["start"].values())
    right = round(4 * result["accuracy"])
    return {
        "steps": f"{result['steps_done']:,}",
        "cost": _written_out(result["cost"], 3),
        "right": right,
        "ratio": _written_out(rms[0] / rms[-1], 1),
    }


def _written_out(number, digits):
    """As people write it: 0.0000005, not 5e-07."""
    return np.format_float_positional(number, digits, fractional=False, trim="-")
