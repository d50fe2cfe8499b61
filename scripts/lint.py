"""Checks the code as the tests do: `python scripts/lint.py`; `--fix` mends what it can.

Ruff's settings are in .ruff.toml, mypy's in setup.cfg.
"""

import argparse
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def main() -> int:
    """Runs every check, whatever the others find; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fix", action="store_true", help="mend what can be mended")
    fix = parser.parse_args().fix
    commands = [
        ["ruff", "check", *(["--fix"] if fix else [])],
        ["ruff", "format", *([] if fix else ["--check"])],
        ["mypy"],
    ]
    failed = [
        " ".join(command)
        for command in commands
        if subprocess.run([sys.executable, "-m", *command], cwd=ROOT).returncode
    ]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
