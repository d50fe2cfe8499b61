"""What is read of a run is what was written: all that pictures are drawn of."""

import numpy as np
import pytest
from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from xorlab.eventlog import summaries
from xorlab.eventlog.eventfile import EventFile, OwnRecords, StepValues
from xorlab.eventlog.finished import write_event_file
from xorlab.eventlog.reading import read
from xorlab.pictures import encoded
from xorlab.pictures.style import blank
from xorlab.steps import histograms


@pytest.fixture
def folder(tmp_path):
    log = EventFile(OwnRecords(tmp_path))
    for step, cost in ((0, 0.75), (2000, 0.5)):
        counts = histograms.count([np.array([0.0, step])])
        rms = {"gradient_rms/b": 1.0 + step, "gradient_rms/a": 2.0}
        log.write([StepValues(step, {"cost": cost} | rms, ["b/weight"], counts)])
    log.text("verdict", "all is **well**", 2000)
    log.summary(summaries.image("pictures/one", encoded(blank(2, 1))), 7)
    log.close(succeeded=True)
    return tmp_path


def test_each_value_comes_back_by_tag_and_step(folder):
    log = read(folder)
    assert log.scalars["cost"] == {0: 0.75, 2000: 0.5}
    assert log.texts["verdict"] == {2000: "all is **well**"}
    rows = log.histograms["b/weight"]
    assert rows[0][:, 2].sum() == rows[2000][:, 2].sum() == 2
    # In the order of the log, which is that of the layers.
    gradients = log.layers("gradient_rms")
    assert gradients == {0: {"b": 1, "a": 2}, 2000: {"b": 2001, "a": 2}}
    assert list(gradients[0]) == ["b", "a"]


def test_an_image_is_the_file_itself_and_tells_its_size(folder):
    [(step, png)] = read(folder).images["pictures/one"].items()
    assert step == 7 and png == encoded(blank(2, 1))
    value = summaries.image("pictures/one", png).value[0]
    assert list(value.tensor.string_val[:2]) == [b"200", b"100"]


def test_a_file_that_is_cut_off_is_read_as_far_as_it_goes(folder):
    [path] = folder.glob("*tfevents*")
    path.write_bytes(path.read_bytes()[:-20])
    assert read(folder).scalars["cost"] == {0: 0.75, 2000: 0.5}


def test_a_training_that_began_again_is_read_as_it_went_on(tmp_path):
    files = {
        "1700000200.after": {5: 0.25, 6: 0.2},
        "1700000100.before": {4: 0.6, 5: 0.5},
    }
    for name, costs in files.items():
        values = [(step, scalar_pb("cost", cost)) for step, cost in costs.items()]
        write_event_file(tmp_path / f"events.out.tfevents.{name}", values)
    costs = read(tmp_path).scalars["cost"]
    assert costs == pytest.approx({4: 0.6, 5: 0.25, 6: 0.2})
