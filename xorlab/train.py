"""Trains one of the lecture's networks: `python -m xorlab.train --activation=relu`."""

import contextlib
import dataclasses
import json
import math
import os
import pathlib
import platform
import signal
import sys
import threading
import time

from absl import flags

from xorlab import __version__, data, report, startup
from xorlab.config import OPTIMIZERS, Config
from xorlab.files import PARTIAL, UnusableDirectory, write_atomically

RESULT = "result.json"
_EVENTS = "events.out.tfevents.*"


def run(config: Config, progress: bool = False) -> dict:
    """Trains one network and logs it to `config.run_dir`.

    `fit` makes one step more than asked for, whose update nobody reads: so the training
    step itself tells cost, gradients and hypotheses of the final network, too.

    Args:
        config: what to run.
        progress: show a progress bar if standard error is a terminal.

    Returns:
        What `result.json` in the run's folder holds: `config`, `versions`,
        `steps_done`, `diverged_at` (None or the step whose cost is not finite),
        `cost`, `accuracy`, `hypothesis` and `predicted` (of the four rows),
        `gradient_rms` (`start` and `end`, each by layer), `seconds`. JSON knows no NaN
        or infinity: in the file such a number is null.

    Raises:
        UnusableDirectory: before anything is imported or written.
    """
    started = time.perf_counter()
    claim(config.run_dir, config.overwrite)
    seconds = {"import": startup.import_tensorflow()}

    import keras
    import tensorflow as tf

    from xorlab import models
    from xorlab.gradients import StepTap
    from xorlab.graph import train_step_graph
    from xorlab.runlog import PauseAt, Progress, StepLog
    from xorlab.summaries import EventLog

    model = models.from_config(config)
    optimizer, settings = OPTIMIZERS[config.optimizer]
    model.compile(
        getattr(keras.optimizers, optimizer)(config.learning_rate, **settings),
        loss="binary_crossentropy",
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.5)],
        jit_compile=config.jit,
    )
    graph = train_step_graph(
        model,
        (
            tf.TensorSpec(data.INPUTS.shape, name="X-input"),
            tf.TensorSpec(data.LABELS.shape, name="Y-input"),
        ),
        loss_name="cost",
        variable_names=models.lecture_names(model),
    )

    log = EventLog(tf.summary.create_file_writer(str(config.run_dir)))
    tap = StepTap(model, rows=len(data.INPUTS))
    steplog = StepLog(tap, log, config.histograms)
    pauses = PauseAt(config.steps, config.log_every)
    callbacks = [pauses, steplog]
    if progress:
        callbacks.append(Progress(config.steps))
    succeeded = False
    try:
        _write_header(log, config, graph)
        with tap.attached(), _stopping_on_interrupt(model):
            model.fit(
                data.INPUTS,
                data.LABELS,
                epochs=pauses.epochs,
                callbacks=callbacks,
                verbose=0,
            )
        succeeded = steplog.step == config.steps and steplog.diverged_at is None
    finally:
        log.close(succeeded)

    hypothesis = steplog.reading.activations["last"].ravel().tolist()
    total = time.perf_counter() - started
    result = {
        "config": dataclasses.asdict(config),
        "versions": _versions(),
        "steps_done": steplog.step,
        "diverged_at": steplog.diverged_at,
        "cost": steplog.cost,
        "accuracy": steplog.accuracy,
        "hypothesis": hypothesis,
        "predicted": [y if math.isnan(y) else float(y > 0.5) for y in hypothesis],
        "gradient_rms": steplog.gradient_rms,
        "seconds": {**seconds, **steplog.seconds, "total": total},
    }
    text = json.dumps(_finite(result), indent=1) + "\n"
    write_atomically(config.run_dir / RESULT, text.encode())
    return result


def _write_header(log, config, graph):
    settings = _settings(config)
    log.hyperparameters(settings, ["cost", "accuracy"], config.run_name)
    log.text("run", report.card(settings, _versions()))
    log.layout(
        "Gradients, layer by layer",
        {
            "RMS of each layer's gradient": "^gradient_rms/",
            "log10 of it (-45: zero)": "^log10_gradient_rms/",
        },
    )
    log.graph(graph)


