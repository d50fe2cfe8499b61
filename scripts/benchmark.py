"""Measures what this project claims: `python scripts/benchmark.py train`.

Prints tables in Markdown; progress goes to standard error.
"""

import importlib
import pathlib
import sys

from absl import app, flags
from benchmarks.timing import ROOT

# This checkout is measured, whatever is installed; tests/ holds the lecture's program.
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

README = ROOT / "README.md"
# Each is a module of `benchmarks` with `measure(quick) -> Report`.
SUBCOMMANDS = ("train", "callback", "sweep")

_JSON = flags.DEFINE_string("json", None, "also write the numbers to this file")
_README = flags.DEFINE_bool("readme", False, "also write the tables into README.md")
_QUICK = flags.DEFINE_bool("quick", False, "a short trial run; not for the README")


def main(argv):
    """Measures, prints and writes; returns the exit code."""
    from benchmarks import report

    from xorlab.files import write_atomically

    try:
        name = subcommand(argv[1:])
        if _README.value:
            # Before minutes of measuring, not after.
            report.with_table(README.read_text(encoding="utf-8"), name, "")
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    measured = importlib.import_module(f"benchmarks.{name}").measure(_QUICK.value)
    print(measured.markdown())
    if _JSON.value:
        write_atomically(pathlib.Path(_JSON.value), measured.json().encode())
    if _README.value:
        readme = README.read_text(encoding="utf-8")
        readme = report.with_table(readme, name, measured.markdown())
        write_atomically(README, readme.encode())
    return 0


def subcommand(arguments: list[str]) -> str:
    """Returns the one subcommand that was given.

    Raises:
        ValueError: there is not exactly one, or it is no subcommand, or the flags
            contradict each other.
    """
    if len(arguments) != 1 or arguments[0] not in SUBCOMMANDS:
        names = ", ".join(SUBCOMMANDS)
        received = " ".join(arguments) or "none"
        raise ValueError(f"expected one subcommand of {names}; received {received}")
    if _QUICK.value and _README.value:
        raise ValueError("--readme: expected the full run; leave out --quick")
    return arguments[0]


if __name__ == "__main__":
    app.run(main)
