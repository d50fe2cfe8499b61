"""Makes two virtual CPUs of one, for the whole of a process: import it first of all."""

import tensorflow as tf

# Before TensorFlow starts, which is why no test function does it.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
