"""Documents to masked pairs of segments as the reference draws them, one token at a time.

The simple form that the product's fast ones are compared with: one `random.Random` is drawn from
in the reference's order, so that a seed gives the reference's instances exactly.

Source: create_pretraining_data.py of the BERT reference (Devlin et al. 2018, section 3.1).
"""

import array
import dataclasses
import itertools
import random
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from tfrecords_builder.notes.sources.sentence_lines import read_lines
from tfrecords_builder.pairing import masking

# A document is a list of sentences, a sentence a non-empty list of wordpiece ids.
Document = list[list[int]]


@dataclasses.dataclass(frozen=True)
class Instance:
    """One masked pair of segments, as wordpiece ids and not padded.

    Attributes:
        input_ids: `[CLS] A [SEP] B [SEP]` after masking, at most max_seq_length ids.
        segment_ids: 0 for `[CLS] A [SEP]`, 1 for `B [SEP]`.
        masked_lm_positions: masked positions in `input_ids`, ascending.
        masked_lm_ids: the ids that stood there.
        is_random_next: whether B comes from another document.
    """

    input_ids: list[int] = dataclasses.field(repr=False)
    segment_ids: list[int] = dataclasses.field(repr=False)
    masked_lm_positions: list[int] = dataclasses.field(repr=False)
    masked_lm_ids: list[int] = dataclasses.field(repr=False)
    is_random_next: bool


@dataclasses.dataclass(frozen=True)
class Masker:
    """Puts two segments together and masks them with draws from `rng`.

    Attributes:
        special_ids: the ids of [CLS], [SEP] and [MASK].
        starts_word: per wordpiece id whether it begins a word ("##..." does not).
        masked_lm_prob: share of tokens to predict.
        max_predictions_per_seq: predictions per instance at most.
        do_whole_word_mask: mask all wordpieces of a word together.
        rng: the one source of chance, drawn from in the reference's order.
    """

    special_ids: masking.SpecialIds
    starts_word: Sequence[bool]
    masked_lm_prob: float
    max_predictions_per_seq: int
    do_whole_word_mask: bool
    rng: random.Random

    def pair(self, tokens_a: list[int], tokens_b: list[int], is_random_next: bool) -> Instance:
        """The masked instance of `[CLS] A [SEP] B [SEP]`."""
        cls, sep = self.special_ids.cls, self.special_ids.sep
        tokens = [cls, *tokens_a, sep, *tokens_b, sep]
        input_ids, positions = self.mask(tokens, len(tokens_a) + 1)
        return Instance(
            input_ids=input_ids,
            segment_ids=[0] * (len(tokens_a) + 2) + [1] * (len(tokens_b) + 1),
            masked_lm_positions=positions,
            masked_lm_ids=[tokens[position] for position in positions],
            is_random_next=is_random_next,
        )

    def mask(self, tokens: list[int], first_sep: int) -> tuple[list[int], list[int]]:
        """Masks `tokens`.

        Args:
            tokens: `[CLS] A [SEP] B [SEP]` as ids.
            first_sep: the position of the first [SEP].

        Returns:
            The masked copy and the positions to predict, ascending.
        """
        limit = masking.num_to_predict(
            len(tokens), self.masked_lm_prob, self.max_predictions_per_seq
        )
        places = [*range(1, first_sep), *range(first_sep + 1, len(tokens) - 1)]
        if self.do_whole_word_mask:
            positions = self._choose_words(places, tokens, limit)
        else:
            positions = masking.shuffle_head(places, limit, self.rng)
        output = list(tokens)
        draw = self.rng.random
        vocab_size = len(self.starts_word)
        mask = self.special_ids.mask
        for position in positions:
            if draw() < 0.8:
                output[position] = mask
            elif draw() >= 0.5:
                output[position] = masking.randbelow(vocab_size, self.rng)
        positions.sort()
        return output, positions

    def _choose_words(self, places: list[int], tokens: list[int], limit: int) -> list[int]:
        """Positions of whole words in random order; a word that no longer fits is passed over.

        A "##" wordpiece joins the word before it, also across the [SEP] after truncation cut its
        own, as in the reference.
        """
        words: list[list[int]] = []
        for position in places:
            if words and not self.starts_word[tokens[position]]:
                words[-1].append(position)
            else:
                words.append([position])
        positions: list[int] = []
        for word in masking.shuffle_head(words, len(words), self.rng):
            if len(positions) >= limit:
                break
            if len(positions) + len(word) <= limit:
                positions.extend(word)
        return positions


