"""Every part of a model has a name, and no two have the same."""

import keras
from keras import layers

from xorlab.steps import naming


def test_a_layer_is_what_its_weight_s_path_says():
    paths = {"layer6/kernel": "layer6", "a/b/kernel": "a/b", "scale": "scale"}
    assert {path: naming.layer_of(path) for path in paths} == paths


def test_a_name_that_is_taken_gets_the_next_number_that_is_free():
    names = ["a", "a", "a_1", "b", "a", "a_1"]
    unique = naming.unique((name, number) for number, name in enumerate(names))
    assert list(unique) == ["a", "a_1", "a_1_1", "b", "a_2", "a_1_2"]
    assert list(unique.values()) == list(range(6))


def branch(name):
    x = keras.Input((2,))
    return keras.Model(x, layers.Dense(2, name="dense")(x), name=name)


def test_layers_are_listed_once_below_the_model_that_holds_them():
    x = keras.Input((2,), name="x")
    shared, inner = layers.Dense(2, name="shared"), branch("inner")
    model = keras.Model(x, shared(inner(shared(inner(x)))))
    named = naming.layers_of(model)
    inner_input = inner.layers[0].name
    assert set(named) == {"x", "shared", "inner", f"inner/{inner_input}", "inner/dense"}
    assert named["inner/dense"] is inner.layers[1]


def test_a_layer_of_two_models_is_listed_below_the_first():
    x, shared = keras.Input((2,)), layers.Dense(2, name="shared")
    one, other = (keras.Model(x, shared(x), name=name) for name in ("one", "other"))
    named = naming.layers_of(keras.Model(x, other(one(x))))
    assert "one/shared" in named and "other/shared" not in named
    assert list(named.values()).count(shared) == 1


def test_weights_of_layers_of_the_same_path_are_told_apart():
    x = keras.Input((2,))
    one, other = branch("one"), branch("other")
    model = keras.Model(x, other(one(x)))
    assert [w.path for w in model.trainable_weights] == [
        "dense/kernel",
        "dense/bias",
    ] * 2
    named = naming.weights_of(model)
    assert list(named) == [
        "dense/kernel",
        "dense/bias",
        "dense_1/kernel",
        "dense_1/bias",
    ]
    for path, weight in zip(named, model.trainable_weights, strict=True):
        assert named[path] is weight


def test_frozen_weights_are_not_listed():
    x = keras.Input((2,))
    frozen = layers.Dense(2, name="frozen", trainable=False)
    model = keras.Model(x, layers.Dense(1, name="free")(frozen(x)))
    assert list(naming.weights_of(model)) == ["free/kernel", "free/bias"]
