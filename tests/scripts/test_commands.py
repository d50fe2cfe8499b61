"""All programs answer alike: a line and exit code 2, or help, without TensorFlow."""

import pathlib
import re

import pytest
from oracles import processes

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parents[2]
PROGRAMS = {
    "xorlab": ["-m", "xorlab"],
    "train": ["-m", "xorlab.train"],
    "sweep": ["-m", "xorlab.sweep"],
    "images": ["-m", "xorlab.images"],
    "study": [str(ROOT / "scripts" / "study.py")],
    "calibrate": [str(ROOT / "scripts" / "calibrate.py")],
    "check_gpu": [str(ROOT / "scripts" / "check_gpu.py")],
    "benchmark": [str(ROOT / "scripts" / "benchmark.py")],
    "record_reference": [str(ROOT / "scripts" / "record_reference.py")],
}
MISTAKES = [
    *((program, "--nonesuch", "flag 'nonesuch'") for program in PROGRAMS),
    ("train", "--network=handmade --activation=relu", "activation: expected sigm"),
    ("train", "--network=shallow --depth=5", "depth: expected 3, as network sh"),
    ("train", "--network=shallow --depth=11", "depth: expected 3, beside these"),
    ("train", "--depth=1000", "depth: expected at most 900"),
    ("train", "--width=1000000000", "depth, width: expected what fits"),
    ("sweep", "--out=~nosuchuser/x", "out: expected the folder of a user"),
    ("images", "--steps=7", "steps: expected a multiple of 20"),
    ("images", "--out=", "out: expected a folder; received none"),
    ("images", "--dataset=cifar10 --data_dir=x --out=y", "data_dir: expected the"),
    ("study", "--out=~nosuchuser/x", "out: expected the folder of a user"),
    ("study", "--studies=depht", "studies: expected one of depth, start, lsuv, l"),
    ("study", "--readme", "out: expected a folder; received none"),
    ("calibrate", "--out=~nosuchuser/x", "out: expected the folder of a user"),
    ("study", "a word", "expected flags; received 'a word'"),
    ("benchmark", "trainn", "one subcommand of train, callback, fits, sweep"),
    # Before it is measured.
    ("benchmark", "train --json=no/such.json", "json: expected a file in a folder tha"),
    ("xorlab", "train --steps=9", "received train; write "),
    ("xorlab", "trian", "did you mean 'train'?"),
]
HELP = {
    "xorlab": " -m xorlab.train ",
    "train": "--run_name:",
    "sweep": "--seeds:",
    "images": "--initializers:",
    "study": "--out:",
    "check_gpu": "--device:",
    "calibrate": "--out:",
    "benchmark": "--json:",
    "record_reference": "",
}


@pytest.fixture(scope="module")
def answers():
    """What each program says to flags, without TensorFlow."""
    asked = [(program, flags) for program, flags, _ in MISTAKES]
    asked += [(program, "--help") for program in PROGRAMS] + [("train", "-h")]
    return processes.answers(
        {
            (program, flags): [*PROGRAMS[program], *re.split(" (?=--)", flags)]
            for program, flags in asked
        }
    )


@pytest.mark.parametrize(("program", "flags", "words"), MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(answers, program, flags, words):
    done = answers[program, flags]
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ") and words in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_names_the_flags_of_each(answers, program):
    done = answers[program, "--help"]
    assert (done.returncode, done.stderr) == (0, "")
    assert HELP[program] in done.stdout


def test_a_short_flag_asks_for_help_too(answers):
    assert answers["train", "-h"].stdout == answers["train", "--help"].stdout
