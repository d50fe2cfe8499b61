"""The page of runs holds what they recorded, whatever recorded them, and no link."""

import base64
import html.parser
import json
import pathlib
import re
import shutil
import types

import numpy as np
import pytest
from absl import flags

from xorlab import pictures, report
from xorlab.eventlog.eventfile import EventFile, OwnRecords, StepValues
from xorlab.eventlog.summaries import image
from xorlab.report.__main__ import main
from xorlab.steps import histograms


def training(folder, steps=(0, 5), layers=1):
    """What the callback leaves of two epochs, with a validation."""
    for part, losses in (("train", [0.5, 0.25]), ("validation", [0.75, 0.625])):
        (folder / part).mkdir(parents=True)
        log = EventFile(OwnRecords(folder / part))
        for epoch, loss in enumerate(losses):
            numbers = {"epoch_loss": loss, "epoch_learning_rate": 0.5}
            log.write([StepValues(epoch, numbers)])
        if part == "train":
            tags = [f"dense{x or ''}/kernel/weight" for x in range(layers)]
            for step in steps:
                rms = {"gradient_rms/dense": 0.125, "gradient_rms/<head>": 1e-9}
                counts = histograms.count([np.array([0.0, 1.0])] * layers)
                log.write([StepValues(step, rms, tags, counts)])
            log.text("verdict", "- **dense** starves & <b>more", 5)
        log.close(True)
    return folder


def sweep(folder):
    folder.mkdir()
    (folder / "summary.csv").write_text(
        "activation,depth,share,dead_at_10,start_at_10,start_at_20\n"
        "relu,11,0.123456789,0,7777,0\nsigmoid,11,2.5e-08,0,0,0\n"
    )
    (folder / "grid.json").write_text(json.dumps({"seeds": 70, "steps": 2000}))
    (folder / "phase_diagram.png").write_bytes(b"\x89PNG the sweep's own")
    return folder


