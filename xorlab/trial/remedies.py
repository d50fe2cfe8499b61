"""Tries changes of a model, each on a clone, in a time that is kept."""

import dataclasses
import itertools
import math
import time
from collections.abc import Iterator, Sequence

import numpy as np
import tqdm

from xorlab.diagnosis import Evidence, Tried
from xorlab.diagnosis.evidence import StepEvidence
from xorlab.diagnosis.progress import learns
from xorlab.steps import seeds
from xorlab.trial.batches import Batches
from xorlab.trial.changes import changes
from xorlab.trial.clones import Clones
from xorlab.trial.facts import with_data
from xorlab.trial.training import step
from xorlab.watching.anatomy import evidence_of

_ROWS = 256  # That a start is fitted to.


def try_remedies(
    remedies: Sequence[str],
    clones: Clones,
    batches: Batches,
    steps: int,
    seed: int,
    seconds: float,
    progress: bool = False,
) -> Iterator[Tried]:
    """Yields what came of each change that was tried, until the time is over.

    Of changes of a kind the first that learns is the last that is tried.

    Args:
        remedies: kinds of change, of `xorlab.diagnosis.REMEDIES`.
        clones: of the model.
        batches: what it trains on.
        steps: of each.
        seed: of all random numbers.
        seconds: no step begins later.
        progress: show a progress bar.
    """
    until = time.monotonic() + seconds
    with tqdm.tqdm(unit=" steps", leave=False, disable=not progress) as bar:
        for number, remedy in enumerate(remedies):
            for change in changes(remedy, clones, batches):
                if time.monotonic() > until:
                    return
                # How many are of a kind is known when one has learned.
                bar.total = bar.n + (len(remedies) - number) * steps
                bar.set_description(change.words)
                tried = _tried(change, clones, batches, steps, seed, until, bar)
                yield tried
                if tried.learned:
                    break


def _tried(change, clones, batches, steps, seed, until, bar):
    losses: list[float] = []
    try:
        with seeds.kept(seed):
            clone = clones.clone(change.layer, change.optimizer, change.loss)
            data = change.data((batches.x, batches.y, batches.sample_weight))
            known = with_data(evidence_of(clone), *data)
            change.start(clone, change.data((*batches.first(_ROWS), None))[0])
            for batch in itertools.islice(batches, steps):
                if time.monotonic() > until:
                    break
                losses.append(step(clone, change.data(batch)))
                bar.update()
                if not math.isfinite(losses[-1]):
                    break
    except Exception as error:
        # Whatever a user's own layer or loss does not stand.
        why = str(error).partition("\n")[0]
        return Tried(change.words, change.remedy, error=f"cannot be trained: {why}")
    return outcome(change.words, losses, known, change.remedy)


def outcome(
    words: str, losses: Sequence[float], known: Evidence, remedy: str = ""
) -> Tried:
    """Says what came of a training.

    Args:
        words: what was changed.
        losses: of its steps, in order.
        known: of the model and its data, for the loss of guessing.
        remedy: the kind of change.
    """
    if not losses:
        return Tried(words, remedy, error="no step was made")
    # One batch is not like another.
    before, after = losses[0], float(np.mean(losses[-max(1, len(losses) // 10) :]))
    seen = [StepEvidence(number, loss=loss) for number, loss in enumerate(losses)]
    learned = math.isfinite(after) and learns(dataclasses.replace(known, steps=seen))
    return Tried(words, remedy, before, after, len(losses), bool(learned))
