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


def residual():
    """Adds what Keras makes operations of, and not layers."""
    x = inputs = keras.Input((8,))
    for name in ("a", "b"):
        x = x + L.Dense(8, "relu", name=name)(x)
    return keras.Model(inputs, L.Dense(3, name="head")(x))


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
    residual: {
        ("inputs", "a"),
        ("inputs", "add"),
        ("a", "add"),
        ("add", "b"),
        ("add", "add_1"),
        ("b", "add_1"),
        ("add_1", "head"),
        ("head", "loss"),
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


class Block(L.Layer):
    """A layer that is made of layers, with a residual and a weight of its own."""

    def __init__(self):
        super().__init__()
        self.steps = keras.Sequential([L.Dense(4, "relu"), L.Dense(4)])
        self.scale = self.add_weight(shape=(4,), name="scale")

    def call(self, x):
        return x + self.steps(x) * self.scale


def test_layers_inside_of_layers_are_boxes_inside_of_boxes():
    model = keras.Sequential([keras.Input((4,)), Block(), Block()])
    model.compile("sgd", "mse")
    graph = train_step_graph(model, (tf.TensorSpec((2, 4)), tf.TensorSpec((2, 4))))
    names = {node.name for node in graph.node}
    assert {"block/add", "block/mul", "block/scale", "block.scale"} & names == {
        "block/add",
        "block/mul",
        "block.scale",
    }
    steps = "block_1/sequential"
    assert {f"{steps}/dense/MatMul", f"{steps}/dense_1/MatMul"} <= names
    assert {f"{steps}/dense.kernel", f"{steps}/dense_1.bias"} <= names
    assert not any(name.startswith("sequential") for name in names)


def given_to(model, batch):
    """The names of what the step is given, in order."""
    model.compile("sgd", "mse")
    graph = train_step_graph(model, batch)
    return [node.name for node in graph.node if node.op == "Placeholder"]


def test_several_targets_bear_the_names_of_the_outputs():
    x = keras.Input((2,))
    outputs = [L.Dense(3, name="near")(x), L.Dense(1)(x)]
    targets = tf.TensorSpec((4, 3)), tf.TensorSpec((4, 1))
    batch = tf.TensorSpec((4, 2)), targets, (tf.TensorSpec((4,)),) * 2
    assert given_to(keras.Model(x, outputs), batch) == [
        "inputs",
        "targets_near",
        "targets_dense",
        "weights_near",
        "weights_dense",
    ]


def test_data_in_dicts_bear_their_keys():
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    out = L.Dense(1)(left + right)
    # Not in the order of the dict.
    model = keras.Model([right, left], {"sum": out, "twice": 2 * out})
    batch = (
        {"left": tf.TensorSpec((4, 3)), "right": tf.TensorSpec((4, 3))},
        {"sum": tf.TensorSpec((4, 1)), "twice": tf.TensorSpec((4, 1))},
    )
    names = ["left", "right", "targets_sum", "targets_twice"]
    assert given_to(model, batch) == names


class OfRagged(keras.Model):
    def __init__(self):
        super().__init__()
        self.last = L.Dense(1, name="last")

    def call(self, x):
        return self.last(tf.reduce_sum(x.to_tensor(), 1, keepdims=True))


def of_sparse():
    last = L.Dense(1, name="last")
    return keras.Sequential([keras.Input((5,), sparse=True), last])


@pytest.mark.parametrize(
    ("make", "inputs", "parts"),
    [
        (OfRagged, tf.RaggedTensorSpec((4, None), tf.float32), 2),
        (of_sparse, tf.SparseTensorSpec((4, 5), tf.float32), 3),
    ],
    ids=["ragged", "sparse"],
)
def test_a_batch_may_be_ragged_or_sparse(make, inputs, parts):
    given = given_to(make(), (inputs, tf.TensorSpec((4, 1))))
    own = ["inputs/part", *(f"inputs/part_{n}" for n in range(1, parts))]
    assert given == [*own, "targets"]


def test_a_batch_may_have_more_than_three_parts():
    class Step(keras.Sequential):
        def train_step(self, data):
            x, y, weights, extra = data
            return super().train_step((x, y, weights + extra))

    model = Step([keras.Input((2,)), L.Dense(1)])
    parts = [tf.TensorSpec((4, n)) for n in (2, 1)]
    batch = (*parts, tf.TensorSpec((4,)), tf.TensorSpec((4,)))
    assert given_to(model, batch)[:3] == ["inputs", "targets", "weights"]
