"""Small models, and rows that they fit."""

import keras
import numpy as np
from keras import layers

RNG = np.random.default_rng(3)
X = RNG.normal(size=(12, 6)).astype("float32")
Y = RNG.normal(size=(12, 3)).astype("float32")


def compiled(model, **settings):
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer, "mse", **{"jit_compile": False, **settings})
    return model


def make(rate=0.5, **settings):
    x = keras.Input((6,))
    hidden = layers.Dense(5, activation="tanh", name="hidden")(x)
    dropped = layers.Dropout(rate)(hidden)
    return compiled(keras.Model(x, layers.Dense(3, name="last")(dropped)), **settings)


def small():
    # What stands in the train function's place is the same to a model of one layer.
    return compiled(keras.Sequential([keras.Input((6,)), layers.Dense(3)]))
