"""Measures what this project claims: `python scripts/benchmark.py train`.

Prints tables in Markdown; progress goes to standard error.
"""

import importlib
import sys

from absl import flags
from benchmarks import report
from benchmarks.timing import ROOT

from xorlab import startup
from xorlab.checks import folder
from xorlab.files import write_atomically

README = ROOT / "scripts" / "README.md"
# Each is a module of `benchmarks` with `measure(quick) -> Report`.
SUBCOMMANDS = ("train", "callback", "fits", "sweep", "images")

_JSON = flags.DEFINE_string("json", None, "also write the numbers to this file")
_README = flags.DEFINE_bool("readme", False, "also write them into scripts/README.md")
_QUICK = flags.DEFINE_bool("quick", False, "a short trial run; not for a README")


def main(argv):
    """Measures, prints and writes; returns the exit code."""
    try:
        name = subcommand(argv[1:])
        json = folder("json", _JSON.value) if _JSON.value else None
        # Before minutes of measuring, not after.
        if json and not json.parent.is_dir():
            raise ValueError(
                f"json: expected a file in a folder that is there; received {json}; "
                "choose another"
            )
        if _README.value:
            report.with_table(README.read_text(encoding="utf-8"), name, "")
    except (ValueError, OSError) as error:
        return startup.refuse(error)
    try:
        measured = importlib.import_module(f"benchmarks.{name}").measure(_QUICK.value)
    except ModuleNotFoundError as error:
        return startup.refuse(error)
    except KeyboardInterrupt:
        print("Stopped: nothing is written.", file=sys.stderr)
        return startup.INTERRUPTED
    print(measured.markdown())
    try:
        if json:
            write_atomically(json, measured.json().encode())
        if _README.value:
            readme = README.read_text(encoding="utf-8")
            readme = report.with_table(readme, name, measured.markdown())
            write_atomically(README, readme.encode())
    except OSError as error:
        return startup.refuse(startup.not_written(error, "copy the tables above"))
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
        raise ValueError(
            f"expected one subcommand of {names}; received {received}; name one"
        )
    if _QUICK.value and _README.value:
        raise ValueError("--readme: expected the full run; leave out --quick")
    return arguments[0]


if __name__ == "__main__":
    startup.run_command(main)
