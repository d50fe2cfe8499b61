"""Runs the lecture, chapter by chapter, and tells what came of each."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from xorlab import startup, sweep, train
from xorlab.checks import folder
from xorlab.lecture.words import CHAPTERS
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
        pictures: PNG files by caption.
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

    hand, by_hand = ran("1-handmade", network="handmade", steps=1, log_every=1)
    answers = ", ".join(f"{y:.3f}" for y in hand["hypothesis"])
    yield Told(
        "handmade",
        _facts(hand) | {"answers": answers},
        lecture_block(hand),
        _of(by_hand, "3_decision_surface"),
    )
    result, shallow = ran("2-shallow", network="shallow", activation="sigmoid")
    yield Told(
        "shallow",
        _facts(result),
        lecture_block(result),
        _of(shallow, "3_decision_surface"),
    )
    sigmoid, deep = ran("3-deep-sigmoid", activation="sigmoid")
    yield Told(
        "sigmoid",
        _facts(sigmoid),
        lecture_block(sigmoid),
        {"cost and accuracy": encoded(pictures.learning_curves(deep.curves))}
        | _of(deep, "4_four_rows_by_layer"),
    )
    start = sigmoid["gradient_rms"]["start"]
    by_layer = pictures.gradients_by_layer({"deep sigmoid": deep.gradients_at_ends()})
    yield Told(
        "vanishing",
        _facts(sigmoid),
        gradient_table(start, "Gradients of the deep sigmoid network before training"),
        {"gradient by layer": encoded(by_layer)},
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
            "gradient by layer": encoded(pictures.gradients_by_layer(both)),
            "cost and accuracy": encoded(pictures.learning_curves(curves)),
        }
        | _of(deep_relu, "3_decision_surface"),
    )
    gallery = encoded(pictures.activation_gallery(models.ACTIVATIONS))
    yield Told("gallery", {}, "", {"activations and their slopes": gallery})
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
        {"gradient by layer": encoded(pictures.gradients_by_layer(starts))}
        | _of(better, "3_decision_surface"),
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
        {"share that learns": (many / "phase_diagram.png").read_bytes()},
    )


def page(told: list[Told]) -> str:
    """Returns the chapters as one page of HTML, in English and Korean."""
    from xorlab.report import html

    parts = []
    for chapter in told:
        words = CHAPTERS[chapter.chapter]
        parts += [
            html.heading(words.title),
            html.paragraphs(words.text.format(**chapter.facts)),
            html.heading(words.title_ko, 3),
            html.paragraphs(words.text_ko.format(**chapter.facts), "ko"),
            html.aside(
                [
                    html.heading("In the lecture · 강의에서는", 4),
                    html.paragraphs(words.shown),
                    html.paragraphs(words.shown_ko, "ko"),
                ]
            ),
        ]
        for caption, png in chapter.pictures.items():
            parts.append(html.picture(png, caption))
    return html.document("ReLU is better than sigmoid: the lecture, and a doubt", parts)


def _facts(result):
    rms = list(result["gradient_rms"]["start"].values())
    right = round(4 * result["accuracy"])
    return {
        "steps": f"{result['steps_done']:,}",
        "cost": f"{result['cost']:.3g}",
        "right": right,
        "ratio": f"{rms[0] / rms[-1]:.1g}",
    }


def _of(run, name):
    captions = {
        "3_decision_surface": "what it answers over the unit square",
        "4_four_rows_by_layer": "what each layer makes of the four rows",
    }
    return {captions[name]: run.images[name]}
