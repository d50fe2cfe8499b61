"""Trains one of the lecture's networks: `python -m xorlab.train --activation=relu`."""

import sys

from xorlab import settings, startup
from xorlab.train import report
from xorlab.train.config import Config
from xorlab.train.run import run


def main(argv: list[str]) -> int:
    """Checks, runs, prints; returns the exit code."""
    try:
        config = settings.from_flags(Config, argv)
    except ValueError as error:
        return startup.refuse(error)
    try:
        result = run(config, progress=True)
    except ValueError as error:
        return startup.refuse(error)
    except OSError as error:
        return startup.refuse(
            startup.not_written(error, "start it again with --overwrite")
        )
    except KeyboardInterrupt:
        print("Stopped before the first step was logged: no run.", file=sys.stderr)
        return startup.INTERRUPTED
    print(report.lecture_block(result))
    for when in ("start", "end"):
        print()
        title = f"Gradients at the {when}, input first"
        print(report.gradient_table(result["gradient_rms"][when], title))
    print(report.LEGEND)
    print(f"\n{report.verdict(result)}\n")
    print(startup.closing("Run", config.run_dir, config.logdir))
    if result["diverged_at"] is not None:
        return 1
    if result["steps_done"] < config.steps:
        print(f"Stopped at step {result['steps_done']} of {config.steps}.")
        return startup.INTERRUPTED
    return 0


if __name__ == "__main__":
    settings.define_flags(Config)
    startup.run_command(main)
