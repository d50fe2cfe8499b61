"""Trains the network of a run, and logs it."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from xorlab import startup
from xorlab.eventlog.graph import train_step_graph
from xorlab.models import data, lecture
from xorlab.models.fused import FusedModel
from xorlab.models.optimizers import OPTIMIZERS
from xorlab.steps.tap import StepTap
from xorlab.train.album import Album
from xorlab.train.config import Config
from xorlab.train.interrupt import deaf_to_ctrl_c, run_interruptibly
from xorlab.train.pace import Pace, Progress
from xorlab.train.recorder import Recorder
from xorlab.train.runlog import RunLog


def train(config: Config, progress: bool, begin: Callable[[], None]) -> Recorder:
    """Trains a network, and writes the event file of its run.

    `fit` makes one step more than asked for, whose update nobody reads: so the training
    step itself tells cost, gradients and hypotheses of the final network, too.

    Args:
        config: what to train.
        progress: show a progress bar if standard error is a terminal.
        begin: is called when the first step is logged.

    Returns:
        What it was told of the last step.

    Raises:
        KeyboardInterrupt: Ctrl-C, before a step was logged.
        ValueError: this machine has no such device.
        OSError: the event file cannot be written.
    """
    model, tap = tapped(config)
    with startup.on_device(config.device):
        log = RunLog(config, _graph(model))
    pace = Pace(config.steps, config.log_every)
    album = Album(config) if config.histograms else None
    recorder = Recorder(tap, log, config.histograms, pace.is_logged, begin, album)
    bar = Progress(config.steps, shown=progress)
    succeeded = False
    try:
        fit(config, model, tap, pace, [recorder, bar])
        with deaf_to_ctrl_c():
            recorder.end()
            recorder.draw()
        succeeded = recorder.step == config.steps and recorder.diverged_at is None
    finally:
        with deaf_to_ctrl_c():
            recorder.end()
            bar.close()
            log.close(succeeded)
    if recorder.step is None:
        raise KeyboardInterrupt
    return recorder


def tapped(config: Config) -> tuple[FusedModel, StepTap]:
    """Makes the network that a run trains, and what reads its steps."""
    with startup.on_device(config.device):
        model = compiled(config)
        return model, StepTap(model, rows=len(data.INPUTS))


def fit(
    config: Config,
    model: FusedModel,
    tap: StepTap,
    pace: Pace,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Trains at a pace, until that, a callback or Ctrl-C ends it."""

    def work():
        with startup.on_device(config.device):
            model.fit(
                data.INPUTS,
                data.LABELS,
                epochs=pace.epochs,
                callbacks=[pace, *callbacks],
                verbose=0,
            )

    with tap.attached():
        run_interruptibly(work, functools.partial(_stop, model))


def _stop(model):
    model.stop_training = True


def compiled(config: Config) -> FusedModel:
    """Makes the network that a run trains, ready to."""
    model = network(config)
    optimizer, settings = OPTIMIZERS[config.optimizer]
    model.compile(
        getattr(keras.optimizers, optimizer)(config.learning_rate, **settings),
        loss="binary_crossentropy",
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.5)],
        jit_compile=config.jit,
    )
    return model


def network(config: Config) -> FusedModel:
    """Makes the network that a run begins with, not compiled."""
    if config.network == "handmade":
        return lecture.handmade()
    start: dict[str, Any] = {
        "seed": config.seed,
        "initializer": config.initializer,
        "init_scale": config.init_scale,
    }
    if config.network == "shallow":
        return lecture.shallow(config.activation, **start)
    return lecture.deep(config.activation, config.depth, config.width, **start)


def _graph(model):
    batch = (
        tf.TensorSpec(data.INPUTS.shape, name="X-input"),
        tf.TensorSpec(data.LABELS.shape, name="Y-input"),
    )
    names = lecture.lecture_names(model)
    return train_step_graph(model, batch, loss_name="cost", variable_names=names)
