"""What a batch holds is what NumPy finds in it, and nothing is said of what is not."""

import numpy as np
import pytest
import tensorflow as tf

from xorlab.steps.batch import BatchFacts, measured

RNG = np.random.default_rng(3)
X = RNG.normal(size=(12, 4)).astype("float32")
NUMBERS = RNG.normal(3, 2, size=(12, 2)).astype("float32")
CLASSES = RNG.integers(0, 3, 12)
WEIGHTS = RNG.uniform(1, 2, 12).astype("float32")


def told(*data, by_xla=False):
    tensors = tuple(map(tf.constant, data))
    work = tf.function(measured, jit_compile=True) if by_xla else measured
    return BatchFacts.of(np.array(work(tensors)))


@pytest.mark.parametrize("by_xla", [False, True])
def test_means_are_those_of_numpy(by_xla):
    facts = told(X, NUMBERS, WEIGHTS, by_xla=by_xla)
    means = np.average(NUMBERS, 0, WEIGHTS)
    away = NUMBERS - means
    assert facts.rows == 12 and facts.weight == pytest.approx(WEIGHTS.sum())
    assert (facts.least, facts.largest) == (NUMBERS.min(), NUMBERS.max())
    assert facts.input_square == pytest.approx(np.mean(X**2), rel=1e-5)
    assert facts.variance == pytest.approx(np.average(away**2, 0, WEIGHTS).mean())
    assert facts.deviation == pytest.approx(np.average(abs(away), 0, WEIGHTS).mean())
    np.testing.assert_allclose(facts.columns[:3], [*means, np.nan])


def test_classes_have_shares():
    shares = told(X, CLASSES, WEIGHTS[:, np.newaxis]).classes
    expected = [WEIGHTS[CLASSES == n].sum() / WEIGHTS.sum() for n in range(3)]
    np.testing.assert_allclose(shares[:4], [*expected, 0.0])
    # Of several labels to a row, among all of them.
    both = np.stack([CLASSES, CLASSES], axis=1)
    np.testing.assert_allclose(told(X, both, WEIGHTS).classes, shares)
    # One that is left out is missing in their sum.
    assert told(X, np.where(CLASSES == 0, 255, CLASSES)).classes.sum() < 0.99


@pytest.mark.parametrize(
    "data",
    [
        (X,),
        (X, {"a": NUMBERS}),
        (X, np.array(["a", "b"])),
        (X, np.zeros((2, 65))),
        (X, NUMBERS, np.ones((12, 2))),
    ],
)
def test_nothing_is_known_of_other_labels(data):
    data = tf.nest.map_structure(tf.convert_to_tensor, data)
    facts = BatchFacts.of(np.array(measured(data)))
    assert np.isnan(facts.weight) and np.isnan(facts.classes).all()


def test_nothing_is_known_of_labels_of_which_no_trace_knows_the_width():
    # As a generator's may be; their step is watched all the same.
    specs = tf.TensorSpec([None, 4]), tf.TensorSpec([None, None])
    traced = tf.function(measured).get_concrete_function(specs)
    facts = BatchFacts.of(np.array(traced((tf.constant(X), tf.constant(NUMBERS)))))
    assert facts.input_square == pytest.approx(np.mean(X**2), rel=1e-5)
    assert np.isnan(facts.weight) and np.isnan(facts.columns).all()


def test_a_replica_may_be_left_without_rows():
    assert told(X[:0], NUMBERS[:0]).rows == 0
    # It takes nothing from the others' shares.
    assert told(X[:0], CLASSES[:0]).classes.tolist() == [0.0] * 64


def test_several_inputs_count_alike():
    inputs = tuple(map(tf.constant, (X, 3 * X[:, :1], CLASSES)))
    facts = BatchFacts.of(np.array(measured((inputs, tf.constant(NUMBERS)))))
    expected = (np.mean(X**2) + np.mean(9 * X[:, 0] ** 2)) / 2
    assert facts.input_square == pytest.approx(expected, rel=1e-5)
