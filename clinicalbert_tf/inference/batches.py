"""Rows in blocks of bounded size, and a block's sequences in batches of similar length.

Sorting within a block keeps padding to a few percent, the block keeps memory bounded and the
output in the input's order.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from clinicalbert_tf.inference.rows import Row
from clinicalbert_tf.inference.windows import Sequence

# Larger batches are no faster on a CPU, smaller ones cost more in calls than padding does.
_SMALL_BATCH_TOKENS = 512
_SIMILAR = 0.9


@dataclasses.dataclass(frozen=True)
class Block:
    """Consecutive rows and their sequences.

    Attributes:
        first_row: place of the first row in the input, from 0.
        rows: the rows.
        sequences: one or more a row, in the rows' order; `Sequence.row` counts from 0 in here.
        tokens: tokens of all sequences, [CLS] and [SEP] included, padding not.
    """

    first_row: int
    rows: list[Row] = dataclasses.field(repr=False)
    sequences: list[Sequence] = dataclasses.field(repr=False)
    tokens: int


@dataclasses.dataclass(frozen=True)
class Batch:
    """Padded sequences.

    Attributes:
        members: int array [batch], places in the list that the batch was made of.
        token_ids: int32 array [batch, length], 0 where padded.
        segment_ids: int32 array [batch, length].
        padding_mask: int32 array [batch, length], 0 where padded.
    """

    members: np.ndarray
    token_ids: np.ndarray = dataclasses.field(repr=False)
    segment_ids: np.ndarray = dataclasses.field(repr=False)
    padding_mask: np.ndarray = dataclasses.field(repr=False)

    def inputs(self) -> dict[str, np.ndarray]:
        """The backbone's inputs."""
        return {
            "token_ids": self.token_ids,
            "segment_ids": self.segment_ids,
            "padding_mask": self.padding_mask,
        }


def make_blocks(
    rows: Iterable[Row],
    make_sequences: Callable[[int, Row], list[Sequence]],
    block_tokens: int,
    first_row: int = 0,
) -> Iterator[Block]:
    """Cuts a stream of rows into blocks.

    Args:
        rows: the rows.
        make_sequences: (place in the block, row) -> its sequences.
        block_tokens: a block ends with the row that brings it to this many tokens.
        first_row: place of the first of `rows` in the whole input.
    """
    pending: list[Row] = []
    sequences: list[Sequence] = []
    tokens = 0
    for row in rows:
        made = make_sequences(len(pending), row)
        pending.append(row)
        sequences += made
        tokens += sum(map(len, made))
        if tokens >= block_tokens:
            yield Block(first_row, pending, sequences, tokens)
            first_row += len(pending)
            pending, sequences, tokens = [], [], 0
    if pending:
        yield Block(first_row, pending, sequences, tokens)


def bucket_by_length(lengths: np.ndarray, batch_tokens: int) -> Iterator[np.ndarray]:
    """Divides sequences into batches of similar length, the longest first.

    A batch ends where the sequences get a tenth shorter than its longest, unless it would be too
    small to keep a processor busy, or where it is full.

    Args:
        lengths: int array [sequences], tokens of each.
        batch_tokens: places a batch at most, padding included (one sequence always fits).

    Yields:
        int array [batch]: places in `lengths`.
    """
    order = np.argsort(-lengths, kind="stable")
    negated = -lengths[order]
    start = 0
    while start < len(order):
        longest = -int(negated[start])
        similar = np.searchsorted(negated, -_SIMILAR * longest, side="right") - start
        enough = -(-_SMALL_BATCH_TOKENS // longest)
        size = max(1, min(batch_tokens // longest, max(similar, enough)))
        yield order[start : start + size]
        start += size


def pad(sequences: list[Sequence], members: np.ndarray) -> Batch:
    """Puts sequences into one batch, as long as the longest of them.

    Args:
        sequences: the list that `members` points into.
        members: int array [batch].
    """
    chosen = [sequences[member] for member in members]
    lengths = np.array([len(sequence) for sequence in chosen])
    places = np.arange(lengths.max())
    padding_mask = places < lengths[:, None]
    token_ids = np.zeros(padding_mask.shape, np.int32)
    # Row by row in both, so one assignment places all.
    token_ids[padding_mask] = np.concatenate([sequence.token_ids for sequence in chosen])
    second = np.array([sequence.second_segment for sequence in chosen])
    segment_ids = (places >= second[:, None]) & padding_mask
    return Batch(members, token_ids, segment_ids.astype(np.int32), padding_mask.astype(np.int32))
