"""The op graph of any model reads as its author's code: a box a layer, in order."""

import keras
import pytest
import tensorflow as tf
from keras import layers as L

from xorlab.eventlog.graph import train_step_graph


def mlp():
    return keras.Sequential(
        [keras.Input((8,)), L.Dense(4, "relu", name="a"), L.Dense(3, name="b")]
    )


def cnn():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            L.Conv2D(4, 3, name="conv"),
            L.BatchNormalization(name="norm"),
            L.ReLU(name="relu"),
            L.GlobalAveragePooling2D(name="pool"),
            L.Dense(3, name="head"),
        ]
    )


def lstm():
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            L.Embedding(20, 4, name="embed"),
            L.LSTM(5, name="lstm"),
            L.Dense(3, name="head"),
        ]
    )


def transformer():
    inputs = keras.Input((6, 8))
    attended = L.MultiHeadAttention(2, 4, name="mha")(inputs, inputs)
    x = L.LayerNormalization(name="norm")(L.Add(name="add")([inputs, attended]))
    block = keras.Model(inputs, L.Dense(8, "gelu", name="dense")(x), name="block")
    tokens = keras.Input((6,), dtype="int32")
    x = block(L.Embedding(20, 8, name="embed")(tokens))
    x = L.GlobalAveragePooling1D(name="pool")(x)
    return keras.Model(tokens, L.Dense(3, name="head")(x))


def two_inputs():
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    joined = L.Concatenate(name="join")(
        [L.Dense(4, name="in_left")(left), L.Dense(4, name="in_right")(right)]
    )
    return keras.Model([left, right], L.Dense(3, name="out")(joined))


# Edges between boxes, aside from those to `train` and from weights.
MODELS = {
    mlp: {("inputs", "a"), ("a", "b"), ("b", "loss")},
    cnn: {
        ("inputs", "conv"),
        ("conv", "norm"),
        ("norm", "relu"),
        ("relu", "pool"),
        ("pool", "head"),
        ("head", "loss"),
    },
    lstm: {("inputs", "embed"), ("embed", "lstm"), ("lstm", "head"), ("head", "loss")},
    transformer: {
        ("inputs", "embed"),
        ("embed", "block"),
        ("block", "pool"),
        ("pool", "head"),
        ("head", "loss"),
    },
    two_inputs: {
        ("left", "in_left"),
        ("right", "in_right"),
        ("in_left", "join"),
        ("in_right", "join"),
        ("join", "out"),
        ("out", "loss"),
    },
}


@pytest.fixture(scope="module", params=MODELS, ids=lambda make: make.__name__)
def drawn(request):
    """A model, the edges it should have, and its graph."""
    model = request.param()
    model.compile("sgd", "mse")
    # A batch of known size: of an unknown one the loss reads the input's shape.
    inputs = [tf.TensorSpec((4, *x.shape[1:]), x.dtype) for x in model.inputs]
    inputs = tuple(inputs) if len(inputs) > 1 else inputs[0]
    graph = train_step_graph(model, (inputs, tf.TensorSpec((4, 3))))
    return model, MODELS[request.param], graph


def source(name):
    return name.removeprefix("^").split(":")[0]


def test_boxes_follow_the_data(drawn):
    _, expected, graph = drawn
    edges = {
        (source(name).split("/")[0], node.name.split("/")[0])
        for node in graph.node
        for name in node.input
    }
    main = {
        (a, b)
        for a, b in edges
        if a != b and "train" not in (a, b) and "." not in a and "targets" not in (a, b)
    }
    assert main == expected


def test_each_layer_s_weights_stand_beside_it(drawn):
    model, _, graph = drawn
    small = {n.name for n in graph.node if n.op == "NoOp"} - {"train"}
    assert all("." in name.rpartition("/")[2] for name in small)
    assert len(small) == len(model.trainable_weights) + sum(
        # Moving averages and the like are drawn too, if the step reads them.
        any(n.name.startswith(f"{name}/") for n in graph.node)
        for name in small
        if name.endswith(("moving_mean", "moving_variance"))
    )
    for name in small:
        box, _, weight = name.rpartition("/")
        layer = f"{box}/{weight.split('.')[0]}".lstrip("/")
        # The scope of a composite layer's own part may carry a number.
        assert any(node.name.startswith(layer) for node in graph.node)


def test_the_graph_is_well_formed(drawn):
    _, _, graph = drawn
    names = [node.name for node in graph.node]
    assert len(set(names)) == len(names)
    assert {source(x) for node in graph.node for x in node.input} <= set(names)


class BuiltLate(keras.Model):
    """Makes its layer when it is given its first batch."""

    def build(self, shape):
        self.inner = L.Dense(3, name="inner")
        self.inner.build(shape)
        self.built = True

    def call(self, x):
        return self.inner(x)


def test_a_layer_that_is_made_by_the_first_batch_has_its_box():
    model = BuiltLate(name="late")
    model.compile("adam", "mse", metrics=["mae"])
    graph = train_step_graph(model, (tf.TensorSpec((4, 2)), tf.TensorSpec((4, 3))))
    boxes = {node.name.split("/")[0] for node in graph.node}
    weights = {"inner.kernel", "inner.bias"}
    assert boxes == {"inputs", "targets", "inner", *weights, "loss", "mae", "train"}


def test_weights_of_a_layer_s_own_layers_stand_inside_of_its_box():
    model = transformer()
    model.compile("sgd", "mse")
    graph = train_step_graph(
        model, (tf.TensorSpec((4, 6), tf.int32), tf.TensorSpec((4, 3)))
    )
    small = {node.name for node in graph.node if node.op == "NoOp"}
    parts = ("query", "key", "value", "attention_output")
    inside = {f"block/mha/{part}.{w}" for part in parts for w in ("kernel", "bias")}
    beside = {"block/norm.gamma", "block/dense.kernel", "head.kernel"}
    assert small >= inside | beside
