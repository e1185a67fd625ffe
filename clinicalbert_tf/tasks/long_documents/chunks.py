"""Documents as the chunks that the model reads."""

import array
import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

from clinicalbert_tf.input_pipeline.sequence_file import SequenceFile
from clinicalbert_tf.texts.word_chunks import CHUNK_BREAK
from tfrecords_builder.tokenization import BertTokenizer


@dataclasses.dataclass(frozen=True)
class DocumentChunks:
    """The chunks of all documents of a split.

    Attributes:
        token_ids: int32 [length] per chunk, [CLS] and [SEP] included; in memory or in a file.
        document: int64 [chunks], the place of each chunk's document.
        num_documents: documents; each has one chunk at least.
    """

    token_ids: list[np.ndarray] | SequenceFile = dataclasses.field(repr=False)
    document: np.ndarray = dataclasses.field(repr=False)
    num_documents: int

    def __len__(self) -> int:
        return len(self.document)


def cut_documents(
    tokenizer: BertTokenizer,
    texts: Iterable[str],
    max_seq_length: int,
    stride: int | None = None,
    into: SequenceFile | None = None,
) -> DocumentChunks:
    """Cuts texts into chunks.

    A text that holds CHUNK_BREAKs was cut before; such a piece is cut again only if it is longer
    than a sequence. A text without any wordpiece is one empty chunk, `[CLS] [SEP]`.

    Args:
        tokenizer: the model's.
        texts: one per document; read one at a time.
        max_seq_length: tokens per chunk at most.
        stride: wordpieces from one chunk's start to the next; 0 cuts a piece off; None for 3/4 of a
            chunk.
        into: where the chunks are kept; None for memory.
    """
    token_ids: list[np.ndarray] | SequenceFile = [] if into is None else into
    keep = token_ids.append if into is None else into.add
    document, count = array.array("q"), 0
    for place, text in enumerate(texts):
        for ids, start, size in _places(tokenizer, text, max_seq_length, stride):
            chunk = ids[start : start + size]
            keep(np.array([tokenizer.cls_id, *chunk, tokenizer.sep_id], np.int32))
            document.append(place)
        count += 1
    return DocumentChunks(token_ids, np.array(document, np.int64), count)


def count_chunks_of(
    tokenizer: BertTokenizer, texts: Iterable[str], max_seq_length: int, stride: int | None = None
) -> int:
    """How many chunks cut_documents makes of texts; see there."""
    cut = (_places(tokenizer, text, max_seq_length, stride) for text in texts)
    return sum(1 for of_text in cut for _ in of_text)


def _places(
    tokenizer: BertTokenizer, text: str, max_seq_length: int, stride: int | None
) -> Iterator[tuple[list[int], int, int]]:
    """(wordpieces of a piece, where a chunk of it begins, wordpieces per chunk)."""
    size = max_seq_length - 2
    stride = max(1, 3 * size // 4) if stride is None else stride
    pieces = [ids for ids in map(tokenizer.encode, text.split(CHUNK_BREAK)) if ids] or [[]]
    for ids in pieces:
        for start in chunk_starts(len(ids), size, stride):
            yield ids, start, size


def chunk_starts(count: int, size: int, stride: int) -> list[int]:
    """Where the chunks of a piece begin; the last one is moved back so that it is full.

    Args:
        count: wordpieces of the piece.
        size: wordpieces per chunk.
        stride: see cut_documents.
    """
    if count <= size or not stride:
        return [0]
    return [*range(0, count - size, min(stride, size)), count - size]
