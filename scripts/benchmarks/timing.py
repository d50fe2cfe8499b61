"""Repeated timing of several jobs in turn."""

import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

ROOT = pathlib.Path(__file__).resolve().parents[2]


def interleaved(
    jobs: Mapping[str, Callable[[], float]], rounds: int, unit: str
) -> dict[str, list[float]]:
    """Runs every job once a round, so that a busy spell of the machine hits all.

    Every second round goes backwards, so that none always runs after the same other.

    Args:
        jobs: by name; each measures itself and returns the time it took, in `unit`.
        rounds: times that each job runs.
        unit: for the progress shown on standard error.

    Returns:
        What each job returned, round by round.
    """
    times = {name: [] for name in jobs}
    for number in range(1, rounds + 1):
        order = list(jobs) if number % 2 else list(reversed(jobs))
        for name in order:
            times[name].append(jobs[name]())
            progress = f"{number}/{rounds}  {name}: {times[name][-1]:.4g} {unit}"
            print(progress, file=sys.stderr, flush=True)
    return times


def seconds_of(run: Callable[[], object]) -> float:
    """Returns how long a call takes."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def seconds_of_python(arguments: Sequence[str]) -> float:
    """Returns how long a Python process takes, from its start to its end.

    Raises:
        RuntimeError: its exit code was not 0; the message holds what it wrote.
    """
    return seconds_of(lambda: output_of_python(arguments))


def output_of_python(arguments: Sequence[str]) -> str:
    """Runs a Python process, and returns what it wrote.

    Raises:
        RuntimeError: its exit code was not 0; the message holds what it wrote.
    """
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'scripts'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(
            f"python {' '.join(arguments)}: expected exit code 0; "
            f"received {done.returncode}, after:\n{done.stdout}"
        )
    return done.stdout
