"""Models of public examples' kinds are trained on to the bit while they are watched."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from oracles import callback_oracle as oracle
from oracles import zoo_rows, zoo_steps  # noqa: F401  They add some.
from oracles.zoo import EXAMPLES

pytestmark = pytest.mark.slow

FAST = ("Siamese", "VAE", "mixture_of_experts")
BY_XLA = ("mixture_of_experts",)


def trained(name, callbacks, jit_compile=False):
    """Makes three steps."""
    example = EXAMPLES[name]
    x, y = example.x, example.y
    if isinstance(x, tuple):
        # Triplets are no inputs and targets, which `fit` would take them for.
        x = tf.data.Dataset.from_tensor_slices((x,)).batch(oracle.ROWS)
    return oracle.train(lambda: example.compiled(jit_compile), x, y, callbacks)


def variables_of(model):
    """All that training may change: also what only an optimizer of a GAN holds."""
    attributes = vars(model).values()
    optimizers = [x for x in attributes if isinstance(x, keras.optimizers.Optimizer)]
    return model.variables + [v for each in optimizers for v in each.variables]


def check(name, log_dir, fast=False, **options):
    # A step that is left to Keras takes a trace of its own, and so does a graph: both
    # have their tests.
    every = 2 if fast else 1
    callback = oracle.watching(
        log_dir, write_activations=True, histogram_steps=every, write_graph=fast
    )
    ours = variables_of(trained(name, [callback], **options))
    plain = variables_of(trained(name, [], **options))
    for variable, one, other in zip(
        ours, oracle.arrays(ours), oracle.arrays(plain), strict=True
    ):
        np.testing.assert_array_equal(one, other, err_msg=variable.path)
        # What became NaN would be equal, whatever made it so.
        assert np.isfinite(one).all(), variable.path
    log = oracle.read(log_dir)
    assert bool(log.graph) == fast
    for kind in ("gradient", "activation"):
        logged = {tag for tag in log.histograms if tag.endswith(f"/{kind}")}
        assert {step for tag in logged for step in log.histograms[tag]} == set(
            range(0, 3, every)
        )


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_is_trained_on_to_the_bit(name, tmp_path):
    check(name, tmp_path, fast=name in FAST)


@pytest.mark.parametrize("name", BY_XLA)
def test_it_is_trained_on_to_the_bit_by_xla(name, tmp_path):
    check(name, tmp_path, jit_compile=True)
