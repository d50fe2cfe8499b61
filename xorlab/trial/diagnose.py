"""Says of a compiled model why it does not learn, and tries what would help."""

import contextlib
import dataclasses
import functools
from typing import Any

import keras

from xorlab.checks import check_seed, positive, true_or_false, whole
from xorlab.diagnosis import StepEvidence, Verdict, judge
from xorlab.diagnosis.findings import named
from xorlab.diagnosis.verdict import settled
from xorlab.steps import internals, seeds
from xorlab.trial.batches import Batches
from xorlab.trial.clones import Clones
from xorlab.trial.facts import with_data
from xorlab.trial.remedies import outcome, try_remedies
from xorlab.trial.training import watched_steps
from xorlab.watching.anatomy import evidence_of

# Rows whose outputs are looked at.
_ROWS = 256
# What a training is taken to last, where nobody says; but so many times the trial at
# most, that the trial tells of it.
_EPOCHS, _LEAST_STEPS, _TIMES = 10, 1000, 10


def diagnose(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    remedies: bool = False,
    steps: int = 200,
    planned_steps: int | None = None,
    batch_size: int = 32,
    seconds: float = 60.0,
    seed: int = 0,
    verbose: bool = True,
) -> Verdict:
    """Trains a clone of a model for a while, and says why it does not learn.

        xorlab.diagnose(model, x, y)

    The model, its weights, its optimizer and all random numbers stay as they are. A
    clone takes layers by their configs: those of which that fails are trained
    themselves, and put back. Printed is at once what can be said before any update,
    and then the verdict.

    Args:
        model: compiled, with one optimizer.
        x: arrays of rows in any structure; or a `tf.data.Dataset`, or a
            `keras.utils.PyDataset`, of batches `(x, y)`, read from its beginning.
        y: arrays of labels.
        sample_weight: arrays of what each row counts in the loss, as `fit` takes them.
        remedies: whether to try what the verdict advises: one change at a time, each
            on a clone from the same weights, seed and, of arrays, batches, for as many
            steps.
        steps: of a trial.
        planned_steps: how long you mean to train: what a learning rate can still move
            depends on it. If None, ten epochs, 1000 steps at least, and 10 times the
            trial at most.
        batch_size: rows in a batch of arrays.
        seconds: for all remedies together; no step begins later.
        seed: of what is random in the trials.
        verbose: whether anything is printed.

    Returns:
        The verdict; with remedies, what was tried is in its `tried`. Ctrl-C ends the
        trials, and what is known by then is told.

    Raises:
        ValueError: an argument is not as above, the model cannot be cloned, or a
            dataset cannot be read twice.
        RuntimeError: Keras runs on another backend than TensorFlow.
    """
    internals.check()
    true_or_false("remedies", remedies)
    true_or_false("verbose", verbose)
    whole("steps", steps, 2, "200 tell most causes")
    if planned_steps is not None:
        whole("planned_steps", planned_steps, 1, "leave it out for ten epochs")
    positive("seconds", seconds, "60 are a minute")
    check_seed(seed)
    batches = Batches(x, y, batch_size, seed, sample_weight)
    if planned_steps is None:
        epochs = _EPOCHS * (batches.an_epoch or 0)
        planned_steps = min(max(epochs, _LEAST_STEPS), _TIMES * steps)
    with seeds.kept(seed):
        clones = Clones(model)
        with clones.kept():
            return _diagnose(
                clones, batches, remedies, steps, planned_steps, seconds, seed, verbose
            )


def _diagnose(clones, batches, remedies, steps, planned_steps, seconds, seed, verbose):
    say = functools.partial(print, flush=True) if verbose else _nothing
    known = with_data(
        evidence_of(clones.model), batches.x, batches.y, batches.sample_weight
    )
    before = judge(known)
    _say_before(say, settled(before, known))
    seen: list[StepEvidence] = []
    try:
        rows = batches.first(_ROWS)
        clones.check(rows[0])
        for step in watched_steps(clones.clone(), known, batches, steps, rows):
            seen.append(step)
            if len(seen) == 1:
                seen_first = dataclasses.replace(known, steps=[*known.steps, step])
                at_start = judge(seen_first)
                if at_start.causes != before.causes:
                    _say_before(say, settled(at_start, seen_first))
    except KeyboardInterrupt:
        remedies = False
    except Exception as error:
        # Labels that are no classes, or an output of another shape, are known already.
        if not {"labels", "output"} & set(before.causes):
            raise
        say(f"The trial ended early: {type(error).__name__}: {error}")
    left = max(0, planned_steps - len(seen))
    made = dataclasses.replace(known, steps=[*known.steps, *seen], steps_left=left)
    verdict = judge(made)
    if remedies and verdict.findings:
        losses = [x.loss for x in seen if x.loss is not None]
        tried = [outcome("as it is", losses, known)]
        kinds = list(dict.fromkeys(x for y in verdict.findings for x in y.remedies))
        say(f"Trying what helps, for {seconds:g} seconds at the most.")
        with contextlib.suppress(KeyboardInterrupt):
            for each in try_remedies(
                kinds, clones, batches, steps, seed, seconds, verbose
            ):
                tried.append(each)  # Each at once, for Ctrl-C.
        verdict = dataclasses.replace(verdict, tried=tuple(tried))
    if clones.not_rebuilt:
        not_rebuilt = (
            f"Left as they are, since their configs do not rebuild them: "
            f"{named(clones.not_rebuilt)}."
        )
        unseen = (*verdict.not_seen, not_rebuilt)
        verdict = dataclasses.replace(verdict, not_seen=unseen)
    say(verdict.words())
    return verdict


def _say_before(say, verdict):
    if verdict.findings:
        say(f"Before any update: {verdict.words()}")


def _nothing(words):
    pass
