"""A layer draws as the lecture's, and is fused inside a fused step alone."""

import numpy as np
import pytest
import tensorflow as tf

from xorlab.models.layers import Affine, fused_products


def operations(layer, rows=4, columns=2):
    function = tf.function(lambda x: layer(x))
    traced = function.get_concrete_function(tf.TensorSpec((rows, columns)))
    return {operation.type for operation in traced.graph.get_operations()}


def test_products_are_spelled_out_inside_a_fused_step_and_nowhere_else():
    layer = Affine(3, "relu")
    layer.build((None, 2))
    assert "MatMul" in operations(layer)
    with fused_products():
        with fused_products():
            assert "MatMul" not in operations(layer)
        assert "MatMul" not in operations(layer)
    # Or the graph of the next run would be drawn without them.
    assert "MatMul" in operations(layer)


def test_they_are_as_they_were_after_an_error():
    layer = Affine(3, "relu")
    layer.build((None, 2))
    with pytest.raises(ZeroDivisionError):
        with fused_products():
            raise ZeroDivisionError
    assert "MatMul" in operations(layer)


@pytest.mark.parametrize("rows", [None, 1000])
def test_large_products_and_those_of_unknown_size_stay_calls(rows):
    layer = Affine(3, "relu")
    layer.build((None, 2))
    with fused_products():
        assert "MatMul" in operations(layer, rows)


def test_both_spellings_give_the_same():
    random = np.random.default_rng(0)
    layer = Affine(3, "maxout")
    layer.build((None, 2))
    layer.set_weights([random.normal(size=(2, 6)), random.normal(size=6)])
    x = tf.constant(random.normal(size=(4, 2)), tf.float32)
    plain = layer(x)
    with fused_products():
        fused = layer(x)
    assert plain.shape == layer.compute_output_shape((4, 2)) == (4, 3)
    np.testing.assert_allclose(fused, plain, rtol=1e-6)
