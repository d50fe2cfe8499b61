"""From the settings of a run to its folder."""

import contextlib
import dataclasses
import fnmatch
import json
import math
import time
from typing import Any

from xorlab import startup
from xorlab.files import PARTIAL, UnusableDirectory, claimed, write_atomically
from xorlab.train import size
from xorlab.train.config import Config
from xorlab.train.interrupt import deaf_to_ctrl_c
from xorlab.train.outcome import learned

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
        `verdict` (`xorlab.diagnosis.Verdict.to_dict`; if `remedies` were asked for and
        it did not learn, what was tried is in its `tried`), `seconds`. JSON knows no
        NaN or infinity: in the file such a number is null.

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
                f"logdir: expected no run in {config.run_dir}; found one, of an "
                "earlier time; add --overwrite to replace it, or --run_name=NAME to "
                f"keep both; to look at it: {startup.tensorboard(config.logdir)}"
            )
        with _replacing(config.run_dir, present) as begin:
            seconds = {"import": startup.import_tensorflow()}
            # Here, because they import TensorFlow.
            from xorlab.train.remedies import try_remedies
            from xorlab.train.result import result_of
            from xorlab.train.training import train

            recorder = train(config, progress, begin)
        seconds |= recorder.seconds | {"total": time.perf_counter() - started}
        result = result_of(config, recorder, seconds)
        _write(config, result)
        if config.remedies and _is_done(config, result) and not learned(result):
            tried = result["verdict"]["tried"]
            with contextlib.suppress(KeyboardInterrupt):
                for each in try_remedies(config, recorder, result, progress):
                    tried.append(dataclasses.asdict(each))  # Each at once, for Ctrl-C.
            _write(config, result)
    return result


def _is_done(config, result):
    return result["steps_done"] == config.steps or result["diverged_at"] is not None


def _write(config, result):
    text = json.dumps(_finite(result), indent=1) + "\n"
    with deaf_to_ctrl_c():
        write_atomically(config.run_dir / RESULT, text.encode())


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


def _finite(value):
    """Replaces each number in dicts and lists that is not finite by None."""
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
