"""This package's training step, and TensorFlow's rate of matrix products, for pretraining.py."""

import contextlib
import time

import numpy as np
import tensorflow as tf

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.kernel_compiler import xla_kernel
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.modeling.compilation import compiled_by
from clinicalbert_tf.restore.variable_names import pretraining_variables
from clinicalbert_tf.training.allocator import keep_freed_memory
from clinicalbert_tf.training.losses import PretrainingObjective
from clinicalbert_tf.training.optimizer import AdamWeightDecay, WarmupLinearDecay
from clinicalbert_tf.training.step import Stepper


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


def make_step(shape, precision: str, compiled: bool):
    """The step that clinicalbert_tf.pretrain makes.

    Args:
        shape: sizes; see pretraining.Shape.
        precision: Keras dtype policy.
        compiled: whether the elementwise kernels are compiled.
    """
    keep_freed_memory()
    config = BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.hidden // 64,
        intermediate_size=4 * shape.hidden,
        max_position_embeddings=max(512, shape.length),
        type_vocab_size=2,
        hidden_dropout_prob=shape.dropout,
        attention_probs_dropout_prob=shape.dropout,
    )
    model = build_pretraining_model(config, dtype=precision)
    variables = [(row.tf1_name, row.variable) for row in pretraining_variables(model)]
    optimizer = AdamWeightDecay(variables, WarmupLinearDecay(1e-4, 10000, 100))
    strategy = tf.distribute.get_strategy()
    stepper = Stepper(strategy, model, PretrainingObjective(), optimizer)
    iterator = iter(tf.data.Dataset.from_tensors(features(shape)).repeat())
    scope = (lambda: compiled_by(xla_kernel)) if compiled else contextlib.nullcontext

    def step() -> None:
        # The scope counts while the first call is traced; it costs nothing later.
        with scope():
            stepper.train(iterator, 1)

    return step


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
