"""What a finished run says on the terminal and on its text card."""

import math
from collections.abc import Mapping

from xorlab import provenance
from xorlab.diagnosis import first_to_last, judge_gradients, judge_outcome
from xorlab.models import data

_BAR = 40  # Characters of the longest bar.


def lecture_block(result: Mapping) -> str:
    """The lines that the lecture prints at the end (picture 05)."""
    lines = [f"Step {result['steps_done']}", f"Cost: {result['cost']:.8f}"]
    lines.append("  X1 X2   Y   Hypothesis  Predicted")
    for row, label, hypothesis, predicted in zip(
        data.INPUTS,
        data.LABELS,
        result["hypothesis"],
        result["predicted"],
        strict=True,
    ):
        x1, x2 = row
        lines.append(
            f"  {x1:2.0f} {x2:2.0f}  {label[0]:2.0f}  "
            f"{hypothesis:11.8f}  {predicted:9.0f}"
        )
    lines.append(f"Accuracy: {result['accuracy']}")
    return "\n".join(lines)


def gradient_table(gradient_rms: Mapping[str, float], title: str) -> str:
    """A line a layer: its gradient RMS, as a number and as a bar on a log scale.

    Args:
        gradient_rms: RMS by layer, input first.
        title: the heading.
    """
    present = [v for v in gradient_rms.values() if v and math.isfinite(v)]
    top = math.ceil(math.log10(max(present, default=1.0)))
    # Three decades at the least, so that equal layers do not look far apart.
    bottom = min(math.floor(math.log10(min(present, default=1.0))), top - 3)
    lines = [title, f"  {'layer':10}{'RMS':>10}  1e{bottom} to 1e{top}, log scale"]
    for layer, rms in gradient_rms.items():
        length = 0
        if rms in present:
            length = round(_BAR * (math.log10(rms) - bottom) / (top - bottom))
        lines.append(f"  {layer:10}{rms:10.2e}  {'█' * max(length, rms in present)}")
    lines.append(f"  first/last: {first_to_last(gradient_rms):.3g}")
    return "\n".join(lines)


def verdict(result: Mapping) -> str:
    """Whether the network learned, and where its gradients went, in words."""
    predicted = [float(y) for y in result["predicted"]]
    correct = sum(
        y == label[0] for y, label in zip(predicted, data.LABELS, strict=True)
    )
    undecided = all(abs(y - 0.5) < 0.001 for y in result["hypothesis"])
    outcome = judge_outcome(
        correct, len(data.LABELS), result["cost"], undecided, result["diverged_at"]
    )
    start = judge_gradients(result["gradient_rms"]["start"])
    end = judge_gradients(result["gradient_rms"]["end"])
    return f"{outcome}\nAt the start: {start}\nAt the end: {end}"


def versions() -> dict[str, str]:
    """The versions of all that shapes a run's numbers, by name."""
    return provenance.versions(["tensorflow", "keras", "tensorboard", "numpy"])


def card(settings: Mapping, versions: Mapping) -> str:
    """The text card of a run: its settings and versions, in Markdown."""
    rows = [f"| {name} | {value} |" for name, value in {**settings, **versions}.items()]
    return "\n".join(["| setting | value |", "| --- | --- |", *rows])
