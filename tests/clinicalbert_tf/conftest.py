"""Devices for all tests of the trainer, before any of its modules is collected."""

import tensorflow as tf

# Two replicas need two devices, which can only be asked for before TensorFlow starts.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
