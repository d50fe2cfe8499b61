"""What is read of Keras is what Keras does."""

import types

from xorlab.steps import internals


def test_weights_that_no_update_changes_are_not_told_of():
    weight, other = types.SimpleNamespace(), types.SimpleNamespace()
    without_a_gradient = types.SimpleNamespace()
    # As the scales of layers in 8-bit floats are.
    scale = types.SimpleNamespace(overwrite_with_gradient=True)
    variables = [weight, without_a_gradient, scale, other]
    updated = internals.updated_variables([1.0, None, 2.0, 3.0], variables)
    assert updated == [weight, other]
    assert updated[0] is weight and updated[1] is other
