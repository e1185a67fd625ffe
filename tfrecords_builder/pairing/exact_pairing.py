"""The reference's very instances, drawn from one `random.Random`, without a list of tokens each.

An instance is where its segments stand in the tokens of all documents and which of its tokens are
predicted, until blocks of records are put together in NumPy. Every draw is the reference's.

Source: create_pretraining_data.py of the BERT reference (Devlin et al. 2018, section 3.1).
"""

import array
import dataclasses
import random
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from tfrecords_builder.building.storage.spill_files import token_type
from tfrecords_builder.notes.sources.sentence_lines import read_lines
from tfrecords_builder.pairing import streaming_pairing
from tfrecords_builder.pairing.masking import (
    SPECIAL_TOKENS,
    SpecialIds,
    num_to_predict,
    randbelow,
    shuffle_head,
)

# Where a segment begins, and its tokens.
Segment = tuple[int, int]
_KEEP, _MASK = -1, -2
# Records put together at a time; their matrices stay in the processor's cache.
BLOCK = 2048
# Blocks are put together with indexes of 32 bits.
MOST_TOKENS = 1 << 31


@dataclasses.dataclass(frozen=True)
class ExactInstances:
    """Instances in the reference's order.

    Attributes:
        pool: the documents.
        pairs: where the segments stand.
        counts: int64 [instances], predictions of each.
        places: uint16 [all predictions], the predicted tokens of each instance in the order they
            were drawn: 0 is the first of A, B's follow on A's.
        new_ids: int32 [all predictions], what stands there instead: an id, _KEEP or _MASK.
    """

    pool: streaming_pairing.Pool
    pairs: streaming_pairing.Pairs
    counts: np.ndarray = dataclasses.field(repr=False)
    places: np.ndarray = dataclasses.field(repr=False)
    new_ids: np.ndarray = dataclasses.field(repr=False)

    def __len__(self) -> int:
        return len(self.pairs)

    def blocks(
        self,
        rows: np.ndarray,
        max_seq_length: int,
        max_predictions_per_seq: int,
        special_ids: SpecialIds,
    ) -> Iterator[dict[str, np.ndarray]]:
        """The features of the instances `rows`, padded, by blocks of records.

        Args:
            rows: int64, which instances, in the order of writing.
            max_seq_length: padded length of a sequence, tokens.
            max_predictions_per_seq: padded number of predictions.
            special_ids: the ids of [CLS], [SEP] and [MASK].

        Yields:
            By feature name [block, max_seq_length], [block, max_predictions_per_seq] or, for
            next_sentence_labels, [block].
        """
        ends = np.cumsum(self.counts)
        for start in range(0, len(rows), BLOCK):
            some = rows[start : start + BLOCK]
            found = self.pairs.take(some)
            block = streaming_pairing.gather_block(self.pool, found, max_seq_length, special_ids)
            counts = self.counts[some][:, None]
            predicted = np.arange(max_predictions_per_seq) < counts
            index = (ends[some][:, None] - counts + np.arange(max_predictions_per_seq))[predicted]
            # Sorted by place within a row, the new id in the lower half.
            keys = np.full(predicted.shape, np.iinfo(np.int64).max)
            keys[predicted] = (self.places[index].astype(np.int64) << 32) + self.new_ids[index]
            keys.sort(axis=1)
            yield block | _predictions(block, keys, predicted, found.a_length, special_ids.mask)


def _predictions(
    block: dict[str, np.ndarray],
    keys: np.ndarray,
    predicted: np.ndarray,
    a_length: np.ndarray,
    mask_id: int,
) -> dict[str, np.ndarray]:
    """Masks `block["input_ids"]` in place; returns the features of the predictions."""
    new_ids = keys.astype(np.int32)
    # A negative id took one from the upper half.
    places = (keys - new_ids) >> 32
    positions = places + 1 + (places >= a_length[:, None])
    positions[~predicted] = 0
    rows = np.arange(len(keys))[:, None]
    labels = np.where(predicted, block["input_ids"][rows, positions], 0)
    replaced = np.where(new_ids == _MASK, np.int32(mask_id), new_ids)
    replaced = np.where(new_ids == _KEEP, labels, replaced)
    at = (np.broadcast_to(rows, keys.shape)[predicted], positions[predicted])
    block["input_ids"][at] = replaced[predicted]
    return {
        "masked_lm_positions": positions,
        "masked_lm_ids": labels,
        "masked_lm_weights": predicted.astype(np.float32),
    }


