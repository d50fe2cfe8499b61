"""From the settings of a run to its folder."""

import contextlib
import dataclasses
import fnmatch
import json
import math
import time
from typing import Any

from xorlab import startup
from xorlab.diagnosis import judge
from xorlab.files import PARTIAL, UnusableDirectory, claimed, write_atomically
from xorlab.train import report, size
from xorlab.train.config import Config
from xorlab.train.interrupt import deaf_to_ctrl_c

RESULT = "result.json"
_OWN = ("events.out.tfevents.*", RESULT, RESULT + PARTIAL)


def run(config: Config, progress: bool = False) -> dict[str, Any]:
    """Trains one network and logs it to `config.run_dir`.

    A run that is stopped before its first step is logged leaves nothing, and the run
    that it was to replace as it was. After Ctrl-C it returns what was logged until
    then: `steps_done` is less than was asked for.

    Args:
        config: what to run.
        progress: show a progress bar if standard error is a terminal.

    Returns:
        What `result.json` in the run's folder holds: `config`, `versions`,
        `steps_done`, `diverged_at` (None or the step whose cost is not finite),
        `cost`, `accuracy`, `hypothesis` and `predicted` (of the four rows),
        `gradient_rms` (`start` and `end`, each by layer), `accuracy_at_start`,
        `verdict` (`xorlab.diagnosis.Verdict.to_dict`), `seconds`. JSON knows no NaN or
        infinity: in the file such a number is null.

    Raises:
        ValueError: this machine has no such device.
        TooLarge, UnusableDirectory: before anything is imported or written.
        OSError: the logs cannot be written.
        KeyboardInterrupt: Ctrl-C, before a step was logged.
    """
    started = time.perf_counter()
    size.check(config)
    with claimed(config.run_dir, "run", _is_own, "logdir, run_name") as present:
        if present and not config.overwrite:
            raise UnusableDirectory(
                f"logdir: expected no run in {config.run_dir}; found one; choose "
                "another --run_name, or give --overwrite to replace it"
            )
        with _replacing(config.run_dir, present) as begin:
            seconds = {"import": startup.import_tensorflow()}
            # Here, because it imports TensorFlow.
            from xorlab.train.training import train

            recorder = train(config, progress, begin)
        seconds |= recorder.seconds | {"total": time.perf_counter() - started}
        result = _result(config, recorder, seconds)
        text = json.dumps(_finite(result), indent=1) + "\n"
        with deaf_to_ctrl_c():
            write_atomically(config.run_dir / RESULT, text.encode())
    return result


def _is_own(path):
    return path.is_file() and any(fnmatch.fnmatch(path.name, own) for own in _OWN)


@contextlib.contextmanager
def _replacing(folder, old):
    """Yields what is to be called when the new files are worth more than the old."""
    to_remove = set(old)
    begun = False

    def begin():
        nonlocal begun
        begun = True
        while to_remove:
            to_remove.pop().unlink(missing_ok=True)

    try:
        yield begin
    finally:
        if not begun:
            with contextlib.suppress(OSError):
                for path in set(folder.iterdir()) - old:
                    if _is_own(path):
                        path.unlink()


def _result(config, recorder, seconds):
    from xorlab.train.evidence import evidence_of  # Imports TensorFlow.

    hypothesis = recorder.reading.activations["last"].ravel().tolist()
    return {
        "config": dataclasses.asdict(config),
        "versions": report.versions(),
        "steps_done": recorder.step,
        "diverged_at": recorder.diverged_at,
        "cost": recorder.cost,
        "accuracy": recorder.accuracy,
        "hypothesis": hypothesis,
        "predicted": [y if math.isnan(y) else float(y > 0.5) for y in hypothesis],
        "gradient_rms": recorder.gradient_rms,
        "accuracy_at_start": recorder.seen[0].accuracy,
        "verdict": judge(evidence_of(config, recorder.seen)).to_dict(),
        "seconds": seconds,
    }


def _finite(value):
    """Replaces each number in dicts and lists that is not finite by None."""
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
