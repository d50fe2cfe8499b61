"""Units that are dead or saturated for a whole batch are told of, and no others."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from oracles import callback_oracle as oracle

from xorlab.steps import units

RNG = np.random.default_rng(9)
X = RNG.normal(size=(8, 5, 5, 2)).astype("float32")
MODES = {
    "eager": {"run_eagerly": True},
    "graph": {"jit_compile": False},
    "xla": {"jit_compile": True},
}


def make(mode):
    """Has units of all kinds, and some layers that have none."""
    x = keras.Input((5, 5, 2))
    # So that some units of each layer are well, and some are not.
    settings = {
        "kernel_initializer": keras.initializers.RandomNormal(0.0, 2.0, seed=3),
        "bias_initializer": keras.initializers.RandomNormal(-6.0, 6.0, seed=1),
    }
    conv = layers.Conv2D(8, 3, **settings, activation="relu", name="conv")(x)
    flat = layers.Flatten()(conv)
    tanh = layers.Dense(9, "tanh", **settings, name="tanh")(flat[:, :3])
    sigmoid = layers.Dense(9, **settings, name="none")(flat[:, :2])
    sigmoid = layers.Activation("sigmoid", name="sigmoid")(sigmoid)
    both = layers.Concatenate()([tanh, sigmoid])
    shared = layers.Dense(18, **settings, name="shared")
    relu = layers.ReLU(name="relu")
    leaky = layers.LeakyReLU(name="leaky")(relu(shared(both)))
    twice = relu(shared(leaky))
    model = keras.Model(x, layers.Dense(1, name="last")(twice))
    # It stays as it is: batches differ, the weights do not.
    model.compile(keras.optimizers.SGD(0.0), "mse", **MODES[mode])
    return model


def outputs(model, x, names):
    """Returns what layers return, each in all of its calls."""
    calls = {
        name: [node.outputs[0] for node in model.get_layer(name)._inbound_nodes]
        for name in names
    }
    returned = keras.Model(model.input, calls)(x)
    return {name: np.concatenate(each) for name, each in returned.items()}


def shares(model, x):
    """The shares by their definition: of units, in each example and each call."""
    returned = outputs(model, x, ["conv", "relu", "tanh", "sigmoid"])

    def flat(name):
        output = returned[name]
        return output.reshape(-1, output.shape[-1]).astype(float)

    dead = {name: np.all(flat(name) == 0, axis=0) for name in ("conv", "relu")}
    # The tenth of a slope of 1, and of one of 1/4.
    tanh = np.all(1 - np.square(flat("tanh")) < 0.1, axis=0)
    sigmoid = np.all(flat("sigmoid") * (1 - flat("sigmoid")) < 0.025, axis=0)
    return {
        **{f"dead_units/{name}": np.mean(units) for name, units in dead.items()},
        "saturated_units/tanh": np.mean(tanh),
        "saturated_units/sigmoid": np.mean(sigmoid),
    }


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_shares_are_of_the_whole_batch_however_large_and_of_all_calls(mode, tmp_path):
    callback = oracle.watching(tmp_path, histogram_steps=1, write_activations=True)
    # The last batch is a smaller one, which XLA would compile anew.
    x = X if mode == "xla" else X[:6]
    model = oracle.train(lambda: make(mode), x, x[:, 0, 0, :1], [callback])
    log = oracle.read(tmp_path)
    told = {tag: log.scalars[tag] for tag in log.scalars if "_units/" in tag}
    for step, batch in enumerate([x[:4], x[4:]]):
        true = shares(model, batch)
        assert {tag: by_step[step] for tag, by_step in told.items()} == pytest.approx(
            true
        )
        assert all(0 < share < 1 for share in true.values())
    assert told["dead_units/conv"][0] != told["dead_units/conv"][1]


def test_only_what_an_activation_returns_has_units():
    kinds = {
        "dead_units": [
            layers.Dense(1, "relu"),
            layers.Dense(1, tf.nn.relu),
            layers.Conv1D(1, 1, activation="relu6"),
            layers.Activation("relu"),
            layers.ReLU(max_value=6),
        ],
        "saturated_units": [
            layers.Dense(1, "tanh"),
            layers.Dense(1, "sigmoid"),
            layers.SimpleRNN(1),
        ],
        # The output of a gated layer is a product.
        None: [
            layers.LSTM(1),
            layers.GRU(1, activation="sigmoid"),
            layers.ReLU(negative_slope=0.1),
            layers.LeakyReLU(),
            layers.Dense(1),
            layers.Dense(1, "gelu"),
            layers.Dropout(0.5),
        ],
    }
    for kind, those in kinds.items():
        assert {units.kind_of(layer) for layer in those} == {kind}


def test_a_channel_is_a_unit_where_channels_come_first():
    layer = layers.Conv2D(3, 1, activation="relu", data_format="channels_first")
    output = np.ones((2, 3, 4, 5), "float32")
    output[:, 1] = 0
    assert units.passing(layer, tf.constant(output)).numpy().tolist() == [1, 0, 1]


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid"])
def test_what_is_not_a_number_is_neither_dead_nor_saturated(name):
    layer = layers.Activation(name)
    passing = tf.function(lambda a: units.passing(layer, a), jit_compile=False)
    assert passing(tf.constant([[np.nan, 0.5, 0.0]])).numpy()[:2].tolist() == [1, 1]