def claim(run_dir: pathlib.Path, overwrite: bool):
    """Makes the folder of a run, or empties it of the run it holds.

    Raises:
        UnusableDirectory: it holds something and `overwrite` is not set, it holds what
            no run writes, or it cannot be made or written.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        present = set(run_dir.iterdir())
        ours = {
            p for own in (_EVENTS, RESULT, RESULT + PARTIAL) for p in run_dir.glob(own)
        }
        if present and not overwrite:
            raise UnusableDirectory(
                f"logdir: expected no run in {run_dir}; found one; choose another "
                "--run_name, or give --overwrite to replace it"
            )
        if present - ours:
            other = min(present - ours).name
            raise UnusableDirectory(
                f"logdir: expected only a run's own files in {run_dir}; found {other}; "
                "choose another --run_name"
            )
        if not os.access(run_dir, os.W_OK):
            raise PermissionError("not writable")
        for path in ours:
            path.unlink()
        # Of two runs that begin at once, one finds this made.
        (run_dir / (RESULT + PARTIAL)).open("x").close()
    except UnusableDirectory:
        raise
    except OSError as error:
        raise UnusableDirectory(
            f"logdir: expected a folder that can be written; received {run_dir} "
            f"({error.strerror or error}); choose another --logdir or --run_name"
        ) from error


def _settings(config):
    """The settings that shape the result, not where or whether it is written."""
    aside = {"logdir", "run_name", "overwrite", "histograms"}
    if config.network != "deep":
        aside |= {"depth", "width"}
    if config.network == "handmade":
        aside |= {"initializer", "init_scale", "seed"}
    settings = dataclasses.asdict(config)
    return {name: value for name, value in settings.items() if name not in aside}


def _versions():
    import keras
    import numpy
    import tensorboard
    import tensorflow

    return {
        "xorlab": __version__,
        "python": platform.python_version(),
        "tensorflow": tensorflow.__version__,
        "keras": keras.__version__,
        "tensorboard": tensorboard.__version__,
        "numpy": numpy.__version__,
    }


@contextlib.contextmanager
def _stopping_on_interrupt(model):
    """Inside, a first Ctrl-C ends `fit` at the next step that is logged.

    A second one raises KeyboardInterrupt, as soon as Python runs again.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread may handle signals.
        return

    def stop(signum, frame):
        model.stop_training = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _finite(value):
    """Replaces each number in dicts and lists that is not finite by None."""
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def define_flags():
    """Defines a flag for every field of `Config`."""
    define = {
        bool: flags.DEFINE_bool,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        str: flags.DEFINE_string,
    }
    for field in dataclasses.fields(Config):
        define[field.type](field.name, field.default, field.metadata["help"])


def main(argv):
    """Checks, runs, prints; returns the exit code."""
    values = {f.name: flags.FLAGS[f.name].value for f in dataclasses.fields(Config)}
    try:
        if argv[1:]:
            raise ValueError(
                f"expected flags; received {argv[1]!r}; write --flag=value"
            )
        config = Config(**values)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        result = run(config, progress=True)
    except UnusableDirectory as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            f"Stopped before the first step was logged; {config.run_dir} holds no run; "
            "--overwrite takes it again.",
            file=sys.stderr,
        )
        return 130
    print(report.lecture_block(result))
    for when in ("start", "end"):
        print()
        title = f"Gradients at the {when}, input first"
        print(report.gradient_table(result["gradient_rms"][when], title))
    print(f"\n{report.verdict(result)}\n\nRun: {config.run_dir}")
    print(f"See it: tensorboard --logdir {config.logdir}")
    if result["diverged_at"] is not None:
        return 1
    if result["steps_done"] < config.steps:
        print(f"Stopped at step {result['steps_done']} of {config.steps}.")
        return 130
    return 0


if __name__ == "__main__":
    define_flags()
    startup.run_command(main)
