"""Numbers to be predicted are blamed where they, and not the network, are far off."""

import dataclasses

import pytest

from xorlab.diagnosis import Evidence, LayerFacts, LayerStep, StepEvidence, judge


def trained(losses, ratio=1e-3, **known):
    """Evidence of a regression, ten steps between two."""
    layers = {x: LayerStep(0.1, 0.0, 0, 1.0, 0, ratio) for x in ("one", "last")}
    steps = [StepEvidence(10 * n, layers, x, 0.1) for n, x in enumerate(losses)]
    facts = [LayerFacts(x, "Dense", "relu", 8, True) for x in layers]
    known = {"loss_name": "mean_squared_error", "steps_left": 0, **known}
    return Evidence(facts, steps, optimizer="Adam", **known)


def test_prices_are_to_be_scaled():
    prices = trained([1e11] * 9, labels=(1e5, 5e5), guessing_loss=1e10)
    finding = judge(prices).findings[0]
    assert finding.cause == "labels" and "5e+05" in str(finding)
    assert finding.remedies[0] == "labels"


def test_labels_far_from_zero_are_not_blamed_on_the_network():
    kelvin = trained([8.4e4] * 9, labels=(270.0, 310.0), guessing_loss=39.0)
    causes = judge(kelvin).causes
    assert causes[0] == "labels" and "exploding" not in causes
    # It returns 1e4 where labels are 10.
    wild = trained([1e8] * 9, labels=(-10.0, 10.0), guessing_loss=30.0)
    assert judge(wild).causes[0] == "exploding"


def test_labels_that_are_learned_are_well_whatever_their_size():
    learned = trained([1e11, *[1e6] * 8], labels=(1e5, 5e5), guessing_loss=1e10)
    assert judge(learned).cause == "healthy"


def test_an_output_that_cannot_reach_the_labels_is_to_be_opened():
    known = trained([1e3] * 9, labels=(-70.0, 90.0), last_activation="sigmoid")
    finding = judge(known).findings[0]
    assert finding.cause == "labels" and finding.remedies[0] == "output"
    assert "Take sigmoid off the last layer" in str(finding)


@pytest.mark.parametrize(
    ("ratio", "size", "advice"),
    [(9.0, None, "ten times"), (1e9, None, "x and y"), (1e9, 1.0, "ten times")],
)
def test_a_rate_is_not_blamed_for_data_out_of_all_proportion(ratio, size, advice):
    labels = {"labels": (-1.0, 1.0), "guessing_loss": 1.0}
    known = trained([1.0] * 9, ratio, input_rms=size, **labels)
    assert advice in judge(known).findings[0].advice


def test_a_model_without_a_trainable_weight_is_told_so():
    frozen = [dataclasses.replace(x, is_trainable=False) for x in trained([1]).layers]
    finding = judge(Evidence(frozen, loss_name="mean_squared_error")).findings[0]
    assert finding.cause == "disconnected" and "trainable = True" in str(finding)


@pytest.mark.parametrize(
    "place", ["the loss", "the weight one/kernel (3 entries), before the update"]
)
def test_nan_that_came_between_two_logged_steps_may_be_the_data_s(place):
    first, *_, last = trained([1.0] * 9).steps
    lost = dataclasses.replace(last, not_finite=place)
    finding = judge(Evidence(steps=[first, lost])).findings[0]
    assert finding.cause == "diverged"
    assert ("NaN in your data" in str(finding)) is ("before" in place)