def read_documents(paths: Iterable[str], tokenizer) -> list[Document]:
    """Reads sentence files into documents of wordpiece ids.

    A blank line ends a document, the end of a file does not; sentences without a token and
    documents without a sentence are left out. All as in the reference.

    Args:
        paths: sentence files, in order.
        tokenizer: a `tokenization.BertTokenizer`.
    """
    documents: list[Document] = [[]]
    for lines in read_lines(paths):
        encoded, lengths = tokenizer.encode_lines(lines)
        ids = encoded.tolist()
        start = 0
        for line, length in zip(lines, lengths.tolist(), strict=True):
            if not line:
                documents.append([])
            elif length:
                documents[-1].append(ids[start : start + length])
                start += length
    return [document for document in documents if document]


def create_training_instances(
    documents: list[Document],
    *,
    special_ids: masking.SpecialIds,
    starts_word: Sequence[bool],
    max_seq_length: int,
    dupe_factor: int,
    short_seq_prob: float,
    masked_lm_prob: float,
    max_predictions_per_seq: int,
    do_whole_word_mask: bool,
    rng: random.Random,
) -> list[Instance]:
    """Makes every instance of the documents, `dupe_factor` times over, in the reference's order.

    Args:
        documents: as `read_documents` gives them; shuffled in place.
        special_ids: the ids of [CLS], [SEP] and [MASK].
        starts_word: per wordpiece id whether it begins a word; its length is the vocabulary size.
        max_seq_length: tokens per instance at most, specials included.
        dupe_factor: passes over the documents, each with its own pairs and masks.
        short_seq_prob: share of documents per pass whose instances aim at a shorter length.
        masked_lm_prob: share of tokens to predict.
        max_predictions_per_seq: predictions per instance at most.
        do_whole_word_mask: mask all wordpieces of a word together.
        rng: the one source of chance.

    Returns:
        The instances, shuffled.
    """
    rng.shuffle(documents)
    mask = Masker(
        special_ids=special_ids,
        starts_word=starts_word,
        masked_lm_prob=masked_lm_prob,
        max_predictions_per_seq=max_predictions_per_seq,
        do_whole_word_mask=do_whole_word_mask,
        rng=rng,
    )
    instances: list[Instance] = []
    for _ in range(dupe_factor):
        for index in range(len(documents)):
            instances.extend(
                create_instances_from_document(
                    documents, index, max_seq_length, short_seq_prob, mask, rng
                )
            )
    return masking.shuffle_head(instances, len(instances), rng)


def create_instances_from_document(
    documents: list[Document],
    document_index: int,
    max_seq_length: int,
    short_seq_prob: float,
    mask: Masker,
    rng: random.Random,
) -> Iterator[Instance]:
    """Cuts one document into instances; see `create_training_instances`.

    Sentences are gathered up to the target length and split at a random sentence into A and B.
    Half the time, and always for a single sentence, B is read from another document instead and
    the sentences not used go back.
    """
    document = documents[document_index]
    max_num_tokens = max_seq_length - masking.SPECIAL_TOKENS
    target_length = max_num_tokens
    if rng.random() < short_seq_prob:
        target_length = 2 + masking.randbelow(max_num_tokens - 1, rng)
    chunk: Document = []
    chunk_length = 0
    i = 0
    while i < len(document):
        chunk.append(document[i])
        chunk_length += len(document[i])
        if i == len(document) - 1 or chunk_length >= target_length:
            a_end = 1 + masking.randbelow(len(chunk) - 1, rng) if len(chunk) >= 2 else 1
            tokens_a = list(itertools.chain.from_iterable(chunk[:a_end]))
            is_random_next = len(chunk) == 1 or rng.random() < 0.5
            if is_random_next:
                tokens_b = _random_segment(
                    documents, document_index, target_length - len(tokens_a), rng
                )
                i -= len(chunk) - a_end
            else:
                tokens_b = list(itertools.chain.from_iterable(chunk[a_end:]))
            tokens_a, tokens_b = truncate_seq_pair(tokens_a, tokens_b, max_num_tokens, rng)
            yield mask.pair(tokens_a, tokens_b, is_random_next)
            chunk = []
            chunk_length = 0
        i += 1


