"""Judges the networks of a chunk while they train."""

import concurrent.futures
import dataclasses
from collections.abc import Callable

import numpy as np

from xorlab.diagnosis import CAUSES, judge
from xorlab.sweep.engine import Program, State
from xorlab.sweep.evidence import known, look
from xorlab.sweep.networksteps import NetworkSteps
from xorlab.sweep.plan import Chunk
from xorlab.work.plan import Stopped


class Diagnosis:
    """What the verdict finds in each network at some steps, by what was seen so far.

    Args:
        chunk: of the networks; seen are its first step and those of `diagnose_at`.
        stopping: asked now and then; true means that nobody waits for what is found.
    """

    def __init__(self, chunk: Chunk, stopping: Callable[[], bool] = lambda: False):
        self._chunk = chunk
        self._stopping = stopping
        self._seen: dict[int, NetworkSteps] = {}
        self._judged: concurrent.futures.Future[np.ndarray]

    def look(self, step: int, program: Program, state: State) -> None:
        """Takes note of a step, if it is one of those; after the last, begins to judge.

        Args:
            step: which is to come.
            program: that trains the networks.
            state: before the step.
        """
        judged_at = self._chunk.diagnose_at
        if step in (0, *judged_at):
            self._seen[step] = look(program, state, self._chunk.cell)
        if step == max(judged_at):
            # Rules hold the interpreter, which a program that trains does without.
            judges = concurrent.futures.ThreadPoolExecutor(1)
            self._judged = judges.submit(self._find)
            judges.shutdown(wait=False)

    def found(self) -> np.ndarray:
        """Waits for `[n, steps, causes]`: whether each of `CAUSES` was found.

        Raises:
            Stopped: `stopping` said so.
        """
        return self._judged.result()

    def _find(self):
        chunk, facts = self._chunk, known(self._chunk.cell)
        found = np.zeros([chunk.networks, len(chunk.diagnose_at), len(CAUSES)], bool)
        for column, step in enumerate(chunk.diagnose_at):
            then = dataclasses.replace(facts, steps_left=chunk.cell.steps - step)
            so_far = (steps for at, steps in self._seen.items() if at <= step)
            by_network = zip(*so_far, strict=True)
            for of_network, steps in zip(found[:, column], by_network, strict=False):
                if self._stopping():
                    raise Stopped
                causes = judge(dataclasses.replace(then, steps=steps)).causes
                of_network[:] = [cause in causes for cause in CAUSES]
        return found
