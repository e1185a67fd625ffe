"""Tokenized documents on disk between tokenization and pairing, one file pair a shard.

Memory must not grow with the corpus, and a shard's documents arrive all through the input, so
they wait here as compact integer arrays. Which shard a document belongs to and its place in it
follow from a seeded hash of its id alone: neither the order of arrival nor the number of workers
matters.
"""

import dataclasses
import hashlib
import os
from collections.abc import Sequence

import numpy as np

from tfrecords_builder.pairs import Pool

# Documents that shards with few of their own borrow random segments from.
RESERVE_DOCUMENTS = 1024
RESERVE = "reserve"

_INDEX = np.dtype(
    [("key", "<u8"), ("offset", "<u8"), ("sentences", "<u4"), ("tokens", "<u4"), ("bytes", "<u8")]
)
_LENGTH = np.dtype("<u4")
_BUFFERED_BYTES = 32 << 20


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


def token_type(vocab_size: int) -> np.dtype:
    """The smallest integers that hold every id."""
    return np.dtype("<u2") if vocab_size <= 1 << 16 else np.dtype("<i4")


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
        The document, or None where it has no token.
    """
    if not len(ids):
        return None
    lengths = lengths[lengths > 0]
    shard, key = place_of(document_id, random_seed, num_shards)
    payload = lengths.astype(_LENGTH).tobytes() + ids.astype(token_type(vocab_size)).tobytes()
    return EncodedDocument(shard, key, len(lengths), len(ids), payload)


def _paths(folder: str, name: int | str) -> tuple[str, str]:
    stem = os.path.join(folder, name if isinstance(name, str) else f"shard-{name:05d}")
    return f"{stem}.documents", f"{stem}.index"


def _append(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        with open(descriptor, "ab") as file:
            file.write(data)
    except OSError as error:
        # Without it a full disk would not be named.
        error.filename = path
        raise


class SpillWriter:
    """Collects documents in memory and appends them to their shards' files when many.

    Args:
        folder: an empty folder.
        num_shards: shards of the build.
    """

    def __init__(self, folder: str, num_shards: int):
        self._folder = folder
        self._payloads: list[list[bytes]] = [[] for _ in range(num_shards)]
        self._rows: list[list[tuple]] = [[] for _ in range(num_shards)]
        self._offsets = [0] * num_shards
        self._buffered = 0

    def add(self, document: EncodedDocument) -> None:
        """Adds one document."""
        shard, size = document.shard, len(document.payload)
        self._payloads[shard].append(document.payload)
        self._rows[shard].append(
            (document.key, self._offsets[shard], document.sentences, document.tokens, size)
        )
        self._offsets[shard] += size
        self._buffered += size
        if self._buffered >= _BUFFERED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Appends everything collected to the files."""
        for shard, payloads in enumerate(self._payloads):
            if payloads:
                documents, index = _paths(self._folder, shard)
                _append(documents, b"".join(payloads))
                _append(index, np.array(self._rows[shard], _INDEX).tobytes())
                payloads.clear()
                self._rows[shard].clear()
        self._buffered = 0

    def close(self) -> int:
        """Writes what is left and the reserve; returns the number of documents."""
        self.flush()
        total = 0
        keys = np.zeros(0, "<u8")
        shards = range(len(self._offsets))
        for shard in shards:
            index = _read_index(self._folder, shard)
            total += len(index)
            keys = np.sort(np.concatenate([keys, index["key"][:RESERVE_DOCUMENTS]]))
            keys = keys[:RESERVE_DOCUMENTS]
        payloads: list[bytes] = []
        rows = []
        for shard in shards:
            index = _read_index(self._folder, shard)[:RESERVE_DOCUMENTS]
            index = index[index["key"] <= keys[-1:]] if len(index) else index
            payloads += _read_payloads(self._folder, shard, index)
            rows.append(index)
        _write_reserve(self._folder, np.concatenate(rows), payloads)
        return total


