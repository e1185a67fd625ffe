"""This package's training step, and TensorFlow's rate of matrix products, for pretraining.py."""

import time

import numpy as np
import tensorflow as tf

from clinicalbert_tf.checkpoints.names import model_variables
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.tasks.pretraining.objective import PretrainingObjective
from clinicalbert_tf.training.allocator import keep_freed_memory
from clinicalbert_tf.training.step import Stepper
from clinicalbert_tf.training.updates.optimizer import AdamWeightDecay, WarmupLinearDecay


def features(shape, seed: int = 0) -> dict[str, np.ndarray]:
    """A batch of made-up ids, nothing padded."""
    random = np.random.default_rng(seed)
    tokens, masked = (shape.batch, shape.length), (shape.batch, shape.predictions)
    positions = [
        random.choice(shape.length, shape.predictions, replace=False) for _ in range(shape.batch)
    ]
    return {
        "token_ids": random.integers(5, shape.vocabulary, tokens, dtype=np.int32),
        "segment_ids": np.repeat(
            np.arange(shape.length, dtype=np.int32)[None] // (shape.length // 2) % 2,
            shape.batch,
            axis=0,
        ),
        "padding_mask": np.ones(tokens, np.int32),
        "mask_positions": np.sort(positions).astype(np.int32),
        "masked_lm_ids": random.integers(5, shape.vocabulary, masked, dtype=np.int32),
        "masked_lm_weights": np.ones(masked, np.float32),
        "next_sentence_labels": random.integers(0, 2, shape.batch, dtype=np.int32),
    }


def make_step(shape, precision: str, recompute: bool = False, **options):
    """The step that clinicalbert_tf.pretrain makes.

    Args:
        shape: sizes; see pretraining.Shape.
        precision: Keras dtype policy.
        recompute: whether activations are computed again in the backward pass.
        **options: jit_compile, parts and compile_kernels of Stepper.
    """
    keep_freed_memory()
    model = build_pretraining_model(shape.config, dtype=precision, recompute=recompute)
    variables = [(row.tf1_name, row.variable) for row in model_variables(model)]
    optimizer = AdamWeightDecay(variables, WarmupLinearDecay(1e-4, 10000, 100))
    strategy = tf.distribute.get_strategy()
    stepper = Stepper(strategy, model, PretrainingObjective(), optimizer, **options)
    iterator = iter(tf.data.Dataset.from_tensors(features(shape)).repeat())
    return lambda: stepper.train(iterator, 1)


def matrix_rate(shape, precision: str):
    """A function that measures the rate of an encoder layer's matrix products, operations/s.

    The four dense layers' products (query, key and value as one), forward and both backward
    ones, one after another in one graph.
    """
    dtype = tf.bfloat16 if precision == "mixed_bfloat16" else tf.float32
    width = shape.hidden
    sizes = ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width))
    operands = [
        [tf.Variable(tf.cast(tf.random.normal(size), dtype)) for size in three]
        for three in (((shape.rows, m), (m, n), (shape.rows, n)) for m, n in sizes)
    ]
    operations = sum(6.0 * shape.rows * m * n for m, n in sizes)

    @tf.function
    def products():
        results = []
        for inputs, kernel, upstream in operands:
            for left, right, transposed in (
                (inputs, kernel, {}),
                (upstream, kernel, {"transpose_b": True}),
                (inputs, upstream, {"transpose_a": True}),
            ):
                with tf.control_dependencies(results[-1:]):
                    results.append(tf.matmul(left, right, **transposed))
        return results

    products()

    def rate() -> float:
        begin = time.perf_counter()
        for _ in range(2):
            products()[-1].shape.assert_is_fully_defined()
        return 2 * operations / (time.perf_counter() - begin)

    return rate
