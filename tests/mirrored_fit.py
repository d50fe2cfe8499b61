"""Trains on two virtual CPUs, with and without the callback; a process of its own."""

import sys

import callback_oracle as oracle
import keras
import numpy as np
import tensorflow as tf
from keras import layers

# Before TensorFlow starts, which is why this is no test function.
CPUS = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    CPUS[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

STRATEGY = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

RNG = np.random.default_rng(5)
X = RNG.integers(0, 9, size=(12, 5)).astype("int32")
Y = RNG.normal(size=(12, 3)).astype("float32")


def compiled(**options):
    words = keras.Input((5,), dtype="int32")
    mean = layers.GlobalAveragePooling1D()(layers.Embedding(9, 4)(words))
    hidden = layers.Dense(5, activation="tanh")(mean)
    model = keras.Model(words, layers.Dense(3)(hidden))
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9, clipnorm=0.01, **options)
    model.compile(optimizer, "mse", jit_compile=False)
    return model


def check(log_dir, logged, **accumulation):
    def mirrored():
        with STRATEGY.scope():
            return compiled(**accumulation)

    callback = oracle.watching(log_dir, histogram_steps=2, write_activations=True)
    ours = oracle.train(mirrored, X, Y, [callback])
    assert ours.distribute_strategy.num_replicas_in_sync == 2
    # The tape sees the global batch on one device.
    accumulate = accumulation.get("gradient_accumulation_steps", 1)
    batches = oracle.batches_of(X, Y)
    plain, steps = oracle.true_steps(mirrored, X, Y, batches, accumulate=accumulate)
    oracle.assert_same(ours, plain)
    oracle.assert_left_alone(ours)
    log = oracle.read(log_dir)
    oracle.assert_true(log, steps, logged)
    assert log.histograms["dense/activation"][0][:, 2].sum() == oracle.ROWS * 5


if __name__ == "__main__":
    check(f"{sys.argv[1]}/single", [0, 2])
    check(f"{sys.argv[1]}/accumulated", [0], gradient_accumulation_steps=3)
