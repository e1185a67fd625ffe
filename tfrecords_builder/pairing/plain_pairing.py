"""Documents to masked pairs of segments, as the reference draws them.

One `random.Random` is drawn from in the reference's order, so that a seed gives the reference's
instances exactly. This is the simple form that `exact_pairing` and `streaming_pairing` are
compared with.

Source: create_pretraining_data.py of the BERT reference (Devlin et al. 2018, section 3.1).
"""

import contextlib
import gc
import itertools
import random
from collections.abc import Iterable, Iterator, Sequence

from tfrecords_builder import schema
from tfrecords_builder.pairing import masking

# A document is a list of sentences, a sentence a non-empty list of wordpiece ids.
Document = list[list[int]]

# [CLS] and two [SEP].
SPECIAL_TOKENS = 3
# Below this there is no room for a token in each segment and the target length has no range.
MIN_SEQ_LENGTH = SPECIAL_TOKENS + 2
_BLOCK_BYTES = 1 << 20


def decode_lines(data: bytes, path: str, first_line: int = 1) -> list[str]:
    """The lines of a sentence file, stripped; a blank line ends a document.

    Only a line feed ends a line, as in the reference; other Unicode line breaks are white space.

    Args:
        data: whole lines.
        path: the file, for errors.
        first_line: the number of the first line, for errors.

    Raises:
        ValueError: a line is not UTF-8 (named by its number, the text is not shown).
    """
    try:
        return list(map(str.strip, data.decode("utf-8").split("\n")))
    except UnicodeDecodeError as error:
        line = first_line + data.count(b"\n", 0, error.start)
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise ValueError(
            f"{path}, line {line}: expected UTF-8, received byte 0x{data[error.start]:02x} "
            f"at byte {column} of the line. Convert the file to UTF-8."
        ) from None


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


def read_lines(paths: Iterable[str]) -> Iterator[list[str]]:
    """The lines of sentence files, a block of a file at a time; see `decode_lines`."""
    for path in paths:
        number = 1
        with open(path, "rb") as file:
            while raw := file.readlines(_BLOCK_BYTES):
                yield decode_lines(b"".join(raw).removesuffix(b"\n"), path, number)
                number += len(raw)


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
) -> list[schema.PretrainingInstance]:
    """Makes every instance of the documents, `dupe_factor` times over, in the reference's order.

    Args:
        documents: as `read_documents` gives them; shuffled in place.
        special_ids: the ids of [CLS], [SEP] and [MASK].
        starts_word: per wordpiece id whether it begins a word; its length is the vocabulary size.
        max_seq_length: tokens per instance at most, specials included.
        dupe_factor: passes over the documents, each with its own pairs and masks.
        short_seq_prob: share of documents a pass whose instances aim at a shorter length.
        masked_lm_prob: share of tokens to predict.
        max_predictions_per_seq: predictions an instance at most.
        do_whole_word_mask: mask all wordpieces of a word together.
        rng: the one source of chance.

    Returns:
        The instances, shuffled.
    """
    rng.shuffle(documents)
    mask = masking.Masker(
        special_ids=special_ids,
        starts_word=starts_word,
        masked_lm_prob=masked_lm_prob,
        max_predictions_per_seq=max_predictions_per_seq,
        do_whole_word_mask=do_whole_word_mask,
        rng=rng,
    )
    instances: list[schema.PretrainingInstance] = []
    with _without_collector():
        for _ in range(dupe_factor):
            for index in range(len(documents)):
                instances.extend(
                    create_instances_from_document(
                        documents, index, max_seq_length, short_seq_prob, mask, rng
                    )
                )
    return masking.shuffle_head(instances, len(instances), rng)


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Disables the garbage collector, which would scan millions of lists for nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def create_instances_from_document(
    documents: list[Document],
    document_index: int,
    max_seq_length: int,
    short_seq_prob: float,
    mask: masking.Masker,
    rng: random.Random,
) -> Iterator[schema.PretrainingInstance]:
    """Cuts one document into instances; see `create_training_instances`.

    Sentences are gathered up to the target length and split at a random sentence into A and B.
    Half the time, and always for a single sentence, B is read from another document instead and
    the sentences not used go back.
    """
    document = documents[document_index]
    max_num_tokens = max_seq_length - SPECIAL_TOKENS
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
