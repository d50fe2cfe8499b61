"""Trains on the second of two virtual CPUs, as on a GPU.

TensorFlow has no int32 variables on a GPU: they are left on the CPU, and a step that
XLA compiles for the GPU cannot reach them. A scope does the same here.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from oracles import callback_oracle as oracle
from oracles import two_cpus

two_cpus.make()
RNG = np.random.default_rng(5)
X = RNG.normal(size=(12, 6)).astype("float32")
Y = RNG.normal(size=(12, 3)).astype("float32")


def int32_on_the_first(next_creator, **kwargs):
    value = kwargs["initial_value"]
    value = tf.convert_to_tensor(value() if callable(value) else value)
    dtype = tf.as_dtype(kwargs.get("dtype") or value.dtype)
    with tf.device("CPU:0" if dtype == tf.int32 else "CPU:1"):
        return next_creator(**{**kwargs, "initial_value": value})


def check(log_dir, jit_compile, every=1):
    def make():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(3, "tanh")])
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
        model.compile(optimizer, "mse", jit_compile=jit_compile)
        return model

    callback = oracle.watching(log_dir, histogram_steps=every, write_activations=True)
    with tf.device("CPU:1"), tf.variable_creator_scope(int32_on_the_first):
        ours = oracle.train(make, X, Y, [callback])
        assert "CPU:1" in ours.weights[0].value.device
        plain, steps = oracle.true_steps(make, X, Y, oracle.batches_of(X, Y))
    oracle.assert_same(ours, plain)
    oracle.assert_true(oracle.read(log_dir), steps, range(0, 3, every))


def main(folder):
    check(f"{folder}/xla", jit_compile=True, every=2)  # One step is left to Keras.
    check(f"{folder}/graph", jit_compile=False)
    tf.config.experimental.enable_op_determinism()
    check(f"{folder}/deterministic", jit_compile="auto")
