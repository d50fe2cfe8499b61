"""Every part of a model has a name, and no two have the same."""

import functools

import keras
import numpy as np
import pytest
from keras import layers

from xorlab.steps import internals, naming


def test_a_layer_is_what_its_weight_s_path_says():
    paths = {"layer6/kernel": "layer6", "a/b/kernel": "a/b", "scale": "scale"}
    assert {path: naming.layer_of(path) for path in paths} == paths


def test_a_name_that_is_taken_gets_the_next_number_that_is_free():
    names = ["a", "a", "a_1", "b", "a", "a_1"]
    unique = naming.unique((name, number) for number, name in enumerate(names))
    assert list(unique) == ["a", "a_1", "a_1_1", "b", "a_2", "a_1_2"]
    assert list(unique.values()) == list(range(6))


def dense(*names):
    return [layers.Dense(2, name=name) for name in names]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["dense_7", "dense_9", "dense_10"], ["dense", "dense_1", "dense_2"]),
        (["dense_3", "head", "dense_2"], ["dense_1", "head", "dense"]),
        (["dense_0", "dense_1", "dense_2"], ["dense_0", "dense_1", "dense_2"]),
        (["dense_01", "fc_1", "my_dense_3"], ["dense_01", "fc_1", "my_dense_3"]),
    ],
    ids=["in order", "as they were made", "from 0", "given"],
)
def test_automatic_numbers_begin_anew_and_given_names_stay(given, named):
    layers = dense(*given)
    assert list(naming.siblings(layers).items()) == list(
        zip(named, layers, strict=True)
    )


def test_a_given_name_is_not_taken_by_an_automatic_one():
    parts = [*dense("dense_4"), layers.ReLU(name="dense")]
    assert list(naming.siblings(parts)) == ["dense_1", "dense"]


class Block(layers.Layer):
    """Holds layers of every kind, in every way."""

    def __init__(self):
        super().__init__()
        self.attention = layers.MultiHeadAttention(2, 2)
        self.both = [layers.Bidirectional(layers.GRU(2, return_sequences=True))]
        self.steps = keras.Sequential([layers.Dense(4), layers.Dense(4)])
        self.scale = self.add_weight(shape=(4,))

    def call(self, x):
        return self.steps(self.both[0](x + self.attention(x, x))) * self.scale


