"""Batches that were seen one by one tell what the whole of the data does."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from xorlab.diagnosis import Evidence
from xorlab.steps.batch import BatchFacts, measured
from xorlab.trial.facts import with_data
from xorlab.watching.data import SeenData

RNG = np.random.default_rng(1)
X = RNG.normal(size=(800, 3)).astype("float32")
RARE = (RNG.random((800, 1)) < 0.05).astype("float32")
CLASS = RNG.choice(4, 800, p=[0.7, 0.2, 0.05, 0.05])
NUMBER = (5 + RNG.normal(size=(800, 1))).astype("float32")


def seen(known, *labels, size=20):
    """Of labels, and of weights if they are given."""
    data = SeenData()
    for begin in range(0, len(labels[0]), size):
        parts = [rows[begin : begin + size] for rows in (X, *labels)]
        numbers = measured(tuple(map(tf.constant, parts)))
        data.add(BatchFacts.of(np.array(numbers)))
    return data.of(known)


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        ("binary_crossentropy", RARE),
        ("sparse_categorical_crossentropy", CLASS),
        ("categorical_crossentropy", np.eye(4)[CLASS]),
        ("mean_squared_error", NUMBER),
        # In order, as of a series: batches differ more than their rows do.
        ("mean_squared_error", np.sort(NUMBER, axis=0)),
        ("mean_absolute_error", NUMBER),
    ],
)
def test_the_best_guess_is_that_of_all_rows(loss, y):
    known = Evidence(loss_name=loss, last_units=4)
    told, whole = seen(known, y), with_data(known, X, y)
    assert told.labels == whole.labels
    assert told.input_rms == pytest.approx(whole.input_rms, rel=1e-4)
    assert told.guessing_loss == pytest.approx(whole.guessing_loss, rel=0.03)


def test_a_batch_without_a_rare_label_does_not_make_it_impossible():
    known = Evidence(loss_name="binary_crossentropy", last_units=1)
    guess = seen(known, np.zeros([20, 1], "float32")).guessing_loss
    assert 0.1 < guess < math.log(2)


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        ("binary_crossentropy", np.hstack([RARE, 1 - RARE, RARE])),
        ("mean_squared_error", NUMBER),
    ],
)
def test_rows_count_by_their_weights(loss, y):
    weights = (RNG.uniform(0, 3, 800) * (1 + 4 * RARE[:, 0])).astype("float32")
    known = Evidence(loss_name=loss, last_units=y.shape[1])
    told, whole = seen(known, y, weights), with_data(known, X, y, weights)
    assert told.guessing_loss == pytest.approx(whole.guessing_loss, rel=0.03)
    assert seen(known, y[:20], np.zeros(20, "float32")).guessing_loss is None


@pytest.mark.parametrize(
    ("loss", "y"),
    [("binary_crossentropy", NUMBER), ("sparse_categorical_crossentropy", CLASS)],
)
def test_of_labels_that_do_not_fit_the_loss_there_is_no_best_guess(loss, y):
    told = seen(Evidence(loss_name=loss, last_units=2), y)
    assert told.labels == (y.min(), y.max()) and told.guessing_loss is None


def test_of_labels_of_which_a_loss_ignores_some_nothing_is_known():
    known = Evidence(loss_name="sparse_categorical_crossentropy", last_units=4)
    told = seen(dataclasses.replace(known, ignored_label=3), CLASS)
    assert (told.labels, told.guessing_loss) == (None, None)


def test_of_labels_that_are_missing_nothing_is_known():
    lost = NUMBER.copy()
    lost[300] = np.nan
    told = seen(Evidence(loss_name="mean_squared_error"), lost)
    assert (told.labels, told.guessing_loss) == (None, None)
    assert told.input_rms is not None


def test_what_is_known_stays_where_no_batch_is():
    known = Evidence(input_rms=2.0)
    assert SeenData().of(known) is known
