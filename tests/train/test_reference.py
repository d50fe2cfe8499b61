"""The two runs that lie in `logs/reference` are what today's code records."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

from xorlab import train
from xorlab.models import data
from xorlab.train import Config

sys.path.append(str(pathlib.Path(__file__).parents[2] / "scripts"))

from record_reference import RUNS

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "logs" / "reference"


@pytest.fixture
def undrawn():
    """Here they are drawn."""


def read(run_dir):
    """Returns the result, the scalars by tag and step, and all tags."""
    events = EventAccumulator(str(run_dir), {"tensors": 0}).Reload()
    tags = events.Tags()["tensors"]
    scalars = {
        tag: {
            event.step: np.frombuffer(event.tensor_proto.tensor_content, np.float32)[0]
            for event in events.Tensors(tag)
        }
        for tag in tags
        if events.SummaryMetadata(tag).plugin_data.plugin_name == "scalars"
    }
    return json.loads((run_dir / "result.json").read_text()), scalars, set(tags)


@pytest.mark.slow
@pytest.mark.parametrize("activation", RUNS)
def test_today_s_code_records_the_same(activation, tmp_path):
    settings = json.loads((FOLDER / f"deep-{activation}/result.json").read_text())
    assert Config(**settings["config"]) == RUNS[activation]
    config = Config(**(settings["config"] | {"logdir": str(tmp_path)}))
    train.run(config)
    (kept, kept_scalars, kept_tags), (new, new_scalars, new_tags) = (
        read(folder) for folder in (FOLDER / f"deep-{activation}", config.run_dir)
    )
    assert kept_tags == new_tags and kept.keys() == new.keys()
    assert kept_scalars["cost"].keys() == set(range(0, 20_001, 2_000))
    assert kept["gradient_rms"]["start"] == pytest.approx(
        new["gradient_rms"]["start"], rel=1e-3
    )
    # Later, sigmoid's gradients are rounding, which another processor may do otherwise.
    rtol = {"sigmoid": 1e-5, "relu": 0.02}[activation]
    for step, cost in kept_scalars["cost"].items():
        assert new_scalars["cost"][step] == pytest.approx(cost, rel=rtol)
    if activation == "relu":
        assert kept["gradient_rms"]["end"] == pytest.approx(
            new["gradient_rms"]["end"], rel=0.05
        )


def test_they_show_what_the_lecture_says():
    sigmoid, relu = (read(FOLDER / f"deep-{name}")[0] for name in ("sigmoid", "relu"))
    np.testing.assert_allclose(sigmoid["hypothesis"], 0.5, atol=1e-5)
    assert relu["accuracy"] == 1 and relu["predicted"] == data.LABELS.ravel().tolist()
    first, last = (
        sigmoid["gradient_rms"]["start"][name] for name in ("layer1", "last")
    )
    assert first < 1e-6 * last
    first, last = (relu["gradient_rms"]["start"][name] for name in ("layer1", "last"))
    assert 0.1 < first / last < 10


def test_they_are_small_tell_no_machine_and_lie_where_no_run_goes_by_default():
    files = sorted(path for path in FOLDER.rglob("*") if path.is_file())
    assert [path.name for path in files] == 2 * [
        "events.out.tfevents.0.reference",
        "result.json",
    ]
    assert sum(path.stat().st_size for path in files) < 1_000_000
    for activation in RUNS:
        assert Config(activation=activation).run_dir not in FOLDER.parents
    # Of users' own runs beside them git knows nothing.
    own = ["logs/deep-relu-seed22/result.json", "logs/sweep/lecture/summary.md"]
    # Where the page of the reference says how to go on, and the page.
    own += ["logs/reference/deep-sigmoid-next/result.json", "report.html"]
    kept = ["logs/reference/deep-relu/result.json", "logs/README.md"]
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", *own, *kept],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ignored.stdout.split() == own


def test_tensorboard_finds_them_in_the_folder_of_all_runs(tmp_path):
    (tmp_path / "reference").symlink_to(FOLDER)
    found = EventMultiplexer().AddRunsFromDirectory(str(tmp_path))
    assert set(found.Runs()) == {"reference/deep-relu", "reference/deep-sigmoid"}
