"""Trains on the second of two virtual CPUs, as on a GPU; a process of its own.

TensorFlow has no int32 variables on a GPU: they are left on the CPU, and a step that
XLA compiles for the GPU cannot reach them. A scope does the same here.
"""

import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from oracles import callback_oracle as oracle

# Before TensorFlow starts, which is why this is no test function.
CPUS = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    CPUS[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

RNG = np.random.default_rng(5)
X = RNG.normal(size=(12, 6)).astype("float32")
Y = RNG.normal(size=(12, 3)).astype("float32")


def int32_on_the_first(next_creator, **kwargs):
    value = kwargs["initial_value"]
    value = tf.convert_to_tensor(value() if callable(value) else value)
    dtype = tf.as_dtype(kwargs.get("dtype") or value.dtype)
    with tf.device("CPU:0" if dtype == tf.int32 else "CPU:1"):
        return next_creator(**{**kwargs, "initial_value": value})


def check(log_dir, jit_compile):
    def make():
        model = keras.Sequential(
            [keras.Input((6,)), layers.Dense(5, "tanh"), layers.Dense(3)]
        )
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
        model.compile(optimizer, "mse", jit_compile=jit_compile)
        return model

    callback = oracle.watching(log_dir, histogram_steps=2, write_activations=True)
    with tf.device("CPU:1"), tf.variable_creator_scope(int32_on_the_first):
        ours = oracle.train(make, X, Y, [callback])
        assert "CPU:1" in ours.weights[0].value.device
        plain, steps = oracle.true_steps(make, X, Y, oracle.batches_of(X, Y))
    oracle.assert_same(ours, plain)
    oracle.assert_true(oracle.read(log_dir), steps, [0, 2])


if __name__ == "__main__":
    check(f"{sys.argv[1]}/xla", jit_compile=True)
    check(f"{sys.argv[1]}/graph", jit_compile=False)
    tf.config.experimental.enable_op_determinism()
    check(f"{sys.argv[1]}/deterministic", jit_compile="auto")
    print("checked")
