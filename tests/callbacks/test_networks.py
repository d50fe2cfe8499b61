"""Networks that are trained apart are judged each by itself, in one verdict."""

import pytest

from xorlab.diagnosis import Evidence, LayerFacts, LayerStep, StepEvidence, judge
from xorlab.watching.networks import judge_apart

TRAINED = {"g": ["make/a", "make/b", "make/last"], "d": ["tell/a", "tell/last"]}
WELL = {"make/a": 0.1, "make/b": 0.1, "make/last": 0.1, "tell/a": 0.1, "tell/last": 0.1}


def seen(*steps, losses=None, facts=(), dead=None):
    """Evidence of gradients by layer, fifty updates from one step to the next."""
    names = dict.fromkeys(name for step in steps for name in step)
    known = {x.name for x in facts}
    layers = [
        LayerFacts(x, "Dense", "relu", is_trainable=True)
        for x in names
        if x not in known
    ]
    told = [
        StepEvidence(
            50 * row,
            {
                name: LayerStep(rms, dead=(dead or {}).get(name))
                for name, rms in step.items()
            },
            losses and losses[row],
        )
        for row, step in enumerate(steps)
    ]
    return Evidence([*layers, *facts], told)


def test_a_network_of_other_units_is_no_network_that_starves():
    small = WELL | {"tell/a": 1e-9, "tell/last": 1e-9}
    whole = seen(small, small)
    assert judge(whole).findings
    assert judge_apart(whole, TRAINED).cause == "healthy"


def test_the_loss_of_one_says_nothing_of_the_other():
    # The critic's falls; the generator has never received anything.
    starved = WELL | {"make/a": 1e-9}
    sizes = [starved] * 9
    falling = seen(*sizes, losses=[0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.01])
    assert judge(falling).cause != "vanishing"
    [finding] = judge_apart(falling, TRAINED).findings
    assert (finding.cause, finding.layers) == ("vanishing", ("make/a",))
    assert finding.why.startswith("Of what g trains: ")


@pytest.mark.parametrize("order", [1, -1])
def test_what_comes_first_is_told_first_whoever_trains_it(order):
    starved = WELL | {"make/a": 1e-9}
    dead = {"tell/a": 1.0, "tell/last": 0.0}
    trained = dict(list(TRAINED.items())[::order])
    verdict = judge_apart(seen(starved, starved, dead=dead), trained)
    assert verdict.causes == ["dead", "vanishing"]


def test_a_layer_that_nobody_trains_is_judged_with_the_network_that_it_is_in():
    facts = [
        LayerFacts("make/relu", "ReLU", "relu", is_trainable=False),
        *(LayerFacts(x, "Dense", is_trainable=True) for x in WELL),
    ]
    step = {"make/relu": None, **WELL}
    verdict = judge_apart(
        seen(step, step, facts=facts, dead={"make/relu": 1.0}), TRAINED
    )
    [finding] = verdict.findings
    assert (finding.cause, finding.layers) == ("dead", ("make/relu",))
    assert "Of what g trains" in finding.why


def test_all_are_well_where_enough_was_seen_of_each():
    once = {name: x for name, x in WELL.items() if name.startswith("make")}
    assert judge_apart(seen(WELL, WELL), TRAINED).cause == "healthy"
    assert judge_apart(seen(WELL, once), TRAINED).cause == "undecided"


def test_nan_is_told_once_for_both():
    whole = seen(WELL, WELL, losses=[0.7, float("nan")])
    assert judge_apart(whole, TRAINED) == judge(whole)
    assert judge(whole).cause == "diverged"


def test_what_nobody_watched_is_named():
    unseen = LayerFacts("tell/more", is_trainable=True, is_watched=False)
    assert "tell/more" in str(judge_apart(seen(WELL, WELL, facts=[unseen]), TRAINED))
