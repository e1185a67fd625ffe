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


def features(shape, lengths=None, padded: int | None = None) -> dict[str, np.ndarray]:
    """A batch of made-up ids.

    Args:
        shape: sizes; see pretraining.Shape.
        lengths: tokens of each note; None if nothing is padded.
        padded: positions per note; None for the shape's.
    """
    random = np.random.default_rng(0)
    padded = padded or shape.length
    lengths = np.full(shape.batch, padded) if lengths is None else lengths
    tokens, masked = (shape.batch, padded), (shape.batch, shape.predictions)
    real = (np.arange(padded) < lengths[:, None]).astype(np.int32)
    counts = np.minimum(shape.predictions, lengths - 2)
    weights = np.arange(shape.predictions) < counts[:, None]
    positions = np.zeros(masked, np.int32)
    for row, length, count in zip(positions, lengths, counts, strict=True):
        row[:count] = np.sort(random.choice(length, count, replace=False))
    return {
        "token_ids": random.integers(5, shape.vocabulary, tokens, dtype=np.int32) * real,
        "segment_ids": (np.arange(padded) >= lengths[:, None] // 2).astype(np.int32) * real,
        "padding_mask": real,
        "mask_positions": positions,
        "masked_lm_ids": random.integers(5, shape.vocabulary, masked, dtype=np.int32),
        "masked_lm_weights": weights.astype(np.float32),
        "next_sentence_labels": random.integers(0, 2, shape.batch, dtype=np.int32),
    }


def batches(shape, multiple: int) -> list[dict[str, np.ndarray]]:
    """The batches of a step; short notes are padded to a multiple, 0 for the whole length."""
    if not shape.groups:
        return [features(shape)]
    lengths = zip(shape.note_lengths(), shape.padded_lengths(multiple), strict=True)
    return [features(shape, notes, padded) for notes, padded in lengths]


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
    given = batches(shape, 8)
    signature = {
        name: tf.TensorSpec([*array.shape[:1], *[None] * (array.ndim - 1)], array.dtype)
        for name, array in given[0].items()
    }
    if len(given) == 1:
        dataset = tf.data.Dataset.from_tensors(given[0])
    else:
        dataset = tf.data.Dataset.from_generator(lambda: given, output_signature=signature)
    iterator = iter(dataset.repeat())
    return lambda: stepper.train(iterator, len(given))


def matrix_rate(shape, precision: str):
    """A function that measures the rate of an encoder layer's matrix products, operations/s.

    The four dense layers' products (query, key and value as one), forward and both backward
    ones, one after another in one graph.
    """
    sizes = _dense_sizes(shape.hidden)
    run = _products([((shape.rows, m), (m, n)) for m, n in sizes], precision)
    operations = sum(6.0 * shape.rows * m * n for m, n in sizes)
    run()

    def rate() -> float:
        begin = time.perf_counter()
        for _ in range(2):
            run()
        return 2 * operations / (time.perf_counter() - begin)

    return rate


def make_products(shape, precision: str):
    """A step that computes the matrix products of ours and nothing else, forward and backward."""
    graphs = []
    size = shape.hidden // shape.heads
    for length in shape.padded_lengths(8):
        of_heads = (shape.batch, shape.heads)
        layer = [((shape.batch * length, m), (m, n)) for m, n in _dense_sizes(shape.hidden)]
        layer += [
            ((*of_heads, length, size), (*of_heads, size, length)),
            ((*of_heads, length, length), (*of_heads, length, size)),
        ]
        masked = shape.batch * shape.predictions
        head = [
            ((masked, shape.hidden), (shape.hidden, columns))
            for columns in (shape.hidden, shape.vocabulary)
        ]
        graphs.append(_products([*(layer * shape.layers), *head], precision))

    def step() -> None:
        for run in graphs:
            run()

    return step


def _dense_sizes(width: int):
    """Rows and columns of a layer's four kernels, query, key and value as one."""
    return ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width))


def _products(shapes, precision: str):
    """A graph of products [..., m] x [m, n], each with both of its backward ones, in turn.

    Equal shapes share their matrices, which makes them no slower.
    """
    dtype = tf.bfloat16 if precision == "mixed_bfloat16" else tf.float32

    def matrix(size):
        return tf.Variable(tf.cast(tf.random.normal(size), dtype))

    operands = {
        (left, right): (matrix(left), matrix(right), matrix((*left[:-1], right[-1])))
        for left, right in shapes
    }

    @tf.function(autograph=False)
    def run():
        # All are returned: what nobody reads is not computed.
        results = []
        for place in shapes:
            inputs, kernel, upstream = operands[place]
            for left, right, transposed in (
                (inputs, kernel, {}),
                (upstream, kernel, {"transpose_b": True}),
                (inputs, upstream, {"transpose_a": True}),
            ):
                with tf.control_dependencies(results[-1:]):
                    results.append(tf.matmul(left, right, **transposed))
        return results

    run()
    return run
