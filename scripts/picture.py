"""Draws the lecture in one picture: the gradients of two runs, layer by layer.

    python scripts/picture.py --runs=logs/deep-sigmoid-seed22,logs/deep-relu-seed22

Each panel is a run, at its first and its last step.
"""

import json
import pathlib

from absl import flags
from benchmarks.timing import ROOT

from xorlab import pictures, settings, startup

_RUNS = flags.DEFINE_list("runs", [], "folders of runs, with commas between")
_OUT = flags.DEFINE_string("out", str(ROOT / "logs/pictures/gradients.png"), "a PNG")


def main(argv: list[str]) -> int:
    """Checks, reads, draws; returns the exit code."""
    try:
        settings.check_no_words(argv)
        if not _RUNS.value:
            raise ValueError("runs: expected folders of runs; received none; name some")
        results = [
            json.loads((pathlib.Path(run) / "result.json").read_text())
            for run in _RUNS.value
        ]
    except (ValueError, OSError) as error:
        return startup.refuse(error)
    panels = dict(map(_panel, results))
    pictures.save(pictures.gradients_by_layer(panels), pathlib.Path(_OUT.value))
    print(_OUT.value)
    return 0


def _panel(result):
    activation, steps = result["config"]["activation"], result["steps_done"]
    title = f"{activation}: cost {result['cost']:.3g} after {steps:,} steps"
    rms = result["gradient_rms"]
    return title, {0: rms["start"], steps: rms["end"]}


if __name__ == "__main__":
    startup.run_command(main)
