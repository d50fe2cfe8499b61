"""READMEs: what they tell to type works, what they name is there, Korean keeps step."""

import json
import os
import pathlib
import re
import shlex

import pytest
from oracles import processes

import xorlab

ROOT = pathlib.Path(xorlab.__file__).parents[1]
READMES = [
    *("README.md", "README.ko.md", "logs/README.md", "scripts/README.md"),
    "xorlab/README.md",
]
TEXT = {name: (ROOT / name).read_text(encoding="utf-8") for name in READMES}
# Makes a moment of what takes minutes; of a flag that is given twice the last counts.
SHORT = {
    "xorlab.train": ["--steps=2", "--nojit", "--depth=2", "--nohistograms"],
    "xorlab.lecture": ["--help"],  # It has tests of its own, and no flag for this.
    "xorlab.report": [],
    "xorlab.sweep": ["--activations=relu", "--depths=2", "--seeds=1", "--steps=5"],
}

# Runs jobs in one process: TensorFlow is imported once.
RUNNER = """
import contextlib, io, json, pathlib, runpy, shutil, sys
from absl import flags

# What examples speak of: nine layers of sigmoids, and a loop of one's own.
PRELUDE = '''
import keras, numpy as np, tensorflow as tf
keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(512, 8)).astype("float32")
y = (x[:, :1] * x[:, 1:2] > 0).astype("float32")
hidden = [keras.layers.Dense(16, "sigmoid") for _ in range(8)]
model = keras.Sequential([*hidden, keras.layers.Dense(1, "sigmoid")])
model.compile("sgd", "binary_crossentropy")
optimizer, batches = keras.optimizers.SGD(), [(x, y)]

def train_step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x) - y) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
'''

def run(name, words):
    sys.argv = [name, *words]
    try:
        if name.endswith(".py"):
            runpy.run_path(name, run_name="__main__")
        else:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        assert not ended.code, (name, words, ended.code)

def serve(words):
    from tensorboard import default, program

    server = program.TensorBoard(default.get_plugins())
    server.configure(["tensorboard", *words])
    assert list(pathlib.Path(server.flags.logdir).glob("**/events.out.tfevents.*"))

names = {}
printed = []
for kind, *job in json.loads(sys.argv[1]):
    shown = io.StringIO()
    for flag in list(flags.FLAGS):
        delattr(flags.FLAGS, flag)  # Of the command before.
    with contextlib.redirect_stdout(shown):
        if kind == "run":
            run(*job)
        elif kind == "serve":
            serve(*job)
        else:
            exec(PRELUDE, names) if job[0] == "first" else None
            exec(job[1], names)
            shutil.rmtree("logs/mine", ignore_errors=True)
    printed.append(shown.getvalue())
print(json.dumps(printed))
"""


def blocks(name):
    return re.findall(r"^```(\w+)\n(.*?)^```", TEXT[name], re.S | re.M)


def commands(name):
    """Yields the words of every command of a README, comments left out."""
    for kind, text in blocks(name):
        if kind == "bash":
            for line in text.splitlines():
                for command in line.partition("  # ")[0].split(" && "):
                    yield shlex.split(command)


def job(words):
    """Returns what runs a command; None for what .ci/run does."""
    match words:
        case ["python3", "-m", "venv", _] | [".venv/bin/pip", "install", *_]:
            return None
        case [".venv/bin/python", "-m", "pytest"]:
            return None
        case [".venv/bin/tensorboard", *flags]:
            return "serve", flags
        case [".venv/bin/python", "-m", module, *flags]:
            return "run", module, [*flags, *SHORT[module]]
        case [".venv/bin/python", script, *flags]:
            # These take minutes, and have tests of their own.
            return "run", str(ROOT / script), [*flags, "--help"]
    raise AssertionError(f"no test knows how to run {words}")


