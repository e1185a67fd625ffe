"""Pairs of segments for the whole stage: the reference's rule for many documents at a time.

All documents of a pool, `dupe_factor` times over, advance together by one instance a round, in
NumPy. A pair is only where its segments stand in the pool's tokens, so that millions can be
shuffled before any text is copied. The statistics are those of `exact_pairing`, except that here
B never comes from A's own document.

Source: create_instances_from_document, truncate_seq_pair (Devlin et al. 2018, section 3.1).
"""

import dataclasses

import numpy as np

from tfrecords_builder.pairing.masking import SPECIAL_TOKENS, SpecialIds


@dataclasses.dataclass(frozen=True)
class Pool:
    """Documents that segments are taken from.

    Attributes:
        tokens: uint16 or int32 [all tokens], the documents one after the other.
        sentence_starts: int64 [sentences + 1], the first token of each sentence, and the end.
        document_starts: int64 [documents + 1], the first sentence of each document, and the end.
        own: the first `own` documents are cut into instances; the others only lend their
            sentences as random segments.
    """

    tokens: np.ndarray = dataclasses.field(repr=False)
    sentence_starts: np.ndarray = dataclasses.field(repr=False)
    document_starts: np.ndarray = dataclasses.field(repr=False)
    own: int


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Where the segments of each instance stand; int64 [instances] each, bool `is_random_next`."""

    a_start: np.ndarray
    a_length: np.ndarray
    b_start: np.ndarray
    b_length: np.ndarray
    is_random_next: np.ndarray

    def __len__(self) -> int:
        return len(self.a_start)

    def take(self, rows: np.ndarray | slice) -> "Pairs":
        """The pairs of these rows, in their order."""
        return Pairs(
            **{field.name: getattr(self, field.name)[rows] for field in dataclasses.fields(self)}
        )


def make_pairs(
    pool: Pool,
    *,
    max_seq_length: int,
    short_seq_prob: float,
    dupe_factor: int,
    rng: np.random.Generator,
) -> Pairs:
    """Cuts a pool's own documents into pairs.

    Args:
        pool: the documents.
        max_seq_length: tokens per instance at most, [CLS] and two [SEP] counted.
        short_seq_prob: share of documents per pass whose instances aim at a shorter length.
        dupe_factor: passes over the documents.
        rng: the source of chance.

    Returns:
        The pairs in random order, truncated to fit.

    Raises:
        ValueError: there is only one document.
    """
    documents = len(pool.document_starts) - 1
    if documents < 2:
        raise ValueError(
            f"Expected at least two documents, received {documents}. The second segment of a "
            "pair must be able to come from another document: add notes."
        )
    max_num_tokens = max_seq_length - SPECIAL_TOKENS
    document = np.tile(np.arange(pool.own), dupe_factor)
    target = np.full(len(document), max_num_tokens)
    short = rng.random(len(document)) < short_seq_prob
    target[short] = rng.integers(2, max_num_tokens + 1, np.count_nonzero(short))
    first = pool.document_starts[document]
    rounds = []
    while len(document):
        pairs, first = _one_round(pool, document, first, target, rng)
        rounds.append(pairs)
        more = first < pool.document_starts[document + 1]
        document, first, target = document[more], first[more], target[more]
    if not rounds:
        return Pairs(*(np.zeros(0, np.int64) for _ in range(4)), np.zeros(0, bool))
    pairs = Pairs(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in rounds])
            for field in dataclasses.fields(Pairs)
        }
    )
    pairs = truncate_pairs(pairs, max_num_tokens, rng)
    return pairs.take(rng.permutation(len(pairs)))


def _one_round(pool: Pool, document, first, target, rng) -> tuple[Pairs, np.ndarray]:
    """One pair from each document, and the sentence where its next one starts."""
    starts = pool.sentence_starts
    count = len(document)
    # The chunk: sentences up to the target length or the document's end.
    end = np.searchsorted(starts, starts[first] + target)
    end = np.minimum(end, pool.document_starts[document + 1])
    sentences = end - first
    a_end = first + 1 + (rng.random(count) * np.maximum(sentences - 1, 1)).astype(np.int64)
    a_end = np.where(sentences >= 2, a_end, first + 1)
    is_random_next = (sentences == 1) | (rng.random(count) < 0.5)
    a_length = starts[a_end] - starts[first]
    b_first, b_end = a_end.copy(), end.copy()
    rows = np.flatnonzero(is_random_next)
    b_first[rows], b_end[rows] = _random_segments(
        pool, document[rows], target[rows] - a_length[rows], rng
    )
    pairs = Pairs(
        starts[first], a_length, starts[b_first], starts[b_end] - starts[b_first], is_random_next
    )
    # Sentences that a random B replaced go back.
    return pairs, np.where(is_random_next, a_end, end)


def _random_segments(pool: Pool, document, target, rng) -> tuple[np.ndarray, np.ndarray]:
    """First sentence and end of a run in another document, up to `target` tokens or its end."""
    count = len(document)
    other = rng.integers(0, len(pool.document_starts) - 2, count)
    other += other >= document
    begin, limit = pool.document_starts[other], pool.document_starts[other + 1]
    first = begin + (rng.random(count) * (limit - begin)).astype(np.int64)
    end = np.searchsorted(pool.sentence_starts, pool.sentence_starts[first] + target)
    return first, np.minimum(np.maximum(end, first + 1), limit)


def truncate_pairs(pairs: Pairs, max_num_tokens: int, rng: np.random.Generator) -> Pairs:
    """Cuts tokens from the longer segment, at a random end each, until both fit.

    The reference takes one token at a time, from B where both are equally long; how many each
    segment loses follows from the lengths, and how many of them at its front is binomial.
    """
    a_length, b_length = pairs.a_length, pairs.b_length
    excess = np.maximum(a_length + b_length - max_num_tokens, 0)
    difference = a_length - b_length
    # First the longer one alone, then both in turn, B first.
    in_turn = np.maximum(excess - np.abs(difference), 0)
    a_cut = np.minimum(excess - in_turn, np.maximum(difference, 0)) + in_turn // 2
    b_cut = excess - a_cut
    a_front = rng.binomial(a_cut, 0.5)
    b_front = rng.binomial(b_cut, 0.5)
    return Pairs(
        pairs.a_start + a_front,
        a_length - a_cut,
        pairs.b_start + b_front,
        b_length - b_cut,
        pairs.is_random_next,
    )


def gather_block(
    pool: Pool, pairs: Pairs, max_seq_length: int, special_ids: SpecialIds
) -> dict[str, np.ndarray]:
    """Copies the tokens of a block of pairs into padded rows `[CLS] A [SEP] B [SEP]`.

    Returns:
        input_ids int32 and input_mask, segment_ids uint8, all [pairs, max_seq_length], and
        next_sentence_labels uint8 [pairs]: what a record holds before masking.
    """
    column = np.arange(max_seq_length, dtype=np.int32)
    first_sep = (pairs.a_length + 1).astype(np.int32)[:, None]
    last_sep = first_sep + (pairs.b_length + 1).astype(np.int32)[:, None]
    after_a = column > first_sep
    present = column <= last_sep
    a_shift = (pairs.a_start - 1).astype(np.int32)[:, None]
    b_shift = pairs.b_start.astype(np.int32)[:, None] - first_sep - 1
    source = np.where(after_a, b_shift, a_shift)
    source += column
    # Special tokens and padding read any token of the pool; they are overwritten below.
    input_ids = pool.tokens.take(source, mode="clip").astype(np.int32)
    input_ids *= present
    rows = np.arange(len(pairs))
    input_ids[:, 0] = special_ids.cls
    input_ids[rows, first_sep[:, 0]] = special_ids.sep
    input_ids[rows, last_sep[:, 0]] = special_ids.sep
    return {
        "input_ids": input_ids,
        "input_mask": present.view(np.uint8),
        "segment_ids": (after_a & present).view(np.uint8),
        "next_sentence_labels": pairs.is_random_next.view(np.uint8),
    }
