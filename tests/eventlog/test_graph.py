"""The op graph that TensorBoard serves is the lecture's picture 04."""

import urllib.parse
import urllib.request

import keras
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorboard.compat.proto.graph_pb2 import GraphDef

from xorlab import models
from xorlab.eventlog.graph import kept_graph, train_step_graph
from xorlab.models import data

LAYERS = [f"layer{n}" for n in range(1, 11)] + ["last"]
WEIGHTS = [f"{word}{n}" for n in range(1, 12) for word in ("Weight", "Bias")]


def source(name):
    return name.removeprefix("^").split(":")[0]


@pytest.fixture(scope="module")
def served(finished_runs, serve):
    """The graphs that TensorBoard's own endpoint returns, by activation."""
    some_config, _ = finished_runs["relu"]
    address = serve(some_config.logdir)
    graphs = {}
    for activation, (config, _) in finished_runs.items():
        query = urllib.parse.urlencode({"run": config.run_name})
        url = f"{address}data/plugin/graphs/graph?{query}"
        graphs[activation] = text_format.Parse(
            urllib.request.urlopen(url).read(), GraphDef()
        )
    return graphs


@pytest.fixture(params=["sigmoid", "relu", "maxout"])
def activation(request):
    return request.param


@pytest.fixture
def graph(served, activation):
    return served[activation]


def box_edges(graph):
    """Edges between top-level boxes, without those inside a box."""
    edges = set()
    for node in graph.node:
        for name in node.input:
            edge = (source(name).split("/")[0], node.name.split("/")[0])
            if edge[0] != edge[1]:
                edges.add(edge)
    return edges


@pytest.mark.slow
def test_the_boxes_are_the_lecture_s(graph):
    boxes = {node.name.split("/")[0] for node in graph.node}
    others = {"X-input", "Y-input", "cost", "accuracy", "train"}
    assert boxes == {*LAYERS, *WEIGHTS, *others}


def test_the_data_flows_through_the_layers_in_order(graph):
    chain = ["X-input", *LAYERS]
    expected = set(zip(chain, chain[1:], strict=False))
    expected |= {("last", "cost"), ("last", "accuracy")}
    expected |= {("Y-input", "cost"), ("Y-input", "accuracy")}
    aside = {*WEIGHTS, "train"}
    main = {e for e in box_edges(graph) if not aside & set(e)}
    assert main == expected


def test_each_layer_reads_its_own_weight_and_bias(graph):
    edges = box_edges(graph)
    for number, layer in enumerate(LAYERS, start=1):
        readers = {f"{word}{number}": layer for word in ("Weight", "Bias")}
        for weight, reader in readers.items():
            assert {to for from_, to in edges if from_ == weight} == {reader, "train"}


def test_training_uses_every_layer_and_returns_nothing_to_the_picture(graph):
    edges = box_edges(graph)
    # The shapes are known, so of layer1 too only its output matters to the gradient.
    assert {from_ for from_, to in edges if to == "train"} >= {*LAYERS, "X-input"}
    assert not [to for from_, to in edges if from_ == "train"]


def test_small_boxes_are_scopes_with_a_noop_of_their_name(graph):
    named_like_scopes = {n.name for n in graph.node if n.op == "NoOp"}
    assert named_like_scopes == {*WEIGHTS, "train"}


def test_a_layer_opened_reads_matmul_add_activation(graph, activation):
    own = {"sigmoid": "Sigmoid", "relu": "Relu", "maxout": "Maxout"}[activation]
    nodes = {n.name: n for n in graph.node if n.name.startswith("layer6/")}
    children = {name.split("/")[1] for name in nodes}
    assert children == {"MatMul", "add", own}
    assert nodes["layer6/MatMul"].input[1].split("/")[0] == "Weight6"
    assert nodes["layer6/add"].input[0] == "layer6/MatMul"
    assert nodes["layer6/add"].input[1].split("/")[0] == "Bias6"
    users = [n for n in graph.node if "layer6/add" in map(source, n.input)]
    assert any(user.name.startswith(f"layer6/{own}") for user in users)


def test_the_graph_is_well_formed(graph):
    names = [node.name for node in graph.node]
    assert len(set(names)) == len(names)
    used = {source(name) for node in graph.node for name in node.input}
    assert used <= set(names)


def test_variables_are_drawn_as_variables(graph):
    handles = [n.name for n in graph.node if n.op == "VarHandleOp"]
    assert {f"{weight}/handle" for weight in WEIGHTS} <= set(handles)
    assert [n.name for n in graph.node if n.op == "Placeholder"] == [
        "X-input",
        "Y-input",
    ]


def test_tracing_trains_nothing_and_leaves_no_trace():
    model = models.deep(depth=3)
    metric = keras.metrics.BinaryAccuracy(name="accuracy")
    model.compile("adam", "binary_crossentropy", metrics=[metric])
    before = model.get_weights()
    graph = train_step_graph(
        model, (tf.TensorSpec(data.INPUTS.shape), tf.TensorSpec(data.LABELS.shape))
    )
    assert {"loss", "accuracy", "train"} <= {n.name.split("/")[0] for n in graph.node}
    assert {"layer1.kernel", "X-input", "targets"} <= {n.name for n in graph.node}
    assert (before[0] == model.get_weights()[0]).all()
    assert int(model.optimizer.iterations) == 0
    assert float(metric.count) == 0
    assert "apply" not in vars(model.optimizer)
    assert "update_state" not in vars(metric)


def test_a_graph_is_drawn_anew_after_a_compile_and_for_other_batches():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])

    def drawn(rows=None):
        model.make_train_function()
        batch = (tf.TensorSpec([rows, 2]), tf.TensorSpec([rows, 1]))
        return kept_graph(model, batch, None, None)

    model.compile("sgd", "mse")
    first = drawn()
    assert drawn() is first and drawn(rows=4) is not first
    model.compile(keras.optimizers.Adam(name="adam"), "mse")
    assert any("adam/" in node.name for node in drawn(rows=4).node)
    assert not any("adam/" in node.name for node in first.node)
