"""How many steps are left is told by what Keras says of batches."""

import types

import pytest

from xorlab.steps.fits import steps_of_epochs, steps_of_execution


def callback(steps, accumulated=None, fused=1):
    """One that hears of epochs of so many batches."""
    optimizer = types.SimpleNamespace(gradient_accumulation_steps=accumulated)
    model = types.SimpleNamespace(optimizer=optimizer, steps_per_execution=fused)
    return types.SimpleNamespace(params={"steps": steps}, model=model)


@pytest.mark.parametrize(
    ("batches", "accumulated", "steps"),
    [(10, None, 30), (10, 4, 7), (None, None, None)],
)
def test_a_step_is_an_update_however_many_batches_it_takes(batches, accumulated, steps):
    assert steps_of_epochs(callback(batches, accumulated), 3) == steps


def test_an_execution_ends_where_the_data_do():
    last = callback(10, fused=4)
    assert [steps_of_execution(last, batch) for batch in (0, 4, 8)] == [4, 4, 2]
    assert steps_of_execution(callback(None, fused=4), 8) == 4
