"""Batches of records of like lengths, padded to their longest record only.

Short notes make short instances. Padded to max_seq_length, most of what a step computes for them
is padding; in batches of like lengths, little is. The price is that a batch is no random sample of
the records any more, which short runs may pay for in their scores. So records of like lengths can
be looked for in pools of some batches, which are random samples.
"""

import tensorflow as tf

from clinicalbert_tf.input_pipeline.order import GENERATOR, Arrange
from clinicalbert_tf.input_pipeline.source import Source

# Pools that a window is divided into at least, if it is.
_POOLS = 4


def bucketing(
    source: Source, global_batch_size: int, multiple: int, length_pool: int = 0
) -> Arrange:
    """Arranges a window so that its global batches hold records of like lengths.

    Batches begin at the same places as without: the window's first records, which complete a
    batch that the window before began, and its last ones, which begin one that the next window
    completes, are the longest of its last pool. Every record keeps its one place in the epoch.
    Records that are not shuffled stay in file order; their batches are cut to what they hold and no
    more.

    Args:
        source: the files.
        global_batch_size: records per batch, over all replicas.
        multiple: tokens that batch lengths are rounded up to a multiple of; records of the same
            rounded length are of like length.
        length_pool: batches of a pool, at most, and no more than a quarter of the window's; 0 for
            one pool.

    Returns:
        A function for `ordered_batches` that returns records and their lengths, int32 [records]
        each, in the order of the lengths' names.
    """

    def arrange(records, start, seed):
        lengths = source.lengths(records)
        columns = (records, *(lengths[name] for name in sorted(lengths)))
        if seed is None:
            return columns
        places = _places(
            -(-lengths["tokens"] // multiple), start, seed, global_batch_size, length_pool
        )
        return tuple(tf.gather(column, places) for column in columns)

    return arrange


def _places(bucket: tf.Tensor, start, seed, batch_size: int, length_pool: int) -> tf.Tensor:
    """Which record of a window comes at which place: int32 [records]."""
    size = tf.shape(bucket)[0]
    if length_pool:
        pool_batches = tf.clip_by_value(size // (_POOLS * batch_size), 1, length_pool)
        pool = tf.range(size) // (pool_batches * batch_size)
        bucket += pool * (1 + tf.reduce_max(bucket))
    # Stable: within a bucket the records stay in the random order that they came in.
    by_length = tf.argsort(bucket, stable=True)
    head = tf.minimum(tf.cast(-start % batch_size, tf.int32), size)
    tail = (size - head) % batch_size
    whole = size - head - tail
    batches = tf.reshape(by_length[:whole], [-1, batch_size])
    batches = tf.random.experimental.stateless_shuffle(
        batches, tf.random.fold_in(seed, 1, alg=GENERATOR), alg=GENERATOR
    )
    rest = by_length[whole:]
    return tf.concat([rest[tail:], tf.reshape(batches, [-1]), rest[:tail]], axis=0)
