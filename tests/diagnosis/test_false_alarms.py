"""What a network that is well shows, too, is not held against it."""

import dataclasses

import pytest

from xorlab.diagnosis import Evidence, LayerFacts, LayerStep, StepEvidence, judge
from xorlab.diagnosis.verdict import settled

KINDS = {"InputLayer": None, "Rescaling": None, "Dense": True}


def layers(*kinds, **more):
    return [
        LayerFacts(f"{kind}{n}", kind, "relu", 8, KINDS.get(kind, True), **more)
        for n, kind in enumerate(kinds)
    ]


def step(number, loss, **of_layers):
    norms = {"gradient_rms": 0.1, "weight_norm": 1.0, "update_norm": 0.01}
    seen = {x: LayerStep(**{**norms, **more}) for x, more in of_layers.items()}
    return StepEvidence(number, seen, loss, 0.1)


def steps(losses, begin=0, **of_layers):
    """Steps that are ten apart, all with the same layers."""
    return [step(begin + 10 * n, x, **of_layers) for n, x in enumerate(losses)]


def test_a_loss_below_zero_has_not_fallen_by_being_there():
    flat, falls = [-0.5] * 9, [-0.1, *[-0.9] * 8]
    known = Evidence(loss_name="cosine_similarity", steps_left=0)
    for losses, is_well in ((flat, False), (falls, True), ([0.1, *flat], True)):
        verdict = judge(dataclasses.replace(known, steps=steps(losses)))
        assert verdict.is_enough is is_well, losses


@pytest.mark.parametrize(
    "layer",
    [
        {"update_norm": 0.3},  # Restless, as Adam's updates are at the end.
        {"saturated": 0.9},
        {"dead": 1.0, "gradient_rms": 0.0},
    ],
)
def test_a_model_that_is_trained_on_is_not_held_to_the_loss_that_it_begins_with(layer):
    # Its loss, which names no best guess, fell before anything was seen.
    facts = [LayerFacts("one", "Dense", "tanh", 8, True), *layers("Dense")]
    again = steps([0.01] * 9, 500, one=layer, Dense0={})
    known = Evidence(facts, again, 0, "Adam", loss_name="mine")
    assert judge(known).findings == ()


SMALL, LARGE = {"gradient_rms": 1e-9}, {"gradient_rms": 0.1}


@pytest.mark.parametrize(
    ("first", "second", "cause"),
    [(SMALL, LARGE, "vanishing"), (LARGE, SMALL, "exploding")],
)
def test_what_may_pass_is_not_said_of_the_first_steps(first, second, cause):
    known = Evidence(layers("Dense", "Dense"), loss_name="mine")
    for number, is_said in ((3, False), (5, False), (6, True)):
        seen = steps([1.0] * number, Dense0=first, Dense1=second)
        evidence = dataclasses.replace(known, steps=seen)
        verdict = judge(evidence)
        assert verdict.cause == cause
        assert (settled(verdict, evidence).cause == cause) is is_said


def test_what_follows_from_that_is_not_said_before_it():
    flat = {"saturated": 0.9, **SMALL}
    seen = steps([1.0] * 5, Dense0=flat, Dense1=LARGE)
    facts = [
        dataclasses.replace(x, activation="tanh") for x in layers("Dense", "Dense")
    ]
    evidence = Evidence(facts, seen, loss_name="mine")
    assert judge(evidence).causes == ["vanishing", "saturated"]
    assert settled(judge(evidence), evidence).cause == "undecided"


def test_a_head_of_zeros_may_wait_for_its_rate():
    # Till then it lets nothing through.
    starved = {"gradient_rms": 0.0, "update_norm": 0.0}
    zero = {"weight_norm": 0.0, "update_norm": 0.0}
    warm_up = [step(n, 1.4, one=starved, head=zero) for n in range(2)]
    facts = [LayerFacts(x, "Dense", "relu", 8, True) for x in ("one", "head")]
    assert judge(Evidence(facts, warm_up)).causes == ["constant"]
    warm_up[0] = dataclasses.replace(warm_up[0], learning_rate=0.0)
    assert judge(Evidence(facts, warm_up)).cause == "undecided"
    well = [*warm_up, step(3, 1.4, one={}, head={})]
    assert judge(Evidence(facts, well)).cause == "undecided"
    # What is starved by it no longer was dead from the start, and not killed by a rate.
    dead = [*warm_up, *(step(n, 1.4, one=starved, head={}) for n in (3, 7))]
    assert judge(Evidence(facts, dead)).causes == ["dead"]


@pytest.mark.parametrize(
    ("kinds", "is_said"),
    [
        ([], True),
        (["InputLayer", "Dense"], True),
        (["InputLayer", "Rescaling", "Dense"], False),
        (["InputLayer", "BatchNormalization", "Dense"], False),
    ],
)
def test_large_inputs_are_well_where_the_model_scales_them(kinds, is_said):
    known = Evidence(layers(*kinds), input_rms=3e4)
    assert judge(known).causes == (["input"] if is_said else ["undecided"])


def test_inputs_of_nan_have_no_size():
    assert judge(Evidence(input_rms=float("nan"))).cause == "undecided"


def test_what_a_model_does_to_its_inputs_is_no_start_of_its_own():
    sizes = {"InputLayer0": 3e4, "Rescaling1": 1.0, "Dense2": 1.0, "Dense3": 1.0}
    seen = {x: {"output_rms": size} for x, size in sizes.items()}
    facts = layers("InputLayer", "Rescaling", "Dense", "Dense")
    assert judge(Evidence(facts, steps([1.0], **seen))).findings == ()


@pytest.mark.parametrize("kind", ["RMSNormalization", "UnitNormalization"])
def test_a_normalisation_that_keeps_the_sign_is_not_constant(kind):
    [facts] = layers(kind)
    assert not judge(Evidence([dataclasses.replace(facts, units=1)])).findings


def test_labels_may_reach_a_little_beyond_the_output_s_range():
    known = Evidence(loss_name="mean_squared_error", last_activation="tanh")
    for labels, causes in (((-1.005, 1.0), ["undecided"]), ((-4.0, 9.0), ["labels"])):
        assert judge(dataclasses.replace(known, labels=labels)).causes == causes


@pytest.mark.parametrize(
    ("losses", "measured", "is_well"),
    [
        # A tenth of labels is positive: ln 2 is no guess of theirs.
        ([0.7, *[0.33] * 8], None, False),
        ([0.7, *[0.02] * 8], None, True),
        ([0.7, 0.6, 0.5, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15], None, True),
        ([0.7, *[0.33] * 8], 0.69, True),
    ],
)
def test_a_loss_that_may_be_that_of_guessing_is_not_called_well(
    losses, measured, is_well
):
    seen = steps(losses, Dense0=SMALL, Dense1=LARGE)
    known = {"loss_name": "binary_crossentropy", "guessing_loss": measured}
    verdict = judge(Evidence(layers("Dense", "Dense"), seen, 0, **known))
    assert verdict.cause == ("healthy" if is_well else "undecided")
