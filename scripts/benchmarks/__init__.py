"""The measurements behind the tables of scripts/README.md, a module a subcommand."""

import pathlib
import sys

_ROOT = pathlib.Path(__file__).resolve().parents[2]
# This checkout is measured, whatever is installed; tests/ holds the lecture's program.
sys.path[:0] = [str(_ROOT), str(_ROOT / "tests")]
