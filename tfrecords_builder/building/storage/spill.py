"""Tokenized documents on disk between tokenization and pairing: writing them.

Memory must not grow with the corpus, and a shard's documents arrive all through the input, so
they wait here as compact integer arrays: a file for each worker that wrote, an index for each
shard. Which shard a document belongs to and its place in it follow from a seeded hash of its id
alone: neither the order of arrival nor the number of workers matters. `shard_documents` reads.
"""

import dataclasses
import hashlib
import os
from collections.abc import Sequence

import numpy as np

from tfrecords_builder import files
from tfrecords_builder.building.storage import spill_files
from tfrecords_builder.building.storage.spill_files import token_type

# Documents that shards with few of their own borrow random segments from.
RESERVE_DOCUMENTS = 1024
# No process has this number.
_RESERVE_FILE = 0
BUFFERED_BYTES = 16 << 20
# Of these 16 MB, what an index alone may take.
_INDEX_SHARE = 8


@dataclasses.dataclass(frozen=True)
class EncodedDocument:
    """A document as wordpiece ids, ready to be spilled.

    Attributes:
        shard: the shard it belongs to.
        key: its place among the shard's documents.
        sentences: how many it has, at least 1.
        tokens: how many wordpieces it has.
        payload: the sentences' lengths (uint32), then their ids (`token_type`).
    """

    shard: int
    key: int
    sentences: int
    tokens: int
    payload: bytes = dataclasses.field(repr=False)


def place_of(document_id: str, random_seed: int, num_shards: int) -> tuple[int, int]:
    """A document's shard and its key, which orders the documents of a shard at random."""
    digest = hashlib.blake2b(f"{random_seed}:{document_id}".encode(), digest_size=16).digest()
    shard = int.from_bytes(digest[:8], "little") % num_shards
    return shard, int.from_bytes(digest[8:], "little")


def encode_document(
    document_id: str,
    ids: np.ndarray,
    lengths: np.ndarray,
    *,
    random_seed: int,
    num_shards: int,
    vocab_size: int,
) -> EncodedDocument | None:
    """Packs a document.

    Args:
        document_id: unique in the corpus.
        ids: int [tokens], the wordpieces of its sentences one after the other.
        lengths: int [sentences], wordpieces a sentence; those of 0 are left out.

    Returns:
        The document, or None if it has no token.
    """
    if not len(ids):
        return None
    lengths = lengths[lengths > 0]
    shard, key = place_of(document_id, random_seed, num_shards)
    payload = (
        lengths.astype(spill_files.LENGTH).tobytes() + ids.astype(token_type(vocab_size)).tobytes()
    )
    return EncodedDocument(shard, key, len(lengths), len(ids), payload)


def append_documents(folder: str, documents: Sequence[EncodedDocument]) -> np.ndarray:
    """Writes documents to this process's own file.

    Args:
        folder: the spill folder, which several processes may write to.
        documents: any number of them, of any shards.

    Returns:
        What `SpillIndex.add` needs to find them again.
    """
    # Those of a shard side by side: they are read together.
    documents = sorted(documents, key=lambda document: document.shard)
    return _append_to(folder, os.getpid(), documents)


def _append_to(folder: str, file: int, documents: Sequence[EncodedDocument]) -> np.ndarray:
    rows = [(d.shard, file, d.key, 0, len(d.payload), d.sentences, d.tokens) for d in documents]
    index = np.array(rows, spill_files.INDEX)
    start = files.append(
        spill_files.documents_path(folder, file), b"".join(d.payload for d in documents)
    )
    index["offset"] = start + np.cumsum(index["bytes"]) - index["bytes"]
    return index


class SpillIndex:
    """Notes where the documents of each shard are, one file per shard.

    Args:
        folder: an empty folder.
        num_shards: shards of the build.
    """

    def __init__(self, folder: str, num_shards: int):
        self._folder = folder
        self._rows: list[list[np.ndarray]] = [[] for _ in range(num_shards)]
        self._buffered = 0

    def add(self, rows: np.ndarray) -> None:
        """Adds documents as `append_documents` returns them, ordered by shard."""
        if not len(rows):
            # A batch of notes may hold none with text.
            return
        shards, starts = np.unique(rows["shard"], return_index=True)
        for shard, own in zip(shards.tolist(), np.split(rows, starts[1:]), strict=True):
            self._rows[shard].append(own)
        self._buffered += rows.nbytes
        if self._buffered >= BUFFERED_BYTES // _INDEX_SHARE:
            self.flush()

    def flush(self) -> None:
        """Appends everything collected to the files."""
        for shard, rows in enumerate(self._rows):
            if rows:
                files.append(
                    spill_files.index_path(self._folder, shard),
                    b"".join(own.tobytes() for own in rows),
                )
                rows.clear()
        self._buffered = 0

    def close(self) -> list[int]:
        """Writes what is left and the reserve, all of it to the disk itself.

        Returns:
            The number of documents of each shard, for `ShardDocuments` to check.
        """
        self.flush()
        counts = []
        keys = np.zeros(0, "<u8")
        shards = range(len(self._rows))
        for shard in shards:
            index = spill_files.read_index(self._folder, shard)
            counts.append(len(index))
            keys = np.sort(np.concatenate([keys, index["key"][:RESERVE_DOCUMENTS]]))
            keys = keys[:RESERVE_DOCUMENTS]
        rows = []
        for shard in shards:
            index = spill_files.read_index(self._folder, shard)[:RESERVE_DOCUMENTS]
            rows.append(index[index["key"] <= keys[-1:]] if len(index) else index)
        # They stay where they are; the reserve is an index only.
        reserve = np.concatenate(rows).tobytes()
        files.append(spill_files.index_path(self._folder, spill_files.RESERVE), reserve)
        for name in (*os.listdir(self._folder), ""):
            files.sync(os.path.join(self._folder, name))
        return counts


class SpillWriter:
    """Collects documents in memory and appends them to files when many.

    Args:
        folder: an empty folder.
        num_shards: shards of the build.
    """

    def __init__(self, folder: str, num_shards: int):
        self._folder = folder
        self._index = SpillIndex(folder, num_shards)
        self._documents: list[EncodedDocument] = []
        self._buffered = 0

    def add(self, document: EncodedDocument) -> None:
        """Adds one document."""
        self._documents.append(document)
        self._buffered += len(document.payload)
        if self._buffered >= BUFFERED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Appends everything collected to the files."""
        if self._documents:
            self._index.add(append_documents(self._folder, self._documents))
            self._documents.clear()
        self._buffered = 0
        self._index.flush()


def write_reserve(folder: str, documents: Sequence[EncodedDocument]) -> None:
    """Writes the reserve of a folder that holds only some of the shards.

    Args:
        folder: where a SpillWriter writes.
        documents: the documents with the smallest keys of the whole build.
    """
    rows = _append_to(folder, _RESERVE_FILE, documents)
    files.append(spill_files.index_path(folder, spill_files.RESERVE), rows.tobytes())
