"""CONTRIBUTING.md does what it says: its examples work, and what it names is there."""

import importlib.util
import os
import pathlib
import re
import shutil
import textwrap

import pytest
from oracles import processes

import xorlab

PACKAGE = pathlib.Path(xorlab.__file__).parent
ROOT = PACKAGE.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ENTRY, ORACLE, FINDING, PICTURE = re.findall(r"```python\n(.*?)```", TEXT, re.S)


@pytest.fixture
def tree(tmp_path):
    """A copy of the package to change; gives a function that runs code on it."""
    shutil.copytree(PACKAGE, tmp_path / "xorlab")

    def run(code):
        paths = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "tests")])}
        return processes.run("-c", code, env=paths, cwd=tmp_path)

    run.path = tmp_path / "xorlab"
    return run


def insert(path, before, text, indent):
    """Writes an example's lines before the last such line of a file."""
    head, mark, tail = path.read_text().rpartition(before)
    assert mark
    path.write_text(head + textwrap.indent(text, " " * indent) + mark + tail)


# Twenty steps of gradient descent, by NumPy and by everything that trains here.
PROOF = """
import keras, numpy as np
from oracles import numpy_network
from xorlab import models, steps, sweep, train
from xorlab.models import data

numpy_network.FUNCTIONS.update(ORACLE)
config = train.Config(activation="softsign")
about = config.__dataclass_fields__["activation"].metadata["help"]
assert "softsign" in about, about

def by_numpy(weights):
    return numpy_network.cost_and_gradients(
        weights, data.INPUTS, data.LABELS, "softsign"
    )

model = models.deep("softsign", depth=2, seed=0)
weights = first = model.get_weights()
for _ in range(20):
    weights = [w - 0.1 * g for w, g in zip(weights, by_numpy(weights)[2], strict=True)]

model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy", steps_per_execution=1)
tap = steps.StepTap(model, rows=4)
with tap.attached():
    model.fit(data.INPUTS, data.LABELS, epochs=21, verbose=0)
reading = tap.read()
for ours, numpy_s in zip(reading.weights.values(), weights, strict=True):
    np.testing.assert_allclose(ours, numpy_s, rtol=1e-4, atol=1e-6)
gradients = by_numpy(weights)[2]
for ours, numpy_s in zip(reading.gradients.values(), gradients, strict=True):
    np.testing.assert_allclose(ours, numpy_s, rtol=1e-4, atol=1e-6)

grid = sweep.Grid(activations=("softsign",), depths=(2,), seeds=1, steps=20)
row = sweep.train(grid)
np.testing.assert_allclose(row["cost"], by_numpy(weights)[0], rtol=1e-5)
rms = np.sqrt(np.mean(np.concatenate([g.ravel() for g in by_numpy(first)[2][:2]]) ** 2))
np.testing.assert_allclose(row["gradient_first_start"], rms, rtol=1e-4)
"""


@pytest.mark.slow
def test_one_entry_adds_an_activation_everywhere(tree):
    table = tree.path / "models" / "activations.py"
    insert(table, "    )\n}\n", ENTRY.rstrip() + ",\n", 8)
    done = tree(PROOF.replace("ORACLE", ORACLE))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_one_rule_adds_a_finding(tree):
    rules = tree.path / "diagnosis" / "verdict.py"
    insert(rules, "_Rule = ", FINDING + "\n\n", 0)
    insert(rules, "    output.misfit,\n", "    endless,\n", 0)
    done = tree(
        "from xorlab.diagnosis import Evidence, LayerFacts, judge\n"
        "print([judge(Evidence([LayerFacts('a')] * n)).cause for n in (99, 100)])"
    )
    assert done.stdout == "['undecided', 'vanishing']\n", done.stderr


@pytest.mark.slow
def test_one_function_adds_a_picture(tree):
    sweeps = tree.path / "pictures" / "sweeps.py"
    insert(sweeps, "# What is drawn of a finished sweep", PICTURE + "\n\n", 0)
    insert(sweeps, ")\n", ", diverged", 0)
    done = tree(
        "from types import SimpleNamespace\n"
        "from xorlab import pictures\n"
        "cells = [SimpleNamespace(diverged=1, n=4), SimpleNamespace(diverged=3, n=4)]\n"
        "[line] = pictures.OF_SWEEPS[-1](cells).axes[0].lines\n"
        "print(line.get_ydata())"
    )
    assert done.stdout == "[0.25 0.75]\n", done.stderr


@pytest.mark.parametrize("file", ["CONTRIBUTING.md", ".ci/run"])
def test_every_file_that_is_named_is_there(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:xorlab|tests|scripts)/[\w./*]*[\w*]", text))
    assert "scripts/lint.py" in named and named & {"tests/steps", "tests/callbacks"}
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_module_it_names_can_be_run():
    modules = set(re.findall(r"-m ([a-z]\w*(?:\.\w+)*)", TEXT))
    assert modules >= {"pytest", "xorlab.train", "xorlab.sweep"}
    for module in modules - {"venv"}:
        assert importlib.util.find_spec(f"{module}.__main__"), module


def test_it_fits_on_a_screen_and_its_examples_in_ten_lines():
    assert len(TEXT.splitlines()) <= 60
    for example in (ENTRY, ORACLE, FINDING, PICTURE):
        assert len(example.splitlines()) < 10
