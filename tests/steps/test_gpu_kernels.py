"""No operation of what is measured lacks a kernel on a GPU; it takes none to know."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import kernels

from xorlab.steps import exact, histograms, measures, parts
from xorlab.steps.monitor import StepMonitor
from xorlab.steps.observe import observed, observed_batches


@pytest.fixture
def a_gpu(monkeypatch):
    """What is traced meanwhile is traced as for a GPU."""
    monkeypatch.setattr(parts, "has_gpu", lambda: True)
    parts._program.cache_clear()
    yield
    parts._program.cache_clear()


def nodes_of(graph):
    """Yields the operations of a graph, those of its functions too."""
    graph_def = graph.as_graph_def()
    yield from graph_def.node
    for function in graph_def.library.function:
        yield from function.node_def


def has_gpu_kernel(node):
    return any(
        kernel.device_type in ("GPU", "DEFAULT")
        and all(
            node.attr[constraint.name].type in constraint.allowed_values.list.type
            for constraint in kernel.constraint
        )
        for kernel in kernels.get_registered_kernels_for_op(node.op).kernel
    )


def traced(model, *watching):
    step = tf.function(lambda data: model.train_step(data))
    batch = (tf.TensorSpec((None, 6)), tf.TensorSpec((None, 3)))
    with watching[0] if watching else tf.name_scope("bare"):
        return step.get_concrete_function(batch).graph


@pytest.mark.slow
@pytest.mark.parametrize("big", [exact.BIG, 8])
def test_every_operation_that_is_added_to_a_step_has_a_kernel(big, a_gpu, monkeypatch):
    monkeypatch.setattr(exact, "BIG", big)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, "relu")])
    model.compile("sgd", "mse", jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    bare = {(node.op, str(node.attr["T"])) for node in nodes_of(traced(model))}
    roots = {"": model.optimizer}
    monitor = StepMonitor(model, roots, activations=True)
    with observed_batches(model, monitor):
        watched = traced(model, observed(roots, monitor, monitor.layers.values()))
    added = [n for n in nodes_of(watched) if (n.op, str(n.attr["T"])) not in bare]
    assert len(added) > 10
    assert {node.op for node in added if not has_gpu_kernel(node)} == set()
    # It has one, which refuses to be deterministic.
    assert "DenseBincount" not in {node.op for node in added}


def test_what_is_counted_there_is_what_numpy_counts(a_gpu):
    values = np.float32([0.0, 1.0, -2.0, 1e-9, np.nan])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def step(unknown):
        return measures.measure([unknown], by_xla=False)

    counts, *_ = step(values)
    np.testing.assert_array_equal(counts, histograms.count([values]))


def test_no_variable_is_of_a_kind_that_is_left_on_the_cpu():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    made = []
    with tf.variable_creator_scope(
        lambda next_creator, **kwargs: made.append(next_creator(**kwargs)) or made[-1]
    ):
        StepMonitor(model, {"": model.optimizer}, activations=True)
    assert made and tf.int32 not in {variable.dtype for variable in made}
