"""Of a long training a few steps are kept: evenly, and where NaN begins."""

import numpy as np

from xorlab.diagnosis import Evidence
from xorlab.steps.histograms import BUCKETS
from xorlab.steps.statistics import StepStatistics
from xorlab.watching import Witness


def steps_kept(number, lost_from=None):
    """What is kept of so many steps, which update nothing."""
    witness = Witness(Evidence(), all_update=True)
    nothing = np.zeros([0, BUCKETS], int), np.zeros([0, 2])
    for step in range(number):
        is_lost = lost_from is not None and step >= lost_from
        told = StepStatistics(step, [], *nothing, [], [], [], [], [], 0.0)
        witness.add([told], "the loss" if is_lost else None, 0.1)
    return witness.evidence(None).steps


def test_few_are_kept_as_far_from_one_another():
    *steps, last = [x.step for x in steps_kept(1000)]
    assert steps[0] == 0 and last == 999 and 16 <= len(steps) <= 32
    assert len(set(np.diff(steps))) == 1


def test_the_step_at_which_nan_begins_is_kept():
    # It says whether the data, or what training did to the weights, came first.
    lost = [x.step for x in steps_kept(1000, lost_from=777) if x.not_finite]
    assert lost[0] == 777 and lost[-1] == 999