def _random_segment(
    documents: list[Document], document_index: int, target_length: int, rng: random.Random
) -> list[int]:
    """Sentences from a random place of another document, up to `target_length` tokens or its end.

    Ten draws for another document, then whichever came last: the reference's rule, by which B
    may come from the same document if there are few.
    """
    for _ in range(10):
        random_index = masking.randbelow(len(documents), rng)
        if random_index != document_index:
            break
    document = documents[random_index]
    tokens: list[int] = []
    for place in range(masking.randbelow(len(document), rng), len(document)):
        tokens += document[place]
        if len(tokens) >= target_length:
            break
    return tokens


def truncate_seq_pair(
    tokens_a: list[int], tokens_b: list[int], max_num_tokens: int, rng: random.Random
) -> tuple[list[int], list[int]]:
    """Cuts tokens from the longer of the two, at a random end each time, until both fit."""
    start_a, end_a = 0, len(tokens_a)
    start_b, end_b = 0, len(tokens_b)
    for _ in range(end_a + end_b - max_num_tokens):
        from_front = rng.random() < 0.5
        if end_a - start_a > end_b - start_b:
            start_a, end_a = (start_a + 1, end_a) if from_front else (start_a, end_a - 1)
        else:
            start_b, end_b = (start_b + 1, end_b) if from_front else (start_b, end_b - 1)
    return tokens_a[start_a:end_a], tokens_b[start_b:end_b]


def pad_instances(
    instances: Sequence[Instance],
    max_seq_length: int,
    max_predictions_per_seq: int,
) -> dict[str, np.ndarray]:
    """Pads instances with zeros to one block.

    Returns:
        By feature name an array [instances, max_seq_length], [instances,
        max_predictions_per_seq] or, for next_sentence_labels, [instances].
    """

    def padded(lists: list[list[int]], width: int) -> tuple[np.ndarray, np.ndarray]:
        lengths = np.fromiter(map(len, lists), np.int64, len(lists))
        present = np.arange(width) < lengths[:, None]
        values = np.zeros((len(lists), width), np.int32)
        flat = array.array("i")
        for numbers in lists:
            flat.fromlist(numbers)
        values[present] = np.array(flat, np.int32)
        return values, present

    input_ids, input_mask = padded([i.input_ids for i in instances], max_seq_length)
    # Zeros for A, then ones for B up to the end: cheaper counted than copied.
    b_lengths = np.array([sum(i.segment_ids) for i in instances], np.int64)
    b_starts = input_mask.sum(axis=1) - b_lengths
    in_b = np.arange(max_seq_length) >= b_starts[:, None]
    positions, predicted = padded(
        [i.masked_lm_positions for i in instances], max_predictions_per_seq
    )
    masked_lm_ids, _ = padded([i.masked_lm_ids for i in instances], max_predictions_per_seq)
    return {
        "input_ids": input_ids,
        "input_mask": input_mask,
        "segment_ids": in_b & input_mask,
        "masked_lm_positions": positions,
        "masked_lm_ids": masked_lm_ids,
        "masked_lm_weights": predicted.astype(np.float32),
        "next_sentence_labels": np.array([i.is_random_next for i in instances], np.int32),
    }