class Model(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [Block(), Block()]
        self.last = layers.Dense(1)

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.last(x)


@functools.cache
def built_twice():
    keras.utils.clear_session(free_memory=False)
    models = Model(), Model()
    for model in models:
        model(np.zeros((1, 1, 4), "float32"))
    return models


@pytest.mark.slow
def test_the_same_model_has_the_same_names_each_time_it_is_built():
    models = built_twice()
    assert models[0].name != models[1].name
    for names in (naming.layers_of, naming.variables_of):
        first, second = map(names, models)
        assert list(first) == list(second)
    assert "dense" in naming.layers_of(models[1])


@pytest.mark.slow
def test_layers_inside_of_layers_are_named_by_their_path():
    names = list(naming.layers_of(built_twice()[0]))
    inside = [name for name in names if name.startswith("block_1/")]
    assert names[0] == "block" and names[-1] == "dense"
    assert inside == [
        "block_1/multi_head_attention",
        *(
            f"block_1/multi_head_attention/{part}"
            for part in (
                "query",
                "key",
                "value",
                "softmax",
                "dropout",
                "attention_output",
            )
        ),
        "block_1/bidirectional",
        "block_1/bidirectional/forward_gru",
        "block_1/bidirectional/forward_gru/gru_cell",
        "block_1/bidirectional/backward_gru",
        "block_1/bidirectional/backward_gru/gru_cell",
        "block_1/sequential",
        "block_1/sequential/input_layer",
        "block_1/sequential/dense",
        "block_1/sequential/dense_1",
    ]


@pytest.mark.slow
def test_every_variable_is_listed_once_under_its_own_layer():
    model = built_twice()[0]
    named = naming.variables_of(model)
    assert {id(v) for v in named.values()} == {id(v) for v in model.variables}
    assert len(named) == len(model.variables)
    assert named["block_1/variable"] is model.blocks[1].scale
    assert (
        named["block/sequential/dense_1/bias"] is model.blocks[0].steps.layers[1].bias
    )


def branch(name):
    x = keras.Input((2,))
    return keras.Model(x, layers.Dense(2, name="dense")(x), name=name)


def test_layers_are_listed_once_below_the_model_that_holds_them():
    x = keras.Input((2,), name="x")
    shared, inner = layers.Dense(2, name="shared"), branch("inner")
    model = keras.Model(x, shared(inner(shared(inner(x)))))
    named = naming.layers_of(model)
    assert set(named) == {"x", "shared", "inner", "inner/input_layer", "inner/dense"}
    assert named["inner/dense"] is inner.layers[1]


def test_a_layer_of_two_models_is_listed_below_the_first():
    x, shared = keras.Input((2,)), layers.Dense(2, name="shared")
    one, other = (keras.Model(x, shared(x), name=name) for name in ("one", "other"))
    named = naming.layers_of(keras.Model(x, other(one(x))))
    assert "one/shared" in named and "other/shared" not in named
    assert list(named.values()).count(shared) == 1


def test_a_layer_of_the_model_that_another_layer_uses_is_the_model_s():
    class Tied(layers.Layer):
        def __init__(self, embedding):
            super().__init__(name="tied")
            self.embedding = embedding

    embedding = layers.Embedding(3, 2, name="embedding")
    model = keras.Sequential([Tied(embedding), embedding])
    assert list(naming.layers_of(model)) == ["tied", "embedding"]


def test_operations_on_tensors_are_parts_in_the_order_of_the_data():
    x = keras.Input((2,), name="x")
    y = layers.Dense(2, name="a")(x)
    model = keras.Model(x, layers.Dense(1, name="b")((x + y) * 2 + x))
    assert list(naming.parts_of(model)) == ["x", "a", "add", "multiply", "add_1", "b"]
    assert list(naming.layers_of(model)) == ["x", "a", "b"]


def test_layers_are_chosen_with_those_inside_of_them():
    model = keras.Sequential([keras.Input((2,)), branch("inner"), *dense("a", "b")])
    model.scale = model.add_weight(shape=(1,), name="scale")

    def chosen(*patterns):
        return naming.chosen_layers(model, patterns) - {"inner/input_layer"}

    assert chosen("inner") == {"inner", "inner/dense"}
    assert chosen("*/dense", "[ab]") == {"inner/dense", "a", "b"}
    assert chosen("scale") == {"scale"}
    assert naming.chosen_layers(model, None) > chosen("*e*", "a", "b")
    with pytest.raises(internals.NoSuchLayer, match="'ina?er', .* mean 'inner'"):
        chosen("a", "inaer")


def test_weights_of_layers_of_the_same_path_are_told_apart():
    x = keras.Input((2,))
    model = keras.Model(x, branch("other")(branch("one")(x)))
    paths = ["dense/kernel", "dense/bias"]
    assert [w.path for w in model.trainable_weights] == paths * 2
    named = naming.weights_of(model)
    assert list(named) == [f"{name}/{x}" for name in ("one", "other") for x in paths]
    for path, weight in zip(named, model.trainable_weights, strict=True):
        assert named[path] is weight


def test_a_weight_of_the_model_and_a_layer_do_not_share_a_name():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, name="scale")])
    model.own = model.add_weight(shape=(1,), name="scale")
    named = naming.variables_of(model)
    assert list(named) == ["scale/kernel", "scale/bias", "scale_1"]
    assert named["scale_1"] is model.own


def test_frozen_weights_are_not_listed():
    x = keras.Input((2,))
    frozen = layers.Dense(2, name="frozen", trainable=False)
    model = keras.Model(x, layers.Dense(1, name="free")(frozen(x)))
    assert list(naming.weights_of(model)) == ["free/kernel", "free/bias"]
