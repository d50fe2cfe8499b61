"""All programs answer alike: a line and exit code 2, or help, without TensorFlow."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

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


@pytest.fixture
def answer(tmp_path):
    """Runs a program where whoever imports TensorFlow dies of it."""
    there = tmp_path / "there"
    there.mkdir()
    (there / "tensorflow.py").write_text("raise SystemError('imported')")
    paths = os.pathsep.join([str(there), str(ROOT), *sys.path])
    (tmp_path / "here").mkdir()

    def run(program, *flags):
        done = subprocess.run(
            [sys.executable, *PROGRAMS[program], *flags],
            cwd=tmp_path / "here",
            env=os.environ | {"PYTHONPATH": paths},
            capture_output=True,
            text=True,
        )
        assert not list((tmp_path / "here").iterdir())
        return done

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "flag", "words"),
    [
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
        ("xorlab", "train --steps=9", "received train; write "),
        ("xorlab", "trian", "did you mean 'train'?"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(answer, program, flag, words):
    done = answer(program, *re.split(" (?=--)", flag))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ") and words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_table_that_cannot_be_kept_is_told_before_it_is_measured(answer):
    done = answer("benchmark", "train", "--json=missing/numbers.json")
    assert done.returncode == 2
    assert done.stderr.startswith("error: json: expected a file in a folder that is th")


@pytest.mark.slow
def test_help_names_the_flags_of_each(answer):
    helped = {program: answer(program, "--help") for program in PROGRAMS}
    assert {done.returncode for done in helped.values()} == {0}
    assert answer("train", "-h").stdout == helped["train"].stdout
    for program, flag in [
        ("xorlab", " -m xorlab.train "),
        ("train", "--run_name:"),
        ("sweep", "--seeds:"),
        ("images", "--initializers:"),
        ("study", "--out:"),
        ("check_gpu", "--device:"),
        ("calibrate", "--out:"),
        ("benchmark", "--json:"),
    ]:
        assert flag in helped[program].stdout and not helped[program].stderr
