"""What is recommended: what was seen to work, and nothing else."""

import json

from xorlab.diagnosis import Tried, Verdict, recommended

AS_IT_IS = Tried("as it is", "", 0.7, 0.69, 60)
RELU = Tried("relu", "activation", 0.7, 0.2, 60, learned=True)
FITTED = Tried("fitted", "initializer", 0.7, 0.1, 60, learned=True)
SLOW = Tried("slower", "rate/10", 0.7, 0.69, 60)


def test_what_learned_is_recommended_and_the_least_loss_comes_first():
    assert recommended([AS_IT_IS, RELU, SLOW, FITTED]) == [FITTED, RELU]


def test_where_the_model_learns_too_a_change_has_to_halve_its_loss():
    learns = Tried("as it is", "", 0.7, 0.3, 60, learned=True)
    assert recommended([learns, RELU, FITTED]) == [FITTED]


def test_that_nothing_worked_is_said():
    verdict = Verdict(tried=(AS_IT_IS, SLOW))
    assert verdict.words().endswith("None of these changes was seen to work.")
    assert json.loads(json.dumps(verdict.to_dict()))["tried"][1]["learned"] is False
