"""The notebook runs from top to bottom, and shows what it promises."""

import json
import os
import pathlib
import sys

import nbclient
import nbformat
import pytest

ROOT = pathlib.Path(__file__).parents[2]
# TensorBoard ends with the notebook, so it is asked from inside.
ASK = """
import os, signal, time, urllib.request
from tensorboard import manager

[server] = manager.get_all()
for _ in range(300):
    time.sleep(0.1)
    runs = urllib.request.urlopen(f"http://localhost:{server.port}/data/runs").read()
    if b"mine" in runs:
        break
os.kill(server.pid, signal.SIGTERM)
print(runs.decode())
"""


# It imports TensorFlow if it can, and shows the same without.
TENSORBOARD = f"""#!{sys.executable}
import sys
sys.modules["tensorflow"] = None
from tensorboard.main import run_main
run_main()
"""


@pytest.mark.slow
def test_the_notebook_shows_a_picture_and_tensorboard(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "tensorboard").write_text(TENSORBOARD)
    (tmp_path / "tensorboard").chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # Where TensorBoard notes its servers.
    notebook = nbformat.read(ROOT / "scripts" / "vanishing.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # Kept without.
    notebook.cells.append(nbformat.v4.new_code_cell(ASK))
    nbclient.NotebookClient(notebook, timeout=120).execute(cwd=tmp_path)
    trained, drawn, fitted, page, answer = (
        cell.outputs for cell in notebook.cells if cell.cell_type == "code"
    )
    sigmoid, relu = "".join(output.text for output in trained).splitlines()
    assert sigmoid in {f"sigmoid: accuracy {share}" for share in (0.25, 0.5, 0.75)}
    assert relu == "relu: accuracy 1.0"
    assert "image/png" in drawn[0].data
    assert "The gradient vanishes on its way to dense" in fitted[0].text
    assert "tensorboard-frame" in page[0].data["text/html"]
    assert set(json.loads(answer[0].text)) >= {
        "deep-relu-seed22-steps20000",
        "deep-sigmoid-seed22-steps20000",
    }
