"""A verdict is right about known cases, in words and for machines."""

import json
import pickle

from xorlab.diagnosis import (
    CAUSES,
    REMEDIES,
    Evidence,
    LayerFacts,
    LayerStep,
    StepEvidence,
    judge,
)


def evidence(*steps, losses=(), facts=(), **of_network):
    """Evidence of steps, each a dict of `LayerStep`s; ten updates lie between two."""
    names = dict.fromkeys(name for step in steps for name in step)
    known = {x.name for x in facts}
    layers = [LayerFacts(x, "Dense") for x in names if x not in known]
    told = [
        StepEvidence(10 * row, step, losses[row] if losses else None)
        for row, step in enumerate(steps)
    ]
    return Evidence([*layers, *facts], told, **of_network)


def received(**gradient_rms):
    return {name: LayerStep(gradient_rms=rms) for name, rms in gradient_rms.items()}


# A deep network of sigmoids at its start, and 10 steps later (the lecture's, seed 22).
SIGMOID = received(layer1=3e-9, layer5=2e-6, layer9=3e-3, last=0.1)


def test_a_gradient_that_vanishes_is_told_with_the_layers_that_it_does_not_reach():
    verdict = judge(evidence(SIGMOID, SIGMOID, losses=[0.7, 0.69315]))
    [finding] = verdict.findings
    assert verdict.cause == finding.cause == "vanishing"
    assert finding.layers == ("layer1", "layer5")
    assert finding.numbers["ratio"] < finding.threshold.value


def test_a_layer_that_has_learned_has_a_small_gradient_and_is_well():
    start, end = received(a=0.1, b=0.1), received(a=1e-6, b=0.1)
    assert not judge(evidence(start, end)).findings
    assert not judge(evidence(end, start)).findings


def test_of_two_rules_for_a_cause_the_first_is_told():
    # It names the layers; the other tells only that the loss is far too large.
    sizes = {"one": 1.0, "two": 1e5, "last": 1e6}
    grown = {x: LayerStep(0.1, output_rms=size) for x, size in sizes.items()}
    verdict = judge(evidence(grown, grown, losses=[1e9, 1e9], guessing_loss=1.0))
    [finding] = [x for x in verdict.findings if x.cause == "exploding"]
    assert finding.layers == ("one", "two")


def test_a_last_layer_that_is_saturated_is_sure():
    shares = {"one": 0.1, "last": 1.0}
    flat = {x: LayerStep(0.1, saturated=share) for x, share in shares.items()}
    stuck = {"losses": [0.7, 0.7], "guessing_loss": 0.69}
    assert "saturated" not in judge(evidence(flat, flat, **stuck)).causes
    shares["one"] = 0.9
    flat = {x: LayerStep(0.1, saturated=share) for x, share in shares.items()}
    [finding] = judge(evidence(flat, flat, **stuck)).findings
    assert finding.cause == "saturated" and finding.layers == ("one",)


def test_two_batches_tell_of_learning_only_if_the_loss_has_halved():
    # Of one batch and another, one is the easier.
    well = received(a=0.1, b=0.1)
    for loss, cause in ((0.9, "undecided"), (0.4, "healthy")):
        assert judge(evidence(well, well, losses=[1.0, loss])).cause == cause


def test_nothing_is_said_of_a_network_that_nobody_has_seen():
    assert judge(Evidence()).cause == "undecided"
    assert judge(evidence(received(a=0.1))).cause == "undecided"


def test_layers_that_were_not_watched_are_named():
    unseen = LayerFacts("discriminator/dense", is_trainable=True, is_watched=False)
    verdict = judge(evidence(received(a=0.1), received(a=0.1), facts=[unseen]))
    assert "discriminator/dense" in str(verdict)


def test_a_machine_reads_what_a_person_does():
    verdict = judge(evidence(SIGMOID, SIGMOID, losses=[0.7, 0.69315]))
    [finding] = json.loads(json.dumps(verdict.to_dict()))["findings"]
    assert finding["cause"] in CAUSES
    assert set(finding["remedies"]) <= set(REMEDIES)
    assert finding["why"] in str(verdict)


def test_evidence_that_was_kept_is_judged_by_the_rules_of_today():
    kept = Evidence(steps=[StepEvidence(1, {"a": LayerStep(1.0)}, loss=0.5)])
    judge(kept)
    again = pickle.loads(pickle.dumps(kept))
    assert again == kept and kept.answers
    assert again.of_layers("gradient_rms", 0) == {"a": 1.0}
    again = pickle.loads(pickle.dumps(again))
    assert not again.answers and "is_finite" not in vars(again.steps[0])
