"""Batches of records of like lengths, padded to their longest record only.

Short notes make short instances. Padded to max_seq_length, most of what a step computes for them
is padding; in batches of like lengths, little is.
"""

import tensorflow as tf

from clinicalbert_tf.input_pipeline.features import parse_features
from clinicalbert_tf.input_pipeline.order import GENERATOR, Arrange
from clinicalbert_tf.input_pipeline.shards import RecordSource

# Predictions of a batch are padded to a multiple of this, so that there are few shapes.
_PREDICTIONS = 4
# Features by what their second dimension counts.
_OF_TOKENS = ("token_ids", "padding_mask", "segment_ids")
_OF_PREDICTIONS = ("mask_positions", "masked_lm_ids", "masked_lm_weights")


def bucketing(source: RecordSource, global_batch_size: int, multiple: int) -> Arrange:
    """Arranges a window so that its global batches hold records of like lengths.

    Batches begin at the same places as without: the window's first records, which complete a
    batch that the window before began, and its last ones, which begin one that the next window
    completes, are its longest. Every record keeps its one place in the epoch. Records that are not
    shuffled stay in file order; their batches are cut to what they hold and no more.

    Args:
        source: the files.
        global_batch_size: records a batch, over all replicas.
        multiple: tokens that batch lengths are rounded up to a multiple of; records of the same
            rounded length are of like length.

    Returns:
        A function for `ordered_batches` that returns records, and their tokens and predictions,
        int32 [records] each.
    """

    def arrange(records, start, seed):
        tokens, predictions = _lengths(records, source)
        if seed is None:
            return records, tokens, predictions
        places = _places(-(-tokens // multiple), start, seed, global_batch_size)
        return tuple(tf.gather(column, places) for column in (records, tokens, predictions))

    return arrange


def _lengths(records: tf.Tensor, source: RecordSource) -> tuple[tf.Tensor, tf.Tensor]:
    """Tokens and predictions of every record, int32 [records]; nothing else is parsed."""
    names = ["input_mask"] if source.masking else ["input_mask", "masked_lm_weights"]
    parsed = parse_features(records, names, source.max_seq_length, source.max_predictions_per_seq)
    tokens = _up_to_last(parsed["input_mask"])
    if source.masking:
        return tokens, tf.gather(source.masking.limits(source.max_seq_length), tokens)
    return tokens, _up_to_last(parsed["masked_lm_weights"])


def _up_to_last(values: tf.Tensor) -> tf.Tensor:
    """How many values there are up to the last one that is not zero: int32 [rows]."""
    numbers = tf.range(1, values.shape[1] + 1)
    return tf.reduce_max(tf.where(values != 0, numbers, 0), axis=1)


def _places(bucket: tf.Tensor, start, seed, batch_size: int) -> tf.Tensor:
    """Which record of a window comes at which place: int32 [records]."""
    # Stable: within a bucket the records stay in the random order that they came in.
    by_length = tf.argsort(bucket, stable=True)
    size = tf.shape(bucket)[0]
    head = tf.minimum(tf.cast(-start % batch_size, tf.int32), size)
    tail = (size - head) % batch_size
    whole = size - head - tail
    batches = tf.reshape(by_length[:whole], [-1, batch_size])
    batches = tf.random.experimental.stateless_shuffle(
        batches, tf.random.fold_in(seed, 1, alg=GENERATOR), alg=GENERATOR
    )
    rest = by_length[whole:]
    return tf.concat([rest[tail:], tf.reshape(batches, [-1]), rest[:tail]], axis=0)


def trim(
    features: dict[str, tf.Tensor], tokens: tf.Tensor, predictions: tf.Tensor, multiple: int
) -> dict[str, tf.Tensor]:
    """Cuts padding off that no record of the global batch needs.

    Args:
        features: as parse_records gives them, of any rows of the batch.
        tokens, predictions: of every record of the global batch, int32 [global batch].
        multiple: tokens that the length is rounded up to a multiple of.

    Returns:
        The features, [rows, length of the batch] and [rows, predictions of the batch].
    """
    length = _rounded_up(tf.reduce_max(tokens), multiple)
    columns = _rounded_up(tf.maximum(tf.reduce_max(predictions), 1), _PREDICTIONS)
    cut = dict.fromkeys(_OF_TOKENS, length) | dict.fromkeys(_OF_PREDICTIONS, columns)
    # A slice ends where the tensor does.
    return features | {name: features[name][:, :end] for name, end in cut.items()}


def _rounded_up(number: tf.Tensor, multiple: int) -> tf.Tensor:
    return -(-number // multiple) * multiple
