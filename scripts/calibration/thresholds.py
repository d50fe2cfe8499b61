"""What other thresholds would have done, on the seeds that are there for choosing."""

import contextlib
import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator, Sequence

from calibration.scores import Score
from xorlab import diagnosis
from xorlab.diagnosis import Evidence, Threshold, judge

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)


def all_thresholds() -> dict[str, list]:
    """Returns where each threshold of the verdict's rules stands, by name."""
    found: dict[str, list] = {}
    for info in pkgutil.iter_modules(diagnosis.__path__):
        module = importlib.import_module(f"xorlab.diagnosis.{info.name}")
        for name, value in vars(module).items():
            if isinstance(value, Threshold):
                found.setdefault(name, []).append(module)
    return found


@contextlib.contextmanager
def scaled(name: str, factor: float) -> Iterator[None]:
    """Inside, one threshold is so many times what it is."""
    modules = all_thresholds()[name]
    before = getattr(modules[0], name)
    try:
        for module in modules:
            setattr(module, name, before._replace(value=factor * before.value))
        yield
    finally:
        for module in modules:
            setattr(module, name, before)


def table(seen: Sequence[tuple[bool, Evidence]]) -> str:
    """Returns recall and false alarms by threshold and factor.

    Args:
        seen: of networks for choosing, whether it failed, and the evidence.
    """
    lines = [
        "| threshold | " + " | ".join(f"× {factor:g}" for factor in FACTORS) + " |",
        "| --- |" + " --- |" * len(FACTORS),
    ]
    for name, modules in all_thresholds().items():
        cells = []
        for factor in FACTORS:
            score = Score()
            with scaled(name, factor):
                for failed, evidence in seen:
                    # Anew, because what was found is kept in it.
                    found = judge(dataclasses.replace(evidence)).findings
                    score.add(failed, bool(found))
            recall = score.right / max(1, score.right + score.missed)
            false = score.false / max(1, score.false + score.quiet)
            cells.append(f"{recall:.3f} / {false:.3f}")
        value = getattr(modules[0], name).value
        lines.append(f"| {name} = {value:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