@pytest.mark.slow
def test_every_command_and_block_does_what_it_says(tmp_path):
    jobs, scripts = [], {}
    for name in READMES:
        if name == "README.ko.md":
            continue  # The same, as another test says.
        first = "first"
        for kind, text in blocks(name):
            if kind == "python":
                jobs.append(("python", first, text))
                first = "next"
        for words in commands(name):
            if found := job(words):
                scripts[len(jobs)] = words if "--help" in found[-1] else []
                jobs.append(found)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "reference").symlink_to(ROOT / "logs" / "reference")
    paths = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "scripts")])}
    program = "-c", RUNNER, json.dumps(jobs)
    done = processes.run(*program, cwd=tmp_path, env=paths)
    assert done.returncode == 0, done.stderr[-3000:]
    printed = json.loads(done.stdout.splitlines()[-1])
    for number, words in scripts.items():
        for flag in words[2:]:
            if flag.startswith("--"):
                name = flag.partition("=")[0].removeprefix("--")
                assert re.search(rf"--(\[no\])?{name}:", printed[number]), words
    [verdict] = [text for kind, text in blocks("README.md") if kind == "text"]
    assert " ".join(verdict.split()) in " ".join(" ".join(printed).split())


def test_continuous_integration_installs_and_tests_as_the_readme_says():
    _, (_, install_and_test) = blocks("README.md")[:2]
    assert install_and_test.strip() in (ROOT / ".ci/run").read_text(encoding="utf-8")


def slugs(text):
    """The anchors that headings get where a README is shown."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", x.lower()).replace(" ", "-") for x in headings}


@pytest.mark.parametrize("name", [*READMES, "CONTRIBUTING.md", "CHANGELOG.md"])
def test_what_is_linked_to_is_there(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            there = (ROOT / name).parent / path if path else ROOT / name
            assert there.exists(), target
            if anchor:
                assert anchor in slugs(there.read_text(encoding="utf-8")), target


def test_it_is_read_in_five_minutes_and_begins_with_picture_sentence_and_commands():
    assert len(TEXT["README.md"].splitlines()) <= 150
    screen = TEXT["README.md"].partition("## ")[0]
    order = [screen.index(mark) for mark in ("![", "A deep network", "```bash")]
    assert order == sorted(order) and screen.count("```bash") == 2


def tables(text):
    """Lists the tables, a list of cells a row."""
    found = re.findall(r"(?:^\|.*\|\n)+", text, re.M)
    return [[row.split("|")[1:-1] for row in x.splitlines()] for x in found]


def test_the_korean_readme_keeps_step():
    english, korean = TEXT["README.md"], TEXT["README.ko.md"]
    assert blocks("README.ko.md") == blocks("README.md")
    of_both = [re.findall(r"^#+", text, re.M) for text in (english, korean)]
    assert of_both[0] == of_both[1]
    links = [re.findall(r"\]\(([^)\s]+)\)", text) for text in (english, korean)]
    assert links[0][0] == "README.ko.md" and links[1][0] == "README.md"
    assert sorted(links[0][1:]) == sorted(links[1][1:])
    for ours, theirs in zip(tables(english), tables(korean), strict=True):
        assert [len(row) for row in ours] == [len(row) for row in theirs]
        for row, other in zip(ours[2:], theirs[2:], strict=True):
            # The first column and the words are translated, numbers and code are not.
            for cell, its in zip(row, other, strict=True):
                code = [sorted(re.findall(r"`[^`]*`", x)) for x in (cell, its)]
                assert code[0] == code[1]
            assert (
                row[-1].strip() == other[-1].strip() or not row[-1].strip()[0].isdigit()
            )


def test_its_numbers_are_those_of_the_tables_that_programs_write():
    fast = tables(TEXT["README.md"])[1]
    assert fast[0][1].strip() == "median of 10, µs"
    for row in fast:
        assert "|" + "|".join(row) + "|\n" in TEXT["scripts/README.md"]
    starts = TEXT["logs/README.md"].partition("### Activation by start")[2]
    columns, _, *rows = tables(starts)[0]
    shares = {
        (row[0].strip(), column.strip().partition(",")[0]): 1000
        * float(cell.split()[0])
        for row in rows
        for column, cell in zip(columns[1:], row[1:], strict=True)
    }
    learned = [row[-1].strip() for row in tables(TEXT["README.md"])[0][2:]]
    assert [int(each.replace(",", "")) for each in learned] == [
        shares["sigmoid", "uniform"],
        shares["relu", "uniform"],
        shares["sigmoid", "data_dependent"],
    ]
    for share in (shares["tanh", "uniform"], shares["relu", "data_dependent"]):
        assert f"{share:.0f}" in TEXT["README.md"]
