"""What a run leaves is told by the last step that was logged, whatever it was."""

import json
import math
import types

import keras
import numpy as np
import pytest
from oracles import sessions

from xorlab import train
from xorlab.diagnosis import Tried
from xorlab.models.optimizers import MOMENTUM
from xorlab.steps.tap import Reading
from xorlab.train import Config, remedies, training
from xorlab.train.evidence import Seen


@pytest.fixture
def trained(monkeypatch):
    """Lets a run find these hypotheses, without training; a call before it begins."""

    def replace(hypothesis, cost=0.5, before=lambda: None):
        def train(config, progress, begin):
            before()
            begin()
            reading = Reading({}, {}, {"last": np.float32(hypothesis)[:, None]})
            return types.SimpleNamespace(
                step=7,
                cost=cost,
                accuracy=0.75,
                diverged_at=None if math.isfinite(cost) else 7,
                reading=reading,
                seen=[Seen(0, 0.7, 0.5, reading), Seen(7, cost, 0.75, reading)],
                gradient_rms={"start": {"last": 0.1}, "end": {"last": cost}},
                seconds={"compile": 1.0, "train": 2.0, "log": 3.0},
            )

        monkeypatch.setattr(training, "train", train)

    return replace


def test_a_hypothesis_of_a_half_predicts_zero(trained, tmp_path):
    # As the accuracy counts it.
    trained([0.5, 0.50001, 0.0, 1.0])
    result = train.run(Config(logdir=str(tmp_path)))
    assert result["predicted"] == [0.0, 1.0, 0.0, 1.0]


def test_it_is_told_what_the_network_was_right_about_before_training(trained, tmp_path):
    # Who was right already has learned nothing.
    trained([0.1, 0.9, 0.9, 0.1])
    result = train.run(Config(logdir=str(tmp_path)))
    assert (result["accuracy_at_start"], result["accuracy"]) == (0.5, 0.75)


def test_json_has_null_wherever_a_number_is_not_finite(trained, tmp_path):
    config = Config(logdir=str(tmp_path))
    trained([math.nan, 0.9, 0.1, math.inf], cost=math.nan)
    result = train.run(config)
    # A row without a number is predicted as neither 0 nor 1.
    assert math.isnan(result["predicted"][0]) and result["predicted"][1:3] == [1, 0]
    found = json.loads((config.run_dir / "result.json").read_text())
    assert found["hypothesis"][0] is None and found["hypothesis"][3] is None
    assert found["predicted"] == [None, 1, 0, 1]
    assert found["cost"] is None and found["gradient_rms"]["end"] == {"last": None}
    assert found["gradient_rms"]["start"] == {"last": 0.1}
    assert (found["steps_done"], found["diverged_at"]) == (7, 7)


def test_an_old_run_goes_when_the_new_begins_even_if_somebody_was_faster(
    trained, tmp_path
):
    config = Config(overwrite=True, logdir=str(tmp_path))
    config.run_dir.mkdir()
    old = [config.run_dir / f"events.out.tfevents.{n}.old" for n in (1, 2)]
    for path in old:
        path.touch()
    trained([0.1, 0.9, 0.9, 0.1], before=old[0].unlink)
    train.run(config)
    assert [path.name for path in config.run_dir.iterdir()] == ["result.json"]


@pytest.mark.parametrize(
    ("hypothesis", "steps", "tried"),
    [([0.1, 0.9, 0.9, 0.1], 7, []), ([0.5] * 4, 8, []), ([0.5] * 4, 7, ["as it is"])],
    ids=["learned", "stopped", "ended"],
)
def test_cures_are_tried_where_a_run_has_ended_and_did_not_learn(
    trained, hypothesis, steps, tried, tmp_path, monkeypatch
):
    def begin(config, recorder, result, progress):
        yield Tried("as it is", after=result["cost"])
        raise KeyboardInterrupt

    monkeypatch.setattr(remedies, "try_remedies", begin)
    trained(hypothesis)
    config = Config(steps=steps, remedies=True, logdir=str(tmp_path))
    result = train.run(config)
    # What was known when Ctrl-C came is kept.
    assert [x["change"] for x in result["verdict"]["tried"]] == tried
    assert json.loads((config.run_dir / "result.json").read_text()) == result


def test_all_its_time_is_told(trained, tmp_path):
    trained([0.1, 0.9, 0.9, 0.1])
    seconds = train.run(Config(logdir=str(tmp_path)))["seconds"]
    assert (seconds["compile"], seconds["train"], seconds["log"]) == (1, 2, 3)
    assert seconds["import"] <= seconds["total"] < 10


def test_the_network_is_compiled_as_the_settings_say():
    model = training.compiled(
        Config(depth=2, optimizer="momentum", learning_rate=0.25, jit=False)
    )
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    assert model.optimizer.momentum == MOMENTUM
    assert float(model.optimizer.learning_rate) == 0.25
    assert not model.jit_compile
    assert training.compiled(Config(depth=2)).jit_compile


COMMON = {"activation", "network", "optimizer", "learning_rate", "steps"}
START = {"initializer", "init_scale", "seed"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "settings"),
    [
        ("deep", COMMON | START | {"depth", "width"}),
        ("shallow", COMMON | START),
        ("handmade", COMMON),
    ],
)
def test_runs_are_compared_by_the_settings_that_shape_them(network, settings, tmp_path):
    config = Config(network=network, steps=1, jit=False, logdir=str(tmp_path))
    train.run(config)
    start = sessions.start(config.run_dir)
    assert set(start.hparams) == settings
    assert start.group_name == config.run_name
