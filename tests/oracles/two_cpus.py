"""Two virtual CPUs of one, for the whole of a process."""

import functools

import tensorflow as tf


@functools.cache
def make() -> None:
    """Makes them: before TensorFlow starts, which is why no test function does it."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )
