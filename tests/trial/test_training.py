"""A clone's training is told step by step, as far as it makes sense."""

import keras
import numpy as np
import pytest

from xorlab.trial.training import step, watched_steps
from xorlab.watching.anatomy import evidence_of

X, Y = np.ones([4, 2], "float32"), np.ones([4, 1], "float32")


def model(rate):
    last = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    made = keras.Sequential([keras.Input((2,)), last])
    made.compile(keras.optimizers.SGD(rate), "mse", run_eagerly=True)
    return made


def trained(batches):
    clone = model(0.01)
    known, rows = evidence_of(clone), (X, Y)
    return list(watched_steps(clone, known, batches, len(batches), rows))


def test_a_step_s_loss_is_that_of_its_batch():
    clone = model(0.0)
    losses = [step(clone, (X, size * Y, None)) for size in (1, 3, 2)]
    assert losses == pytest.approx([1, 9, 4])


@pytest.mark.slow
def test_layers_are_looked_at_seldom_and_at_the_end():
    seen = trained([(X, Y, None)] * 6)
    assert [x.step for x in seen] == list(range(6))
    assert [bool(x.layers) for x in seen] == [True, True, False, True, False, True]


def test_it_ends_where_the_loss_is_not_finite():
    # What follows tells nothing, and takes as long.
    lost = (X, np.nan * Y, None)
    *_, last = seen = trained([(X, Y, None), (X, Y, None), *[lost] * 4])
    assert len(seen) == 3 and last.not_finite == "the loss"
