"""The lecture is told whole, in both languages, with the numbers of its own runs."""

import functools
import html
import json
import re
import string
import sys

import pytest
from absl import flags

from xorlab import sweep, train
from xorlab.lecture import __main__ as command
from xorlab.lecture.words import CHAPTERS
from xorlab.pictures.album import GradientAlbum


def fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_korean_says_what_english_does():
    for words in CHAPTERS.values():
        assert fields(words.text) == fields(words.text_ko)
        assert words.title.split()[0] == words.title_ko.split()[0]
        assert re.search("[가-힣]", words.text_ko) and re.search(
            "[가-힣]", words.title_ko
        )
        # The pictures of the lecture and the constants, alike.
        for number in ("0.4774", "1/4", "0.5"):
            assert (number in words.text) == (number in words.text_ko), words.title
        numbers = [
            sorted(re.findall(r"\d[\d,.]*\d|\d", x))
            for x in (words.shown, words.shown_ko)
        ]
        assert numbers[0] == numbers[1], words.title


@pytest.mark.slow
def test_it_is_told_step_by_step_and_ends_in_a_page(tmp_path, monkeypatch, capsys):
    module = sys.modules["xorlab.lecture.tell"]
    monkeypatch.setattr(module, "STEPS", 40)
    # Too few for XLA to be worth its seconds.
    monkeypatch.setattr(train, "Config", functools.partial(train.Config, jit=False))
    # The page shows none of these pictures of a run.
    monkeypatch.setattr(GradientAlbum, "drawn", lambda album: {})
    small = sweep.Grid(
        activations=("sigmoid", "relu"),
        depths=(2,),
        initializers=("uniform", "data_dependent"),
        seeds=3,
        steps=20,
    )
    monkeypatch.setattr(module, "GRID", small)
    # After `--logdir=` no shell looks for the user's own folder.
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    own = f"~/{tmp_path.name}"
    monkeypatch.setattr(flags, "FLAGS", type("Flags", (), {"logdir": own}))
    assert command.main(["lecture"]) == 0
    out = capsys.readouterr().out
    titles = [words.title for words in CHAPTERS.values()]
    assert [line for line in out.splitlines() if line in titles] == titles
    page = (tmp_path / "lecture.html").read_text(encoding="utf-8")
    for words in CHAPTERS.values():
        assert words.title_ko in page and words.shown in html.unescape(page)
    result = json.loads((tmp_path / "5-deep-relu/result.json").read_text())
    told = f"has a cost of {result['cost']:.3g} after 40 steps"
    assert told in " ".join(out.split()) and told in page
    # Nothing is fetched, and nothing was left out.
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert page.count("<img") == 21
    assert not re.search(r"{\w+}", page)


def test_a_word_beside_the_flags_is_refused_before_anything_runs(monkeypatch, capsys):
    monkeypatch.setattr(flags, "FLAGS", type("Flags", (), {"logdir": "nowhere"}))
    assert command.main(["lecture", "now"]) == 2
    assert "received 'now'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "Stopped. The same command begins again."),
        (OSError(28, "No space left", "a.png"), 2, "expected to write a.png; No space"),
    ],
)
def test_what_ends_it_is_a_line(error, code, words, monkeypatch, tmp_path, capsys):
    def tell(logdir):
        raise error
        yield

    monkeypatch.setattr(flags, "FLAGS", type("Flags", (), {"logdir": str(tmp_path)}))
    monkeypatch.setattr(command, "tell", tell)
    assert command.main(["lecture"]) == code
    [line] = capsys.readouterr().err.strip().splitlines()
    assert words in line and not (tmp_path / "lecture.html").exists()
