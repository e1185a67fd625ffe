"""The matrix products of a training step, counted, and the share of a device's rate."""

import time
from collections.abc import Callable

import tensorflow as tf
from absl import logging

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.training.hooks import Call, LoopHook

# Dense matrix products, 10^12 operations/s at the boost clock: float16, bfloat16 (0 if the GPU
# has none) and float32 as TensorFlow multiplies it by default (TF32 if the GPU has it). A name
# stands before those that are a part of it.
# Source: NVIDIA's data sheets of each; figures "with sparsity" are halved.
_TERA = (
    ("B200", 2250.0, 2250.0, 1125.0),
    ("H200", 989.4, 989.4, 494.7),
    ("H100 PCIe", 756.0, 756.0, 378.0),
    ("H100 NVL", 835.0, 835.0, 417.5),
    ("H100", 989.4, 989.4, 494.7),
    ("A100", 312.0, 312.0, 156.0),
    ("A40", 149.7, 149.7, 74.8),
    ("A30", 165.0, 165.0, 82.5),
    ("L40S", 362.0, 362.0, 183.0),
    ("L4", 121.0, 121.0, 60.0),
    ("RTX A6000", 154.8, 154.8, 77.4),
    ("V100 PCIE", 112.0, 0.0, 14.0),
    ("V100", 125.0, 0.0, 15.7),
    ("T4", 65.0, 0.0, 8.1),
)
_PRECISIONS = ("mixed_float16", "mixed_bfloat16", "float32")
# A product that takes so long is large enough for its rate to be the device's.
_SECONDS_A_PRODUCT = 0.05
SECONDS_IN_ALL = 0.4
_LEAST_SECONDS = 1e-9
_MOST_ROWS = 1 << 14
_LEAST_WIDTH = 256


def encoder_operations(config: BertConfig, examples: float, length: float) -> float:
    """Additions and multiplications of the encoder's matrix products, forward and backward pass.

    A forward product of [m, k] and [k, n] takes 2 m k n of them and its backward pass twice as
    many. What is done for other reasons (activations computed again, elementwise work) is not
    counted, so the share of the device's rate says how much of it goes into the model.

    Args:
        config: the model.
        examples: examples per step.
        length: positions per example, padding included, as those are multiplied too.

    Source: counted from the layers of BERT (Devlin et al. 2018); the way of PaLM (Chowdhery et
    al. 2022), appendix B, but with the heads, which each task adds.
    """
    hidden, rows = config.hidden_size, examples * length
    dense = rows * hidden * (4 * hidden + 2 * config.intermediate_size)
    attention = 2 * rows * length * hidden
    return 6.0 * config.num_hidden_layers * (dense + attention)


def pretraining_operations(
    config: BertConfig, examples: float, length: float, predictions: int
) -> float:
    """Those of the encoder, the masked language model head and the pooler.

    Args:
        config, examples, length: as in encoder_operations.
        predictions: masked positions per example.
    """
    hidden = config.hidden_size
    masked_lm = examples * predictions * hidden * (hidden + config.vocab_size)
    pooler = examples * hidden**2
    return encoder_operations(config, examples, length) + 6.0 * (masked_lm + pooler)


class ShareOfPeak(LoopHook):
    """Measures which share of a device's matrix product rate each call reaches.

    The scalar is `share_of_peak`, a fraction, of a mean replica. If the device's rate is
    neither given nor known, it is measured after the first call, so that no step waits for it.

    Args:
        config: the model.
        batch: instances per step, over all replicas.
        operations: (config, examples, length) -> operations of a step, such as Task.operations.
        strategy: gives the replicas.
        precision: Keras' dtype policy of the model.
        peak_tflops: the rate of one device, 10^12 operations/s, or None to find it out.
    """

    def __init__(
        self,
        config: BertConfig,
        batch: int,
        operations: Callable[[BertConfig, float, float], float],
        strategy: tf.distribute.Strategy,
        precision: str = "float32",
        peak_tflops: float | None = None,
    ):
        self.config = config
        self.batch = batch
        self.operations = operations
        self.strategy = strategy
        self.precision = precision
        self.rate = peak_tflops * 1e12 if peak_tflops is not None else None
        self._looked = peak_tflops is not None

    def measure(self, call: Call) -> dict[str, float]:
        if not self._looked:
            self._looked = True
            self.rate = replica_rate(self.config, self.strategy, self.precision)
        if not self.rate or call.seconds <= 0:
            return {}
        operations = sum(self._operations(scalars) for scalars in call.scalars)
        replicas = self.strategy.num_replicas_in_sync
        return {"share_of_peak": operations / replicas / call.seconds / self.rate}

    def _operations(self, scalars) -> float:
        return self.operations(self.config, self.batch, scalars["positions"] / self.batch)


def replica_rate(config: BertConfig, strategy, precision: str) -> float | None:
    """Matrix product operations/s of one replica's device, or None if it cannot be told.

    Replicas that share a CPU have an equal part of its rate each.
    """
    if tf.config.list_logical_devices("TPU"):
        logging.info("The TPU's rate is not known here: give --peak_tflops for the share of it.")
        return None
    gpus = tf.config.list_physical_devices("GPU")
    if gpus and tf.config.experimental.tensor_float_32_execution_enabled():
        name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "")
        known = known_rate(name, precision)
        if known is not None:
            logging.info("%s: %.1f 10^12 operations/s by its data sheet.", name, known / 1e12)
            return known
    rate = measured_rate(config.hidden_size, config.intermediate_size, precision)
    here = 1 if gpus else len(strategy.extended.worker_devices)
    logging.info("Measured %.3f 10^12 matrix product operations/s.", rate / 1e12)
    return rate / here


def known_rate(device_name: str, precision: str) -> float | None:
    """Operations/s of a GPU by its data sheet, or None for one that is not in the table.

    Args:
        device_name: as the driver gives it, such as "NVIDIA A100-SXM4-80GB".
        precision: Keras' dtype policy.
    """
    words = device_name.replace("-", " ").split()
    for name, *rates in _TERA:
        if set(name.split()) <= set(words):
            return 1e12 * rates[_PRECISIONS.index(precision)] or None
    return None


def measured_rate(hidden: int, intermediate: int, precision: str) -> float:
    """Operations/s of the fastest of some products of an encoder layer's shape, in half a second.

    Args:
        hidden, intermediate: the layer's widths; at least 256 each, as less tells of overhead.
        precision: Keras' dtype policy.
    """
    dtype = tf.as_dtype(precision.removeprefix("mixed_"))
    hidden, intermediate = max(hidden, _LEAST_WIDTH), max(intermediate, _LEAST_WIDTH)
    kernel = tf.cast(tf.random.stateless_normal((hidden, intermediate), (1, 2)), dtype)
    rows, best, begin = _LEAST_WIDTH, 0.0, time.perf_counter()
    while True:
        inputs = tf.cast(tf.random.stateless_normal((rows, hidden), (3, 4)), dtype)
        _seconds_of_product(inputs, kernel)
        seconds = min(_seconds_of_product(inputs, kernel) for _ in range(2))
        best = max(best, 2.0 * rows * hidden * intermediate / seconds)
        if seconds < _SECONDS_A_PRODUCT and rows < _MOST_ROWS:
            rows *= 2
        if time.perf_counter() - begin > SECONDS_IN_ALL - 3 * seconds:
            return best


def _seconds_of_product(left, right) -> float:
    begin = time.perf_counter()
    # Reading one number waits for the device.
    tf.matmul(left, right)[0, 0].numpy()
    # A coarse clock may not have moved.
    return max(time.perf_counter() - begin, _LEAST_SECONDS)