def write_reserve(folder: str, documents: Sequence[EncodedDocument]) -> None:
    """Writes the reserve of a folder that holds only some of the shards.

    Args:
        folder: where a SpillWriter writes.
        documents: the documents with the smallest keys of the whole build.
    """
    rows = [(d.key, 0, d.sentences, d.tokens, len(d.payload)) for d in documents]
    _write_reserve(folder, np.array(rows, _INDEX), [d.payload for d in documents])


def _write_reserve(folder: str, index: np.ndarray, payloads: list[bytes]) -> None:
    index["offset"] = np.cumsum(index["bytes"]) - index["bytes"]
    documents_path, index_path = _paths(folder, RESERVE)
    _append(documents_path, b"".join(payloads))
    _append(index_path, index.tobytes())


def _read_index(folder: str, name: int | str) -> np.ndarray:
    """A file's documents in the order of their keys."""
    path = _paths(folder, name)[1]
    if not os.path.exists(path):
        return np.zeros(0, _INDEX)
    index = np.fromfile(path, _INDEX)
    return index[np.argsort(index["key"], kind="stable")]


def _read_payloads(folder: str, name: int | str, rows: np.ndarray) -> list[bytes]:
    if not len(rows):
        return []
    descriptor = os.open(_paths(folder, name)[0], os.O_RDONLY)
    try:
        places = zip(rows["bytes"].tolist(), rows["offset"].tolist(), strict=True)
        return [os.pread(descriptor, size, offset) for size, offset in places]
    finally:
        os.close(descriptor)


class ShardDocuments:
    """One shard's documents, read a pool at a time.

    Args:
        folder: where a SpillWriter wrote.
        shard: which shard.
        pool_documents: documents a pool at most.
        pool_tokens: tokens a pool at most, unless one document alone has more.
        vocab_size: as the documents were encoded with.
    """

    def __init__(
        self, folder: str, shard: int, pool_documents: int, pool_tokens: int, vocab_size: int
    ):
        self._folder = folder
        self._shard = shard
        self._token_type = token_type(vocab_size)
        self._index = _read_index(folder, shard)
        tokens = int(self._index["tokens"].sum())
        pools = max(-(-len(self._index) // pool_documents), -(-tokens // pool_tokens))
        self._bounds = np.linspace(0, len(self._index), pools + 1).astype(np.int64)

    def __len__(self) -> int:
        return len(self._index)

    @property
    def pools(self) -> int:
        """How many pools there are."""
        return len(self._bounds) - 1

    def pool(self, number: int) -> Pool:
        """Reads pool `number`; the reserve joins it where it has few documents."""
        rows = self._index[self._bounds[number] : self._bounds[number + 1]]
        payloads = _read_payloads(self._folder, self._shard, rows)
        own = len(rows)
        if own < RESERVE_DOCUMENTS:
            reserve = _read_index(self._folder, RESERVE)
            reserve = reserve[~np.isin(reserve["key"], rows["key"])]
            payloads += _read_payloads(self._folder, RESERVE, reserve)
            rows = np.concatenate([rows, reserve])
        return _pool(rows["sentences"], payloads, self._token_type, own)


def _pool(sentences: np.ndarray, payloads: Sequence[bytes], tokens: np.dtype, own: int) -> Pool:
    """Puts documents' payloads together."""
    splits = (sentences.astype(np.int64) * _LENGTH.itemsize).tolist()
    pieces = list(zip(payloads, splits, strict=True))
    lengths = np.frombuffer(b"".join([data[:split] for data, split in pieces]), _LENGTH)
    ids = np.frombuffer(b"".join([data[split:] for data, split in pieces]), tokens)
    return Pool(
        tokens=ids,
        sentence_starts=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
        document_starts=np.concatenate([[0], np.cumsum(sentences, dtype=np.int64)]),
        own=own,
    )
