"""What is said of data, against sums by hand."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from xorlab.diagnosis import Evidence, LayerFacts, LayerStep, judge
from xorlab.trial.batches import Batches
from xorlab.trial.facts import with_data
from xorlab.trial.probe import measured

X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")


@pytest.mark.parametrize(
    ("loss", "y", "best"),
    [
        # The best guess is a share; its loss, summed over the labels by hand.
        ("binary_crossentropy", [[0], [0], [0], [1]], np.log(4) - 0.75 * np.log(3)),
        ("sparse_categorical_crossentropy", [0, 1, 2, 2], 1.5 * np.log(2)),
        ("categorical_crossentropy", [[1, 0], [0, 1]], np.log(2)),
        ("mean_squared_error", [[1.0], [3.0]], 1.0),
        ("mean_absolute_error", [[0.0], [0.0], [3.0]], 1.0),
    ],
)
def test_guessing_costs_what_the_best_constant_does(loss, y, best):
    known = with_data(Evidence(loss_name=loss), X[: len(y)], np.array(y))
    assert known.guessing_loss == pytest.approx(best)


def test_words_have_no_scale_and_numbers_have():
    words = np.arange(12).reshape(4, 3)
    embedded = Evidence(layers=[LayerFacts("embedding", "Embedding")])
    assert with_data(embedded, words, None).input_rms is None
    assert with_data(Evidence(), words, None).input_rms == pytest.approx(
        np.sqrt(np.mean(words**2))
    )


def test_a_missing_value_is_found_in_the_data():
    lost = X.copy()
    lost[2, 1] = np.inf
    finding = judge(with_data(Evidence(), lost, None)).findings[0]
    assert finding.cause == "not_finite" and "x of the batch (1 row" in finding.why


@pytest.mark.parametrize("loss", ["binary_crossentropy", "mean_squared_error"])
def test_a_row_of_weight_three_counts_as_three_rows(loss):
    y, weights = np.array([[0.0], [1.0], [0.0], [1.0]]), np.array([1.0, 3.0, 1.0, 1.0])
    known = Evidence(loss_name=loss)
    weighted = with_data(known, X[:4], y, weights).guessing_loss
    repeated = np.repeat(y, weights.astype(int), axis=0)
    best = with_data(known, X[:6], repeated).guessing_loss
    # Keras takes the mean over rows, whatever they weigh.
    assert weighted == pytest.approx(best * weights.sum() / 4)
    assert with_data(known, X[:4], y, np.ones((4, 2))).guessing_loss is None


def test_a_loss_may_mask_labels_that_are_missing():
    lost = np.where(X > 1, np.nan, X)
    assert with_data(Evidence(loss_name="mean_squared_error"), X, lost).steps
    assert not with_data(Evidence(loss_name="mine"), X, lost).steps


def test_labels_that_the_loss_ignores_are_no_class():
    y = np.array([0, 1, 255, 0, 1, 255])
    known = Evidence(loss_name="sparse_categorical_crossentropy", ignored_label=255)
    known = with_data(known, X[:6], y)
    assert (known.labels, known.classes) == ((0, 1), 2)
    assert known.guessing_loss == pytest.approx(np.log(2))


def test_rows_of_a_curve_may_be_near_one_another():
    assert with_data(Evidence(), X, X[:, 0]).input_separation is None
    assert with_data(Evidence(), X, X[:, 0] > 0).input_separation > 0


def labels_of(batches, number):
    return [y.tolist() for _, y, _ in itertools.islice(batches, number)]


def test_batches_are_the_same_each_time_and_hold_every_row():
    batches = Batches(X, np.arange(12), 5, seed=3)
    assert batches.an_epoch == 3
    first, again = labels_of(batches, 6), labels_of(batches, 6)
    assert first == again
    # A step would be traced anew for another size.
    assert {len(labels) for labels in first} == {5}
    one, other = sum(first, [])[:12], sum(first, [])[12:24]
    assert one != other and sorted(one) == sorted(other) == list(range(12))
    assert first != labels_of(Batches(X, np.arange(12), 5, seed=4), 6)
    [few] = labels_of(Batches(X, np.arange(12), 32, seed=3), 1)
    assert sorted(few) == list(range(12))


def test_rows_keep_their_weights():
    batches = Batches(X, np.arange(12), 5, 0, sample_weight=10.0 * np.arange(12))
    for _, y, weights in itertools.islice(batches, 3):
        np.testing.assert_array_equal(weights, 10.0 * y)


def test_a_dataset_begins_anew_when_it_ends():
    data = tf.data.Dataset.from_tensor_slices((X, np.arange(12))).batch(8)
    batches = Batches(data, None, 32, 0)
    seen = labels_of(batches, 4)
    assert seen[0] == seen[2] and seen[1] == seen[3] == [8, 9, 10, 11]
    np.testing.assert_array_equal(batches.y, np.arange(12))
    assert batches.an_epoch == 2
    assert Batches(data.repeat(), None, 32, 0).an_epoch is None


@pytest.mark.slow
def test_outputs_tell_rows_apart():
    same = measured(LayerStep(), np.ones((4, 3)), "relu", None)
    assert (same.spread, same.rank) == (0, 0)
    outputs = np.array([[0.0, 1.0], [0.0, 2.0], [3.0, 4.0]])
    step = measured(LayerStep(), outputs, None, np.array([0, 1, 1]))
    # From row 0 to the nearer of the two of label 1, by the largest output.
    assert step.separation == pytest.approx(1 / 4)
    assert step.spread == pytest.approx(np.std([0, 0, 3]))
    assert step.rank == 2
    tanh = measured(LayerStep(), np.array([[0.1, 0.99], [-0.99, 0.5]]), "tanh", None)
    assert tanh.saturated == 0.5
    # Of a sigmoid, the scores count: it squeezes them.
    sigmoid = measured(LayerStep(), np.array([[0.9999], [0.9]]), "sigmoid", None)
    assert sigmoid.spread == pytest.approx((np.log(9999) - np.log(9)) / 2, rel=1e-3)
    # What has reached 0 or 1 has scores that are finite.
    for last in ("sigmoid", "softmax"):
        certain = measured(LayerStep(), np.eye(2), last, None)
        assert 1 < certain.spread < 100
