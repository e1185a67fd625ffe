"""Which record comes at which place, and the batches of every replica.

The order is a pure function of (seed, epoch, position): a resumed run starts at its position
without replaying what came before, and the global batch of a step holds the same records
whatever the number of replicas and workers.
"""

import dataclasses

import tensorflow as tf

from clinicalbert_tf.input_pipeline.features import parse_records
from clinicalbert_tf.input_pipeline.shards import RecordSource

# Shards read side by side when shuffling, so that a window holds records of many notes.
_SHARDS_AT_ONCE = 16
# The same numbers on every machine: "auto_select" may differ between devices.
_GENERATOR = "philox"
_ALL = tf.int64.max


@dataclasses.dataclass(frozen=True)
class RecordOrder:
    """The order in which records are read.

    Attributes:
        seed: seed of every epoch's order.
        shuffle_buffer: records shuffled among each other at a time; 0 reads in file order.
    """

    seed: int = 0
    shuffle_buffer: int = 10_000


def ordered_records(source: RecordSource, order: RecordOrder, position: int) -> tf.data.Dataset:
    """Serialized records from `position` on, epoch after epoch, without end.

    Args:
        source: the files.
        order: file order, or shuffled anew each epoch.
        position: records that were read before, over all epochs.
    """
    first_epoch, offset = divmod(position, source.num_records)

    def one_epoch(epoch):
        skipped = tf.where(epoch == first_epoch, tf.constant(offset, tf.int64), 0)
        return _epoch(source, order, epoch, skipped)

    return tf.data.Dataset.range(first_epoch, _ALL).flat_map(one_epoch)


def _epoch(source: RecordSource, order: RecordOrder, epoch, skipped) -> tf.data.Dataset:
    files = tf.constant(source.paths)
    compressions = tf.constant(["GZIP" if gzipped else "" for gzipped in source.gzipped])
    if not order.shuffle_buffer:
        shards = tf.data.Dataset.from_tensor_slices((files, compressions))
        return shards.flat_map(_read_shard).skip(skipped)
    seed = tf.stack([tf.constant(order.seed, tf.int64), epoch])
    places = tf.random.experimental.stateless_shuffle(
        tf.range(len(source.paths)), seed=seed, alg=_GENERATOR
    )
    shards = tf.data.Dataset.from_tensor_slices(
        (tf.gather(files, places), tf.gather(compressions, places))
    )
    # Whole windows are skipped unread by the shuffle; only the last one is shuffled and cut.
    window = tf.constant(order.shuffle_buffer, tf.int64)
    first_window = skipped // window
    records = shards.interleave(
        _read_shard, cycle_length=min(_SHARDS_AT_ONCE, len(source.paths))
    ).skip(first_window * window)

    def shuffled(number, serialized):
        of_window = tf.random.fold_in(seed, number, alg=_GENERATOR)
        return tf.random.experimental.stateless_shuffle(serialized, of_window, alg=_GENERATOR)

    windows = records.batch(window).enumerate(start=first_window).map(shuffled)
    return windows.unbatch().skip(skipped % window)


def _read_shard(file, compression) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(file, compression_type=compression)


def training_batches(
    source: RecordSource,
    order: RecordOrder,
    global_batch_size: int,
    first_step: int = 0,
    context: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """Feature dicts for training: one element a replica of this pipeline, in turn, without end.

    Args:
        source: the files.
        order: the order of records.
        global_batch_size: records a step, over all replicas; a multiple of their number.
        first_step: the step to start at.
        context: which pipeline of how many this is; None for the only one of one replica.
    """
    records = ordered_records(source, order, first_step * global_batch_size)
    batches = records.batch(global_batch_size, drop_remainder=True)
    parse = _parser(source)
    dataset = _own_replicas(batches, global_batch_size, context)
    dataset = dataset.map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return _finish(dataset)


def evaluation_batches(
    source: RecordSource,
    global_batch_size: int,
    num_batches: int,
    context: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """Feature dicts for evaluation: the first batches in file order, the last one filled up.

    A filler repeats a record with weight 0 in "example_weights" (float32 [batch]), so that every
    batch has the same shape on every replica.

    Args:
        source: the files.
        global_batch_size: records a batch, over all replicas; a multiple of their number.
        num_batches: batches to give, at most `number_of_batches`.
        context: as in training_batches.
    """
    records = _epoch(source, RecordOrder(shuffle_buffer=0), tf.constant(0, tf.int64), 0)
    records = records.take(num_batches * global_batch_size)

    def filled(serialized):
        size = tf.shape(serialized)[0]
        places = tf.range(global_batch_size)
        weights = tf.cast(places < size, tf.float32)
        return tf.gather(serialized, tf.minimum(places, size - 1)), weights

    batches = records.batch(global_batch_size).map(filled)
    parse = _parser(source)

    def weighted(serialized, weights):
        return parse(serialized) | {"example_weights": weights}

    dataset = _own_replicas(batches, global_batch_size, context)
    dataset = dataset.map(weighted, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return _finish(dataset)


def number_of_batches(source: RecordSource, batch_size: int, at_most: int | None = None) -> int:
    """Batches of one epoch, the last partial one included, `at_most` of them."""
    batches = -(-source.num_records // batch_size)
    return batches if at_most is None else min(batches, at_most)


def _own_replicas(batches, global_batch_size: int, context) -> tf.data.Dataset:
    """Cuts every global batch into replicas and keeps those of this pipeline, unparsed."""
    if context is None:
        context = tf.distribute.InputContext()
    replicas = context.num_replicas_in_sync
    own = replicas // context.num_input_pipelines
    first = context.input_pipeline_id * own
    per_replica = context.get_per_replica_batch_size(global_batch_size)

    def cut(*columns):
        return tuple(
            tf.reshape(column, [replicas, per_replica])[first : first + own] for column in columns
        )

    return batches.map(cut).unbatch()


def _parser(source: RecordSource):
    return lambda serialized: parse_records(
        serialized, source.max_seq_length, source.max_predictions_per_seq
    )


def _finish(dataset: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    # Pipelines cut the batches themselves; sharding files would change what a batch holds.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options).prefetch(tf.data.AUTOTUNE)