def read_pool(paths: Iterable[str], tokenizer) -> streaming_pairing.Pool:
    """Reads sentence files into one pool.

    A blank line ends a document, the end of a file does not; sentences without a token and
    documents without a sentence are left out. All as in the reference.

    Args:
        paths: sentence files, in order.
        tokenizer: a `tokenization.BertTokenizer`.

    Raises:
        ValueError: a line is not UTF-8, or there are more tokens than this form can count.
    """
    kept = token_type(tokenizer.vocab_size)
    tokens, lengths, documents = [np.zeros(0, kept)], [np.zeros(0, np.int64)], [np.zeros(0, int)]
    number = 0
    for lines in read_lines(paths):
        ids, sizes = tokenizer.encode_lines(lines)
        blank = np.fromiter((not line for line in lines), bool, len(lines))
        of_line = number + np.cumsum(blank)
        number = int(of_line[-1])
        # Blank lines and lines without a token are no sentences.
        tokens.append(ids.astype(kept))
        lengths.append(sizes[sizes > 0])
        documents.append(of_line[sizes > 0])
    all_documents = np.concatenate(documents)
    _, first = np.unique(all_documents, return_index=True)
    ends = np.cumsum(np.concatenate(lengths))
    if len(ends) and ends[-1] >= MOST_TOKENS:
        raise ValueError(
            f"Expected fewer than {MOST_TOKENS:,} wordpieces at a time, received {ends[-1]:,}. "
            "Use python -m tfrecords_builder, which streams."
        )
    return streaming_pairing.Pool(
        tokens=np.concatenate(tokens),
        sentence_starts=np.concatenate([[0], ends]),
        document_starts=np.append(first, len(ends)),
        own=len(first),
    )


def draw_instances(
    pool: streaming_pairing.Pool,
    *,
    max_seq_length: int,
    dupe_factor: int,
    short_seq_prob: float,
    masked_lm_prob: float,
    max_predictions_per_seq: int,
    vocab_size: int,
    rng: random.Random,
    starts_word: np.ndarray | None = None,
) -> tuple[ExactInstances, np.ndarray]:
    """Draws every instance, `dupe_factor` times over the documents, in the reference's order.

    Args:
        pool: as `read_pool` gives it.
        max_seq_length: tokens per instance at most, specials included.
        dupe_factor: passes over the documents, each with its own pairs and masks.
        short_seq_prob: share of documents per pass whose instances aim at a shorter length.
        masked_lm_prob: share of tokens to predict.
        max_predictions_per_seq: predictions per instance at most.
        vocab_size: rows of the vocabulary.
        rng: the one source of chance.
        starts_word: bool [vocab_size], whether an id begins a word ("##..." does not), if whole
            words are masked; None masks single wordpieces.

    Returns:
        The instances as they were drawn, and their final order: int64 [instances].
    """
    order = shuffle_head(list(range(pool.own)), pool.own, rng)
    first_sentences = pool.document_starts.tolist()
    documents = [(first_sentences[i], first_sentences[i + 1]) for i in order]
    most = max_seq_length - SPECIAL_TOKENS
    limits = [
        num_to_predict(tokens + SPECIAL_TOKENS, masked_lm_prob, max_predictions_per_seq)
        for tokens in range(most + 1)
    ]
    rows, places, new_ids = array.array("q"), array.array("H"), array.array("i")
    every_place = list(range(most))
    starts = pool.sentence_starts.tolist()
    begins = None if starts_word is None else starts_word[pool.tokens].tobytes()
    for _ in range(dupe_factor):
        for a, b, is_random_next in _pairs(starts, documents, most, short_seq_prob, rng):
            if a[1] + b[1] > most:
                a, b = _truncate(a, b, most, rng)
            tokens = a[1] + b[1]
            if begins is None:
                chosen = shuffle_head(every_place[:tokens], limits[tokens], rng)
            else:
                own = begins[a[0] : a[0] + a[1]] + begins[b[0] : b[0] + b[1]]
                chosen = _choose_words(own, limits[tokens], rng)
            rows.extend((*a, *b, is_random_next, len(chosen)))
            places.extend(chosen)
            new_ids.extend(_new_ids(len(chosen), vocab_size, rng))
    columns = np.array(rows, np.int64).reshape(-1, 6).T
    drawn = streaming_pairing.Pairs(*columns[:4], columns[4] > 0)
    final = shuffle_head(list(range(len(drawn))), len(drawn), rng)
    made = ExactInstances(pool, drawn, columns[5], np.array(places), np.array(new_ids))
    return made, np.array(final, np.int64)


