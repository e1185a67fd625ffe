"""The batches of every replica, for training and for evaluation.

A pipeline reads the records of the whole global batch, raw, and parses and masks its own only.
"""

import tensorflow as tf

from clinicalbert_tf.input_pipeline.length_buckets import bucketing
from clinicalbert_tf.input_pipeline.order import RecordOrder, ordered_batches, unconverted
from clinicalbert_tf.input_pipeline.source import EXAMPLE_PLACE, Source

__all__ = ["RecordOrder", "evaluation_batches", "number_of_batches", "training_batches"]


def training_batches(
    source: Source,
    order: RecordOrder,
    global_batch_size: int,
    first_step: int = 0,
    context: tf.distribute.InputContext | None = None,
    length_buckets: int = 0,
) -> tf.data.Dataset:
    """Feature dicts for training: one element a replica of this pipeline, in turn, without end.

    Unmasked records are masked by (order.seed, place): again each epoch, alike on any hardware.

    Args:
        source: the files.
        order: the order of records.
        global_batch_size: records per step, over all replicas; a multiple of their number.
        first_step: the step to start at.
        context: which pipeline of how many this is; None for the only one of one replica.
        length_buckets: 0, or batches hold records of like lengths and are padded to a multiple
            of so many tokens: shapes differ from step to step, but not among its replicas.
    """
    part = _Part(context, global_batch_size)
    parse = source.parser(f"training {order.seed}")
    position = first_step * global_batch_size
    if length_buckets:
        arrange = bucketing(source, global_batch_size, length_buckets, order.length_pool)
        batches = ordered_batches(source, order, global_batch_size, position, arrange)
    else:
        batches = ordered_batches(source, order, global_batch_size, position)

    @unconverted
    def features(step, columns):
        rows, *lengths = columns
        own = parse(part.own(rows), part.position(step))
        if length_buckets:
            own = source.trim(own, _by_name(source, lengths), length_buckets)
        return part.by_replica(own)

    return _finish(batches.enumerate(start=first_step), features, part, source.calls_python)


def evaluation_batches(
    source: Source,
    global_batch_size: int,
    num_batches: int,
    context: tf.distribute.InputContext | None = None,
    length_buckets: int = 0,
) -> tf.data.Dataset:
    """Feature dicts for evaluation: the first batches in order, the last one filled up.

    A filler repeats an example with weight 0 in "example_weights" (float32 [batch]), so that every
    batch has the same number of rows on every replica. "example_place" (int32 [batch]) is the
    place in the order of evaluation. Unmasked records are masked by their place in the files:
    every evaluation of them is the same.

    Args:
        source: the examples.
        global_batch_size: examples per batch, over all replicas; a multiple of their number.
        num_batches: batches to give, at most `number_of_batches`.
        context: as in training_batches.
        length_buckets: 0 to pad to max_seq_length, or to the batch's longest example rounded up
            to a multiple of so many tokens.
    """
    part = _Part(context, global_batch_size)
    parse = source.parser("evaluation")
    rows = source.evaluation_rows().take(num_batches * global_batch_size)

    @unconverted
    def features(step, rows):
        size = tf.shape(rows)[0]
        places = part.own(tf.range(global_batch_size))
        own = parse(tf.gather(rows, tf.minimum(places, size - 1)), part.position(step))
        if length_buckets:
            own = source.trim(own, source.lengths(rows), length_buckets)
        first = tf.cast(step * global_batch_size, tf.int32)
        return part.by_replica(
            own
            | {
                "example_weights": tf.cast(places < size, tf.float32),
                EXAMPLE_PLACE: first + places,
            }
        )

    return _finish(rows.batch(global_batch_size).enumerate(), features, part, source.calls_python)


def number_of_batches(source: Source, batch_size: int, at_most: int | None = None) -> int:
    """Batches of one epoch, the last partial one included, `at_most` of them."""
    batches = -(-source.num_examples // batch_size)
    return batches if at_most is None else min(batches, at_most)


class _Part:
    """The rows of every global batch that belong to the replicas of one pipeline."""

    def __init__(self, context: tf.distribute.InputContext | None, global_batch_size: int):
        context = context or tf.distribute.InputContext()
        self.replicas = context.num_replicas_in_sync // context.num_input_pipelines
        self.per_replica = context.get_per_replica_batch_size(global_batch_size)
        self.size = self.replicas * self.per_replica
        self.first = context.input_pipeline_id * self.size
        self.global_batch_size = global_batch_size

    def own(self, column: tf.Tensor) -> tf.Tensor:
        """This pipeline's rows of a global batch."""
        return tf.ensure_shape(column[self.first : self.first + self.size], [self.size])

    def position(self, step: tf.Tensor) -> tf.Tensor:
        """The place of the first of them in the order of records."""
        return step * self.global_batch_size + self.first

    def by_replica(self, features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """[rows, ...] -> [replicas, rows of a replica, ...], unless there is one replica."""
        if self.replicas == 1:
            return features
        shape = [self.replicas, self.per_replica]
        return {
            name: tf.reshape(values, [*shape, *_shape(values)[1:]])
            for name, values in features.items()
        }


def _shape(values: tf.Tensor) -> list:
    """The dimensions of a tensor: numbers where they are known."""
    dynamic = tf.shape(values)
    return [dynamic[i] if size is None else size for i, size in enumerate(values.shape)]


def _by_name(source: Source, lengths) -> dict[str, tf.Tensor]:
    """The lengths that `bucketing` returned in the order of their names."""
    names = source.length_names
    return dict(zip(sorted(names), lengths, strict=True))


def _finish(batches: tf.data.Dataset, features, part: _Part, in_turn: bool) -> tf.data.Dataset:
    # Deterministic runs would turn parallel calls of Python into this, with an error in the log.
    parallel = {} if in_turn else {"num_parallel_calls": tf.data.AUTOTUNE, "deterministic": True}
    dataset = batches.map(features, **parallel)
    if part.replicas > 1:
        dataset = dataset.unbatch()
    options = tf.data.Options()
    options.deterministic = True
    # Pipelines cut the batches themselves; sharding files would change what a batch holds.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options).prefetch(tf.data.AUTOTUNE)
