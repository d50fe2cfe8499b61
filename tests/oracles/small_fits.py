"""Small models, rows that they fit, and fits that many tests look at."""

import functools

import keras
import numpy as np
from keras import layers
from oracles import callback_oracle as oracle

RNG = np.random.default_rng(3)
X = RNG.normal(size=(12, 6)).astype("float32")
Y = RNG.normal(size=(12, 3)).astype("float32")
WEIGHTS = RNG.uniform(0.5, 2, size=12).astype("float32")


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


@functools.cache
def small_and_plain(epochs):
    """A `small` trained without the callback, once: nobody trains it on."""
    return oracle.train(small, X, Y, epochs=epochs)


def small_again(callbacks, **options):
    """Trains the same `small` each time: what its step is traced to is no matter."""
    model = oracle.again(small)
    return oracle.fit(model, X, Y, callbacks, **options) and model


def endless():
    while True:
        yield from oracle.batches_of(X, Y)
