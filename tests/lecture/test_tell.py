"""Each chapter tells of its own networks: their numbers, and their pictures."""

import html
import sys
import types

import pytest
from oracles.summaries import summary

from xorlab import lecture, pictures, sweep, train
from xorlab.lecture.words import CHAPTERS
from xorlab.report import recorded as reading

SOLVED = {
    ("sigmoid", "uniform"): 1,
    ("sigmoid", "data_dependent"): 99,
    ("relu", "uniform"): 42,
    ("relu", "data_dependent"): 77,
}


def of_run(folder):
    """What is read of a run's folder: all of it says whose it is."""
    images = ("3_decision_surface", "4_four_rows_by_layer")
    return types.SimpleNamespace(
        images=dict.fromkeys(images, folder.name),
        curves={subject: {folder.name: {}} for subject in ("cost", "accuracy")},
        gradients_at_ends=lambda: folder.name,
    )


@pytest.fixture(scope="module")
def configs():
    return []


@pytest.fixture(scope="module")
def told(configs, tmp_path_factory):
    """The chapters, where the network of chapter n comes to a cost of n / 1000."""

    def run(config, progress):
        configs.append(config)
        number = int(config.run_name[0])
        start = {"layer1": number * 1e-9, "last": 0.1}
        return {
            "steps_done": 1000 * number,
            "cost": number / 1000,
            "accuracy": 0.25 * (1 + number % 4),
            "hypothesis": [0.0, 1.0, 0.5, number / 1000],
            "predicted": [0.0, 1.0, 0.0, 0.0],
            "gradient_rms": {"start": start, "end": {"layer1": 5.0, "last": 5.0}},
        }

    def swept(grid, out, progress):
        out.mkdir(parents=True)
        (out / "phase_diagram.png").write_bytes(b"drawn by the sweep")
        return [
            summary(a, 11, n, initializer=start) for (a, start), n in SOLVED.items()
        ]

    draw = ("gradients_by_layer", "learning_curves", "activation_gallery", "encoded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "run", run)
        patch.setattr(sweep, "run", swept)
        patch.setattr(reading, "recorded", of_run)
        for name in draw:
            patch.setattr(pictures, name, lambda shown: shown)
        chapters = lecture.tell(tmp_path_factory.mktemp("lecture"))
        return {chapter.chapter: chapter for chapter in chapters}


@pytest.mark.parametrize(
    ("chapter", "number"),
    [
        ("handmade", 1),
        ("shallow", 2),
        ("sigmoid", 3),
        ("vanishing", 3),
        ("relu", 5),
        ("start", 7),
    ],
)
def test_numbers_are_those_of_the_chapter_s_network(chapter, number, told):
    facts = told[chapter].facts
    assert facts["cost"] == f"0.00{number}" and facts["steps"] == f"{number},000"
    assert facts["right"] == 1 + number % 4
    # First by last, before training.
    assert facts["ratio"] == f"0.0000000{number}"


def test_tables_are_of_the_network_or_of_its_gradients_before_training(told):
    assert "0.00100000" in told["handmade"].tables
    assert "Cost: 0.00300000" in told["sigmoid"].tables
    assert "3.00e-09" in told["vanishing"].tables
    assert "5.00e-09" in told["relu"].tables


def test_pictures_are_of_the_networks_that_a_chapter_compares(told):
    shown = {name: chapter.pictures for name, chapter in told.items()}
    sigmoid, relu = "3-deep-sigmoid", "5-deep-relu"
    assert shown["shallow"] == {"surface": "2-shallow"}
    assert list(shown["sigmoid"]["curves"]["cost"]) == [sigmoid]
    assert shown["sigmoid"]["rows"] == sigmoid
    assert shown["vanishing"]["gradients"] == {"deep sigmoid": sigmoid}
    both = {"deep sigmoid": sigmoid, "deep ReLU": relu}
    assert shown["relu"]["gradients"] == both and shown["relu"]["surface"] == relu
    assert list(shown["relu"]["curves"]["accuracy"]) == [sigmoid, relu]
    better = "7-better-start"
    assert list(shown["start"]["gradients"].values()) == [sigmoid, better]
    assert shown["start"]["surface"] == better
    assert shown["many"] == {"shares": b"drawn by the sweep"}


def test_networks_that_learn_are_counted_by_activation_and_start(told):
    words = CHAPTERS["many"].text.format(**told["many"].facts)
    assert "From the lecture's start 1 of the sigmoid ones learn XOR, and 42" in words
    assert "from the better start 99 and 77." in words


def test_it_can_be_told_again(told, configs):
    # Into the same folder, where the runs of the last time are.
    assert len(configs) == 5 and all(config.overwrite for config in configs)


def test_the_page_tells_each_chapter_in_both_languages(told, monkeypatch):
    monkeypatch.setattr(pictures, "encoded", lambda figure: b"")
    chapters = [
        types.SimpleNamespace(chapter=x.chapter, facts=x.facts, tables="", pictures={})
        for x in told.values()
    ]
    page = html.unescape(sys.modules["xorlab.lecture.tell"].page(chapters))
    for name, chapter in told.items():
        words = CHAPTERS[name]
        for text, lang in ((words.text, "en"), (words.text_ko, "ko")):
            for part in text.format(**chapter.facts).split("\n\n"):
                assert f'<p lang="{lang}">{part}</p>' in page
