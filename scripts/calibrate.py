"""Measures how far the verdict can be trusted: `python scripts/calibrate.py`.

Trains, resumably, thousands of XOR networks and hundreds of Keras models, healthy and
sick in known ways; judges each by what was seen in the first twentieth or tenth of its
training; and writes how often that was right, beside published rules. Thresholds are
compared on one half of the seeds, and all is reported of the other.
"""

import importlib.util
import pathlib

from absl import flags

from xorlab import settings, startup
from xorlab.checks import folder
from xorlab.files import write_atomically

_OUT = flags.DEFINE_string("out", "", "folder to keep and go on from: logs/calibration")
_QUICK = flags.DEFINE_bool("quick", False, "a short trial run; its table says so")

TABLE = pathlib.Path(__file__).with_name("CALIBRATION.md")


def main(argv: list[str]) -> int:
    """Trains what is missing, scores all, writes the tables; returns the exit code."""
    try:
        settings.check_no_words(argv)
        if not _OUT.value:
            raise ValueError(
                "out: expected a folder; received none; write --out=logs/calibration"
            )
        if not importlib.util.find_spec("sklearn"):
            raise ValueError(
                "expected scikit-learn, for the tasks; it is not installed; "
                "pip install 'xorlab[test]'"
            )
        out = folder("out", _OUT.value) / ("quick" if _QUICK.value else "full")
        out.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        return startup.refuse(error)
    try:
        text = calibrate(out, _QUICK.value)
    except KeyboardInterrupt:
        print(f"\nStopped. What is done is kept in {out}; the same command goes on.")
        return startup.INTERRUPTED
    path = out / "calibration.md" if _QUICK.value else TABLE
    write_atomically(path, text.encode())
    print(text)
    return 0


def calibrate(out: pathlib.Path, quick: bool) -> str:
    """Trains what a folder does not hold; returns the tables, in Markdown."""
    # Here, so that --help needs no TensorFlow.
    from calibration import models, networks, report

    networks.train(out, quick)
    models.train(out, quick)
    command = "python scripts/calibrate.py --out=logs/calibration"
    command += " --quick" if quick else ""
    return report.report(out, quick, command)


if __name__ == "__main__":
    startup.run_command(main)
