"""Tries the changes that a run's verdict advises, each on the run's own network."""

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence

import keras

from xorlab.diagnosis import Tried
from xorlab.eventlog.eventfile import StepValues
from xorlab.train.config import Config
from xorlab.train.cures import cures, settings_of
from xorlab.train.outcome import learned
from xorlab.train.pace import Pace, Progress
from xorlab.train.recorder import Recorder
from xorlab.train.result import result_of
from xorlab.train.runlog import RunLog
from xorlab.train.training import fit, tapped

_SECONDS = 60.0  # For all of them together.


def try_remedies(
    config: Config, recorder: Recorder, result: Mapping, progress: bool
) -> Iterator[Tried]:
    """Yields the run as it is, and then what came of each change, until time is over.

    A change is other settings of the same run: the same seed and steps, and so, to the
    last bit, the numbers of the command that makes them. Of changes of a kind the first
    with which all rows are right is the last that is tried. Changes that no flag makes,
    as normalisation, are not tried.

    Args:
        config: of a run that did not learn.
        recorder: of its steps.
        result: what `result_of` says of it.
        progress: say how long it may take, and show a progress bar for each change if
            standard error is a terminal.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    findings = result["verdict"]["findings"]
    kinds = list(dict.fromkeys(x for finding in findings for x in finding["remedies"]))
    changes = list(cures(config, kinds))
    if not changes:
        return
    if progress:
        print(f"Trying what helps, for {_SECONDS:g} seconds at the most.", flush=True)
    until = time.monotonic() + _SECONDS
    yield _outcome("as it is", "", recorder, result)
    cured = set()
    for kind, flag in changes:
        # None is begun that could not be compiled in time.
        if time.monotonic() + result["seconds"]["compile"] > until:
            return
        if kind not in cured:
            tried = _tried(config, kind, flag, until, progress)
            yield tried
            if tried.learned:
                cured.add(kind)


def _tried(config, kind, flag, until, progress):
    try:
        changed = dataclasses.replace(config, run_name="", **settings_of(flag))
    except ValueError as error:  # A rate beyond what single precision can hold.
        return Tried(flag, kind, error=str(error))
    model, tap = tapped(changed)
    pace = Pace(changed.steps, changed.log_every)
    recorder = Recorder(tap, _Nowhere(), False, pace.is_logged)
    deadline = _Deadline(until)
    bar = Progress(changed.steps, progress, flag)
    try:
        fit(changed, model, tap, pace, [deadline, recorder, bar])
    finally:
        recorder.end()
        bar.close()
    is_whole = recorder.step == changed.steps or recorder.diverged_at is not None
    if not (is_whole or deadline.is_over):
        raise KeyboardInterrupt
    return _outcome(flag, kind, recorder, result_of(changed, recorder, {}))


def _outcome(change, kind, recorder, result):
    before = recorder.seen[0].cost
    after, steps = result["cost"], result["steps_done"]
    return Tried(change, kind, before, after, steps, learned(result))


class _Nowhere(RunLog):
    """Keeps nothing of what is logged."""

    def __init__(self):
        pass

    def write(self, steps: Sequence[StepValues]) -> None:
        pass


class _Deadline(keras.callbacks.Callback):
    """Ends a training when its time is over.

    Args:
        until: as `time.monotonic` counts.

    Attributes:
        is_over: whether it has ended one.
    """

    def __init__(self, until: float):
        super().__init__()
        self._until = until
        self.is_over = False

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if time.monotonic() > self._until:
            self.is_over = self.model.stop_training = True
