"""The public face in a user's own code; mypy checks it strictly, nothing runs it.

An ignored error is one that mypy has to find: a face that is Any would have none.
"""

from typing import Any

from matplotlib.figure import Figure
from typing_extensions import assert_type  # Python 3.11's own.

import xorlab


def networks() -> None:
    model = xorlab.models.deep("relu", depth=3)
    assert_type(model, xorlab.models.FusedModel)
    assert_type(xorlab.models.ACTIVATIONS["relu"].largest_slope, float)
    assert_type(xorlab.models.INITIALIZERS, tuple[str, ...])
    xorlab.models.data.INPUTS.maen()  # type: ignore[attr-defined]
    xorlab.models.deep("relu", dept=3)  # type: ignore[call-arg]
    xorlab.models.deeper("relu")  # type: ignore[attr-defined]


def one_run() -> None:
    config = xorlab.train.Config(activation="sigmoid", steps=10)
    assert_type(config.learning_rate, float)
    assert_type(xorlab.train.run(config), dict[str, Any])
    xorlab.train.run("relu")  # type: ignore[arg-type]


def a_sweep() -> None:
    grid = xorlab.sweep.Grid(activations=("sigmoid", "relu"), depths=(2, 11), seeds=10)
    columns = xorlab.sweep.train(grid)
    assert_type(list(columns), list[str])
    columns["cost"].maen()  # type: ignore[attr-defined]
    summaries = xorlab.sweep.run(grid, "logs/sweep/mine")
    assert_type(summaries[0].share, float)
    assert_type(xorlab.pictures.phase_diagram(summaries), Figure)


def a_fit(model: Any) -> None:
    callback = xorlab.callbacks.TensorBoard("logs", write_grads=True)
    assert_type(callback, xorlab.callbacks.TensorBoard)
    xorlab.callbacks.TensorBoard("logs", histogram_steps="1")  # type: ignore[arg-type]
    with xorlab.watch(model.optimizer, [model], "logs/mine", histogram_steps=10):
        model.fit()
    xorlab.watch(model.optimizer, model, every=10)  # type: ignore[call-arg]
    tap = xorlab.steps.StepTap(model, rows=4)
    with tap.attached():
        model.fit()
    assert_type(tap.read(), xorlab.steps.Reading)
    rms = xorlab.steps.rms_by_layer(tap.read().gradients)
    assert_type(rms, dict[str, float])
    assert_type(callback.verdict.cause, str)


def a_log(writer: Any) -> None:
    log = xorlab.eventlog.EventFile(writer)
    log.write([xorlab.eventlog.StepValues(0, {"cost": 0.7})])
    log.wirte([])  # type: ignore[attr-defined]
