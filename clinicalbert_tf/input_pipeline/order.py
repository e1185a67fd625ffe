"""Which record comes at which place.

The order is a pure function of (seed, epoch, window, position in it): a resumed run starts at its
position without replaying what came before, and the global batch of a step holds the same records
whatever the number of replicas and workers.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from clinicalbert_tf.input_pipeline.source import Source

# Records taken from a file at a time where they stay in file order.
_FILE_ORDER_WINDOW = 1024
# The same numbers on every machine: "auto_select" may differ between devices.
GENERATOR = "philox"
_ALL = tf.int64.max
# For functions of a dataset: AutoGraph has nothing to convert in them and takes a second of every
# start to find that out.
unconverted = tf.autograph.experimental.do_not_convert


@dataclasses.dataclass(frozen=True)
class RecordOrder:
    """The order in which records are read.

    Attributes:
        seed: seed of every epoch's order.
        shuffle_buffer: records shuffled among each other at a time, a window; 0 reads in file
            order.
        length_pool: where batches hold records of like lengths: how many batches of a window, at
            most, they are looked for among; 0 for all of the window.
    """

    seed: int = 0
    shuffle_buffer: int = 10_000
    length_pool: int = 0


# Takes a window: serialized records [records] in random order (or file order), the place of the
# first one over all epochs, int64, and the window's seed, int64 [2], or None in file order.
# Returns tensors [records, ...].
Arrange = Callable[[tf.Tensor, tf.Tensor, tf.Tensor | None], tuple[tf.Tensor, ...]]


def ordered_batches(
    source: Source,
    order: RecordOrder,
    batch_size: int,
    position: int = 0,
    arrange: Arrange = lambda records, start, seed: (records,),
) -> tf.data.Dataset:
    """Batches of serialized records from a position on, epoch after epoch, without end.

    A batch continues in the next epoch when one ends.

    Args:
        source: the examples.
        order: file order, or shuffled again each epoch.
        batch_size: records per batch.
        position: records that were read before, over all epochs.
        arrange: what to make of a window's records.

    Returns:
        A dataset of what `arrange` returns, [batch_size, ...] each.
    """
    first_epoch, offset = divmod(position, source.num_examples)

    @unconverted
    def one_epoch(epoch):
        skipped = tf.where(epoch == first_epoch, tf.constant(offset, tf.int64), 0)
        return _windows(source, order, epoch, skipped, arrange)

    windows = tf.data.Dataset.range(first_epoch, _ALL).flat_map(one_epoch)
    # The next window is read and arranged while this one is used up; cutting windows again is
    # many times cheaper than taking them apart record by record.
    return windows.prefetch(1).rebatch(batch_size, drop_remainder=True)


def _windows(source, order: RecordOrder, epoch, skipped, arrange: Arrange) -> tf.data.Dataset:
    """An epoch's windows without the first `skipped` records."""
    if order.shuffle_buffer:
        epoch_seed = tf.stack([tf.constant(order.seed, tf.int64), epoch])
        records = source.rows(epoch_seed)
    else:
        epoch_seed, records = None, source.rows(None)
    # Whole windows are skipped unread; only the last one is arranged and cut.
    size = tf.constant(order.shuffle_buffer or _FILE_ORDER_WINDOW, tf.int64)
    first_window = skipped // size

    @unconverted
    def arranged(number, window):
        seed = None
        if epoch_seed is not None:
            seed = tf.random.fold_in(epoch_seed, number, alg=GENERATOR)
            window = tf.random.experimental.stateless_shuffle(window, seed, alg=GENERATOR)
        columns = arrange(window, epoch * source.num_examples + number * size, seed)
        start = tf.where(number == first_window, skipped % size, 0)
        return tuple(column[start:] for column in columns)

    windows = records.skip(first_window * size).batch(size)
    return windows.enumerate(start=first_window).map(arranged)