def _choose_words(begins: bytes, limit: int, rng: random.Random) -> list[int]:
    """Places of whole words in random order; a word that no longer fits is passed over.

    A "##" wordpiece joins the word before it, also across the [SEP] after truncation cut its own,
    as in the reference.

    Args:
        begins: per token of A and B whether it begins a word.
        limit: places at most.
        rng: the one source of chance.
    """
    firsts = [0, *(place for place in range(1, len(begins)) if begins[place])]
    words = list(zip(firsts, [*firsts[1:], len(begins)], strict=True))
    places: list[int] = []
    for first, end in shuffle_head(words, len(words), rng):
        if len(places) >= limit:
            break
        if len(places) + end - first <= limit:
            places.extend(range(first, end))
    return places


def _new_ids(count: int, vocab_size: int, rng: random.Random) -> list[int]:
    """What becomes of `count` predicted tokens, in the order they were drawn."""
    draw = rng.random
    return [
        _MASK if draw() < 0.8 else _KEEP if draw() < 0.5 else randbelow(vocab_size, rng)
        for _ in range(count)
    ]


def _pairs(
    starts: Sequence[int],
    documents: Sequence[tuple[int, int]],
    most: int,
    short_seq_prob: float,
    rng: random.Random,
) -> Iterator[tuple[Segment, Segment, bool]]:
    """Pairs of all documents before truncation, and whether the second is random.

    Args:
        starts: the first token of each sentence, and the end.
        documents: the first sentence of each document and its end, in the shuffled order.
        most: tokens per instance at most, without [CLS] and [SEP].
        short_seq_prob: share of documents whose instances aim at a shorter length.
        rng: the one source of chance.
    """
    for number, (first, limit) in enumerate(documents):
        target = most
        if rng.random() < short_seq_prob:
            target = 2 + randbelow(most - 1, rng)
        while first < limit:
            begin = starts[first]
            # Sentences up to the target length or the document's end.
            end = bisect_left(starts, begin + target, first + 1, limit)
            a_end = first + 1
            if end - first >= 2:
                a_end += randbelow(end - first - 1, rng)
            a_length = starts[a_end] - begin
            if end - first == 1 or rng.random() < 0.5:
                b = _random_segment(starts, documents, number, target - a_length, rng)
                yield (begin, a_length), b, True
                # Sentences that a random B replaced go back.
                first = a_end
            else:
                yield (begin, a_length), (starts[a_end], starts[end] - starts[a_end]), False
                first = end


def _random_segment(
    starts: Sequence[int],
    documents: Sequence[tuple[int, int]],
    number: int,
    target: int,
    rng: random.Random,
) -> Segment:
    """Sentences from a random place of another document, up to `target` tokens or its end.

    Ten draws for another document, then whichever came last: the reference's rule, by which B
    may come from the same document if there are few.
    """
    for _ in range(10):
        other = randbelow(len(documents), rng)
        if other != number:
            break
    first, limit = documents[other]
    first += randbelow(limit - first, rng)
    end = bisect_left(starts, starts[first] + target, first + 1, limit)
    return starts[first], starts[end] - starts[first]


def _truncate(a: Segment, b: Segment, most: int, rng: random.Random) -> tuple[Segment, Segment]:
    """Cuts tokens from the longer segment, at a random end each time, until both fit."""
    (a_start, a_length), (b_start, b_length) = a, b
    for _ in range(a_length + b_length - most):
        from_front = rng.random() < 0.5
        if a_length > b_length:
            a_start += from_front
            a_length -= 1
        else:
            b_start += from_front
            b_length -= 1
    return (a_start, a_length), (b_start, b_length)
