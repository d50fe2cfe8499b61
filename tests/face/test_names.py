"""The public names: what tab completion lists, `help` says, and an import costs."""

import importlib
import os
import subprocess
import sys

import pytest

import xorlab

FACE = {
    "xorlab": """callbacks diagnose diagnosis eventlog images models pictures steps
        sweep train watch""",
    "xorlab.callbacks": "TensorBoard",
    "xorlab.diagnosis": """CAUSES Evidence Finding HEALTHY LayerFacts LayerStep
        REMEDIES StepEvidence Threshold Tried UNDECIDED VANISHING Verdict judge
        recommended""",
    "xorlab.eventlog": "EventFile StepValues train_step_graph",
    "xorlab.images": "Cell Grid run",
    "xorlab.loops": "watch",
    "xorlab.models": """ACTIVATIONS Affine FusedModel INITIALIZERS OPTIMIZERS data deep
        handmade lsuv mean_field shallow""",
    "xorlab.pictures": """OF_SWEEPS accuracies activation_gallery encoded
        gradients_by_depth gradients_by_layer gradients_over_time histograms_by_layer
        learning_curves phase_diagram rows_by_layer save square surfaces""",
    "xorlab.steps": "Reading StepTap rms_by_layer",
    "xorlab.sweep": "Cell Grid run train",
    "xorlab.train": "Config run",
    "xorlab.trial": "diagnose",
    "xorlab.watching": "Terminal Verdicts Watch Witness what_if_unseen",
}


@pytest.mark.parametrize("module", FACE)
def test_a_room_lists_its_public_names_and_has_them(module):
    room, names = importlib.import_module(module), sorted(FACE[module].split())
    assert sorted(room.__all__) == names
    assert sorted(dir(room)) == names
    assert all(hasattr(room, name) for name in names)


@pytest.mark.parametrize("module", FACE)
def test_a_name_that_is_not_there_is_named(module):
    with pytest.raises(AttributeError, match="depe"):
        _ = importlib.import_module(module).depe


def test_help_is_a_map_of_the_rooms():
    for room in xorlab.__all__:
        assert f"| `xorlab.{room}` |" in xorlab.__doc__


def test_tensorflow_is_imported_when_it_is_needed(tmp_path):
    code = """
import sys
import xorlab

assert xorlab.models.ACTIVATIONS
assert xorlab.models.data.INPUTS.shape == (4, 2)
xorlab.sweep.Grid(), xorlab.train.Config()
dir(xorlab.eventlog), dir(xorlab.pictures)
xorlab.diagnosis.judge(xorlab.diagnosis.Evidence())
assert "matplotlib" not in sys.modules
print("not needed", flush=True)
xorlab.models.deep("relu", depth=3)
"""
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('needed')")
    paths = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env=os.environ | paths, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("not needed\n", "needed\n")
    assert xorlab.models.deep("relu", depth=3).count_params() == 51