class Seen(html.parser.HTMLParser):
    """The texts, the captions and the addresses of a page."""

    def __init__(self, page):
        super().__init__()
        self.links, self.alts, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.links += [attrs[x] for x in ("src", "href") if x in attrs]
        self.alts += [attrs["alt"]] if "alt" in attrs else []

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def page(finished_runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    runs = [config.run_dir for config, _ in finished_runs.values()]
    others = [training(folder / "cnn"), sweep(folder / "lecture")]
    return Seen(report.page([*runs[:2], *others]))


@pytest.fixture
def undrawn(monkeypatch):
    """What pictures show is made, but not drawn."""
    monkeypatch.setattr(pictures, "encoded", lambda figure: b"")


@pytest.mark.slow
def test_it_needs_no_network_and_no_other_file(page):
    assert page.links and all(link.startswith("data:") for link in page.links)


def test_it_says_what_each_run_came_to(page, finished_runs):
    for activation in ("sigmoid", "relu"):
        _, result = finished_runs[activation]
        assert f"{result['cost']:.6g}" in page.text
        assert f"deep-{activation}-seed22" in page.text
    assert "dense starves & <b>more" in page.text  # Of the callback's verdict.
    assert re.search(r"networks a cell\s*70", page.text)
    # What all cells share is no column.
    assert re.search(r"depth\s*11", page.text)
    head = r"activation\s*share\s*start_at_10"
    assert re.search(rf"{head}\s*relu\s*0.1235\s*7777\s*sigmoid", page.text)


def test_it_shows_runs_together_and_each_alone(page):
    def count(words):
        return sum(words in alt for alt in page.alts)

    assert count("Gradient RMS against layer") == 1
    # Steps of the runs, epochs of the training: no axis is of both.
    assert count("Numbers over the steps") == count("Numbers over the epochs") == 1
    assert count("over time") == 3  # Of two lecture runs and the training.
    assert count("over the unit square") == count("the four rows") == 2
    assert count("How large the numbers are") == 3
    assert count("share of networks") == 1


def test_its_pictures_are_of_those_numbers(tmp_path, monkeypatch, undrawn):
    given = {}

    def note(name):
        def draw(data, *unit):
            given[name] = (data, *unit) if unit else data
            return drawn[name](data, *unit)

        return draw

    names = ["gradients_by_layer", "learning_curves", "histograms_by_layer"]
    drawn = {name: getattr(pictures, name) for name in names}
    for name in names:
        monkeypatch.setattr(pictures, name, note(name))
    report.page([training(tmp_path / "cnn")])
    rms = {"dense": pytest.approx(0.125), "<head>": pytest.approx(1e-9)}
    assert given["gradients_by_layer"] == {"cnn": {0: rms, 5: rms}}
    losses = {"cnn": {0: 0.5, 1: 0.25}, "cnn, validation": {0: 0.75, 1: 0.625}}
    assert given["learning_curves"] == ({"loss": losses}, "epoch")
    [rows] = given["histograms_by_layer"]["weights"].values()
    assert rows[:, 2].sum() == 2


def test_a_picture_of_a_log_is_that_of_its_last_step(tmp_path):
    log = EventFile(OwnRecords(tmp_path))
    # A header, of which the page looks at nothing.
    pngs = [b"\x89PNG" + bytes(20) + words for words in (b"untrained", b"trained")]
    for step, png in enumerate(pngs):
        log.summary(image("pictures/3_decision_surface", png), step)
    log.close(True)
    [picture] = re.findall('data:image/png;base64,([^"]+)', report.page([tmp_path]))
    assert base64.b64decode(picture) == pngs[-1]


def test_of_many_runs_three_stand_side_by_side(tmp_path, monkeypatch, undrawn):
    # More would be too narrow to be read.
    beside = []

    def drawn(panels):
        beside.append(list(panels))

    names = ["learning_curves", "gradients_over_time", "histograms_by_layer"]
    for name in names:
        monkeypatch.setattr(pictures, name, lambda *data: b"")
    monkeypatch.setattr(pictures, "gradients_by_layer", drawn)
    report.page([training(tmp_path / name) for name in "abcd"])
    assert beside == [["a", "b", "c"], ["d"]]


def test_of_many_layers_some_are_shown_and_of_one_step_nothing_over_time(
    tmp_path, monkeypatch, undrawn
):
    given, draw = [], pictures.histograms_by_layer

    def drawn(kept):
        given.append(kept)
        return draw(kept)

    monkeypatch.setattr(pictures, "histograms_by_layer", drawn)
    page = Seen(report.page([training(tmp_path / "deep", steps=[0], layers=30)]))
    [kept] = given
    # The first, and others at the same distance.
    assert list(kept["weights"]) == [f"dense{x or ''}" for x in range(0, 30, 3)]
    assert not any("over time" in alt for alt in page.alts)


def test_a_command_writes_it_and_refuses_what_is_no_run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(flags, "FLAGS", types.SimpleNamespace(out="report.html"))
    (tmp_path / "empty").mkdir()
    for folder in ("broken", "broken-fit/train"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "events.out.tfevents.0").write_bytes(b"no records" * 9)
    for words, said in (
        (["empty"], "no result.json, no summary.csv and no event files"),
        (["broken"], "received those of 'broken', of which nothing can be read"),
        (["broken-fit"], "of which nothing can be read"),
        (["absent"], "expected a folder; received 'absent'"),
        ([], "expected folders of runs; received none"),
    ):
        assert main(["report", *words]) == 2
        assert said in capsys.readouterr().err
    assert main(["report", str(sweep(tmp_path / "one"))]) == 0
    assert "report.html" in capsys.readouterr().out
    assert "<h1>one</h1>" in pathlib.Path("report.html").read_text()
    # After `--out=` no shell looks for the user's own folder; and a folder may be here.
    monkeypatch.setenv("HOME", str(tmp_path / "empty"))
    monkeypatch.setattr(flags, "FLAGS", types.SimpleNamespace(out="~/report.html"))
    monkeypatch.chdir(tmp_path / "one")
    assert main(["report", "."]) == 0
    assert "<h1>one</h1>" in (tmp_path / "empty/report.html").read_text()


def test_runs_of_one_name_are_told_apart_by_the_folders_they_are_in(
    tmp_path, monkeypatch, undrawn
):
    beside, draw = [], pictures.gradients_by_layer

    def drawn(panels):
        beside.append(list(panels))
        return draw(panels)

    monkeypatch.setattr(pictures, "gradients_by_layer", drawn)
    folders = [training(tmp_path / x / "cnn") for x in ("a", "b")]
    # One that is given twice is shown once, however it is spelled.
    text = Seen(report.page([*folders, folders[0] / ".." / "cnn"])).text
    assert beside == [["a/cnn", "b/cnn"]] and "a/cnn beside b/cnn" in text


def test_causes_that_were_found_are_in_the_table_of_a_sweep(page):
    assert "start_at_10" in page.text and "7777" in page.text
    assert "dead_at_10" not in page.text and "start_at_20" not in page.text


@pytest.mark.slow
def test_cures_that_were_tried_are_a_table_of_their_own(
    finished_runs, tmp_path, undrawn
):
    config, result = finished_runs["sigmoid"]
    tried = [
        {"change": "as it is", "before": 0.75, "after": 0.5, "steps": 25},
        {"change": "--depth=3", "after": 0.25, "steps": 25, "learned": True},
    ]
    result = result | {"verdict": result["verdict"] | {"tried": tried}}
    folder = shutil.copytree(config.run_dir, tmp_path / "run")
    (folder / "result.json").write_text(json.dumps(result))
    text = Seen(report.page([folder])).text
    # Of a network that says NaN no row is right or wrong: the page has its numbers.
    (folder / "result.json").write_text(json.dumps(result | {"predicted": [None] * 4}))
    assert "seen to work" not in Seen(report.page([folder])).text
    assert re.search(
        r"changeloss before.*as it is0.750.525no.*--depth=30.2525yes", text, re.S
    )
    assert "What was seen to work: --depth=3." in text
    assert re.search("Next: .* -m xorlab.train .*--depth=3", text)


def test_text_of_a_log_is_no_markup(tmp_path, undrawn):
    page = report.page([training(tmp_path / "<b>cnn")])
    assert "<b>" not in page and "&lt;b&gt;cnn" in page
