"""Judges the networks of a chunk while they train."""

import dataclasses
import itertools

import numpy as np

from xorlab.diagnosis import CAUSES, judge
from xorlab.sweep.engine import Program, State
from xorlab.sweep.evidence import known, look
from xorlab.sweep.networksteps import NetworkSteps
from xorlab.sweep.plan import Chunk


class Diagnosis:
    """What the verdict finds in each network at some steps, by what was seen so far.

    Args:
        chunk: of the networks; seen are its first step and those of `diagnose_at`.
    """

    def __init__(self, chunk: Chunk):
        self._chunk = chunk
        self._known = known(chunk.cell)
        self._seen: list[NetworkSteps] = []
        self._found: list[list[list[bool]]] = []

    def look(self, step: int, program: Program, state: State) -> None:
        """Takes note of a step, if it is one of those, and judges.

        Args:
            step: which is to come.
            program: that trains the networks.
            state: before the step.
        """
        judged_at = self._chunk.diagnose_at
        if step in (0, *judged_at):
            self._seen.append(look(program, state, self._chunk.cell))
        if step in judged_at:
            left = self._chunk.cell.steps - step
            known = dataclasses.replace(self._known, steps_left=left)
            by_network = zip(*self._seen, strict=True)
            told = itertools.islice(by_network, self._chunk.networks)
            self._found.append([_causes(known, steps) for steps in told])

    def found(self) -> np.ndarray:
        """Returns `[n, steps, causes]`: whether each of `CAUSES` was found."""
        return np.array(self._found).swapaxes(0, 1)


def _causes(known, steps):
    causes = judge(dataclasses.replace(known, steps=steps)).causes
    return [cause in causes for cause in CAUSES]
