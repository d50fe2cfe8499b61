"""Puts what was recorded on one page, side by side."""

import pathlib
from collections.abc import Sequence

from xorlab import pictures
from xorlab.report import html
from xorlab.report.recorded import recorded

_MOST_LAYERS = 12  # With histograms; of more, evenly chosen.
_MOST_BESIDE = 3  # Panels of one picture.
_CAPTIONS = {
    "3_decision_surface": "What it answers over the unit square, and how that formed.",
    "4_four_rows_by_layer": "What each layer makes of the four rows: where two become "
    "one, nothing after it can tell them apart.",
    "phase_diagram": "The share of networks that solved it.",
    "gradients_by_depth": "Gradients before training.",
    "accuracies": "The share of images that are named right.",
}


def page(folders: Sequence[pathlib.Path]) -> str:
    """Returns the page of some folders, as HTML.

    Raises:
        ValueError: nothing that was recorded is in one of them.
    """
    runs = [recorded(folder, name) for name, folder in _named(folders).items()]
    title = " beside ".join(run.name for run in runs)
    return html.document(title, [*_numbers(runs), *_together(runs), *_apart(runs)])


def _named(folders):
    """Names folders by the shortest ends of their paths that tell them apart."""
    # One that is given twice is one run.
    by_path = {folder.resolve(): folder for folder in folders}
    names: list[str] = []
    for length in range(1, 1 + max(len(path.parts) for path in by_path)):
        names = ["/".join(path.parts[-length:]) for path in by_path]
        if len(set(names)) == len(by_path):
            break
    return dict(zip(names, by_path.values(), strict=True))


def _numbers(runs):
    names = list(dict.fromkeys(name for run in runs for name in run.facts))
    rows = [["", *(run.name for run in runs)]]
    for name in names:
        rows.append([name, *(_spelled(run.facts.get(name, "")) for run in runs)])
    yield html.table(rows)
    for run in runs:
        if run.words:
            yield html.heading(run.name, 3) + html.paragraphs(run.words)


def _together(runs):
    """Pictures that hold several runs, on axes that they share."""
    with_gradients = [run for run in runs if run.gradients]
    if with_gradients:
        yield html.heading("How strong a gradient reaches each layer")
    for first in range(0, len(with_gradients), _MOST_BESIDE):
        beside = with_gradients[first : first + _MOST_BESIDE]
        panels = {run.name: run.gradients_at_ends() for run in beside}
        yield html.picture(
            pictures.encoded(pictures.gradients_by_layer(panels)),
            "Gradient RMS against layer, at the first and the last step that was "
            "logged. Compare the first with the dotted line: a layer below it learns a "
            "thousand times slower than the last. In the end all gradients are small "
            "where the cost is.",
        )
    # By what they are over, and then by subject.
    curves: dict[str, dict[str, dict]] = {}
    for run in runs:
        for subject, lines in run.curves.items():
            unit = "epoch" if subject.startswith("epoch_") else "step"
            panels = curves.setdefault(unit, {})
            panels.setdefault(subject.removeprefix("epoch_"), {}).update(lines)
    if curves:
        yield html.heading("How it learned")
    for unit, panels in curves.items():
        yield html.picture(
            pictures.encoded(pictures.learning_curves(panels, unit)),
            f"Numbers over the {unit}s.",
        )


def _apart(runs):
    for run in runs:
        yield html.heading(run.name)
        if run.rows:
            yield html.table(run.rows)
        if len(run.gradients) > 1:
            yield html.picture(
                pictures.encoded(pictures.gradients_over_time(run.gradients)),
                "Gradient RMS over time, a row a layer.",
            )
        for name, png in run.images.items():
            yield html.picture(png, _CAPTIONS.get(name, name.replace("_", " ")))
        if any(run.histograms.values()):
            kept = _chosen(run.histograms)
            yield html.picture(
                pictures.encoded(pictures.histograms_by_layer(kept)),
                "How large the numbers are at the last step; exact zeros apart.",
            )


def _chosen(histograms):
    """Of all kinds the same layers: those that have weights, if there are any."""
    layers = list(next(filter(None, histograms.values())))
    layers = layers[:: -(-len(layers) // _MOST_LAYERS)]
    kept = {
        kind: {layer: by_layer[layer] for layer in layers if layer in by_layer}
        for kind, by_layer in histograms.items()
    }
    return {kind: by_layer for kind, by_layer in kept.items() if by_layer}


def _spelled(value):
    return f"{value:.6g}" if isinstance(value, float) else value
