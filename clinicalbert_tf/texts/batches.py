"""Rows in blocks of bounded size, and a block's sequences in batches of similar length.

Sorting within a block keeps padding to a few percent, the block keeps memory bounded and the
output in the input's order.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from clinicalbert_tf.texts.rows import Row
from clinicalbert_tf.texts.windows import Sequence

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
        batch_tokens: positions per batch at most, padding included (one sequence always fits).

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


def pad_tokens(token_ids: list[np.ndarray], second_segments: np.ndarray) -> dict[str, np.ndarray]:
    """Puts sequences into one batch, as long as the longest of them.

    Args:
        token_ids: int arrays [length].
        second_segments: int array [batch], position of the first token with segment id 1; the
            sequence's length or more if it has none.

    Returns:
        The backbone's inputs by name, int32 arrays [batch, length], 0 where padded.
    """
    lengths = np.array([len(tokens) for tokens in token_ids])
    places = np.arange(lengths.max())
    padding_mask = places < lengths[:, None]
    padded = np.zeros(padding_mask.shape, np.int32)
    # Row by row in both, so one assignment places all.
    padded[padding_mask] = np.concatenate(token_ids)
    segment_ids = (places >= second_segments[:, None]) & padding_mask
    return {
        "token_ids": padded,
        "segment_ids": segment_ids.astype(np.int32),
        "padding_mask": padding_mask.astype(np.int32),
    }
