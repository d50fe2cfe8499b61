"""What a finished run says on the terminal and on its text card."""

import math
from collections.abc import Mapping

from xorlab import provenance, startup
from xorlab.diagnosis import Tried, recommended
from xorlab.diagnosis.tried import in_words
from xorlab.models import data
from xorlab.train.config import ENOUGH, Config
from xorlab.train.cures import advised, command, settings_of
from xorlab.train.outcome import learned, outcome

_BAR = 40  # Characters of the longest bar.
# Of all tables, so that the bars of two runs compare, unless a number is beyond.
_DECADES = (-10, 0)
LEGEND = (
    "RMS: the root mean square of a layer's gradient, over all its weights and biases. "
    "first/last: the\nfirst layer's by the last one's; below 0.001 it has vanished on "
    "its way, above 1000 exploded."
)


def first_to_last(gradient_rms: Mapping[str, float]) -> float:
    """Ratio of the first layer's gradient RMS to the last layer's.

    Args:
        gradient_rms: RMS by layer, input first.

    Returns:
        The ratio; NaN where the last layer's is zero or not finite.

    >>> first_to_last({"layer1": 1e-9, "last": 0.1})
    1e-08
    """
    first, *_, last = gradient_rms.values()
    return first / last if 0 < last < math.inf else math.nan


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
    bottom, top = _DECADES
    top = max(top, math.ceil(math.log10(max(present, default=1.0))))
    bottom = min(bottom, math.floor(math.log10(min(present, default=1.0))))
    lines = [title, f"  {'layer':10}{'RMS':>10}  1e{bottom} to 1e{top}, log scale"]
    for layer, rms in gradient_rms.items():
        length = 0
        if rms in present:
            length = round(_BAR * (math.log10(rms) - bottom) / (top - bottom))
        lines.append(f"  {layer:10}{rms:10.2e}  {'█' * max(length, rms in present)}")
    lines.append(f"  first/last: {first_to_last(gradient_rms):.3g}")
    return "\n".join(lines)


def verdict(result: Mapping, with_table: bool = True) -> str:
    """Whether the network learned, and if not, why, and what to try, in words.

    Args:
        result: what `run` returns.
        with_table: whether cures that were tried are told one by one.
    """
    lines = [outcome(result)]
    if not learned(result):
        findings = result["verdict"]["findings"]
        lines += [f"{x['why']} {x['advice']}" for x in findings]
        if not findings:
            lines.append(_no_finding(result["steps_done"]))
        lines += _next(result, with_table)
    return "\n".join(lines)


def tried(result: Mapping) -> list[Tried]:
    """What was tried of a run, first the run as it is; nothing if that is all."""
    told = [Tried(**each) for each in result["verdict"].get("tried", ())]
    return told if len(told) > 1 else []


def _next(result, with_table):
    """The command that is next; if cures were tried, the best that worked, if any."""
    config, told = Config(**result["config"]), tried(result)
    if not told:
        findings = result["verdict"]["findings"]
        changes = advised(config, findings[0]["remedies"] if findings else ())
        return [f"Next: {startup.typed(command(config, changes))}"]
    table = in_words(told).splitlines()
    # What was not seen to work is not recommended.
    work = [settings_of(each.change) for each in recommended(told)[:1]]
    commands = [startup.typed(command(config, settings)) for settings in work]
    return [
        *table[0 if with_table else 1 + len(told) :],
        *(f"Next: {words}" for words in commands),
    ]


def _no_finding(steps):
    if steps < ENOUGH:
        return (
            f"Nothing that was seen says why, and {steps:,} steps are few: give it "
            f"{ENOUGH:,} before you change anything else."
        )
    return "Nothing that was seen says why; it may need more steps."


def versions() -> dict[str, str]:
    """The versions of all that shapes a run's numbers, by name."""
    return provenance.versions(["tensorflow", "keras", "tensorboard", "numpy"])


def card(settings: Mapping, versions: Mapping) -> str:
    """The text card of a run: its settings and versions, in Markdown."""
    rows = [f"| {name} | {value} |" for name, value in {**settings, **versions}.items()]
    return "\n".join(["| setting | value |", "| --- | --- |", *rows])
