"""Tokenized documents on disk between tokenization and pairing.

Memory must not grow with the corpus, and a shard's documents arrive all through the input, so
they wait here as compact integer arrays: a file for each worker that wrote, an index for each
shard. Which shard a document belongs to and its place in it follow from a seeded hash of its id
alone: neither the order of arrival nor the number of workers matters.
"""

import contextlib
import dataclasses
import hashlib
import os
import zlib
from collections.abc import Sequence

import numpy as np

from tfrecords_builder.pairs import Pool

# Documents that shards with few of their own borrow random segments from.
RESERVE_DOCUMENTS = 1024
RESERVE = "reserve"

_INDEX = np.dtype(
    [
        ("shard", "<u4"),
        # The process that wrote it, which names the file.
        ("file", "<u4"),
        ("key", "<u8"),
        ("offset", "<u8"),
        ("bytes", "<u8"),
        ("sentences", "<u4"),
        ("tokens", "<u4"),
    ]
)
# No process has this number.
_RESERVE_FILE = 0
_LENGTH = np.dtype("<u4")
_BUFFERED_BYTES = 16 << 20
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


def _path(folder: str, name: int | str) -> str:
    return os.path.join(folder, name if isinstance(name, str) else f"shard-{name:05d}") + ".index"


def _documents_path(folder: str, file: int) -> str:
    return os.path.join(folder, f"{file}.documents")


def _append(path: str, data: bytes) -> int:
    """Appends to a file; returns where the data begins in it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        with open(descriptor, "ab") as file:
            offset = os.fstat(descriptor).st_size
            file.write(data)
    except OSError as error:
        # Without it a full disk would not be named.
        error.filename = path
        raise
    return offset


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
    index = np.array(rows, _INDEX)
    start = _append(_documents_path(folder, file), b"".join(d.payload for d in documents))
    index["offset"] = start + np.cumsum(index["bytes"]) - index["bytes"]
    return index


class SpillIndex:
    """Notes where the documents of each shard are, one file a shard.

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
        if self._buffered >= _BUFFERED_BYTES // _INDEX_SHARE:
            self.flush()

    def flush(self) -> None:
        """Appends everything collected to the files."""
        for shard, rows in enumerate(self._rows):
            if rows:
                _append(_path(self._folder, shard), b"".join(own.tobytes() for own in rows))
                rows.clear()
        self._buffered = 0

    def close(self) -> int:
        """Writes what is left and the reserve; returns the number of documents."""
        self.flush()
        total = 0
        keys = np.zeros(0, "<u8")
        shards = range(len(self._rows))
        for shard in shards:
            index = _read_index(self._folder, shard)
            total += len(index)
            keys = np.sort(np.concatenate([keys, index["key"][:RESERVE_DOCUMENTS]]))
            keys = keys[:RESERVE_DOCUMENTS]
        rows = []
        for shard in shards:
            index = _read_index(self._folder, shard)[:RESERVE_DOCUMENTS]
            rows.append(index[index["key"] <= keys[-1:]] if len(index) else index)
        # They stay where they are; the reserve is an index only.
        _append(_path(self._folder, RESERVE), np.concatenate(rows).tobytes())
        return total


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
        if self._buffered >= _BUFFERED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Appends everything collected to the files."""
        if self._documents:
            self._index.add(append_documents(self._folder, self._documents))
            self._documents.clear()
        self._buffered = 0
        self._index.flush()

    def close(self) -> int:
        """Writes what is left and the reserve; returns the number of documents."""
        self.flush()
        return self._index.close()


def write_reserve(folder: str, documents: Sequence[EncodedDocument]) -> None:
    """Writes the reserve of a folder that holds only some of the shards.

    Args:
        folder: where a SpillWriter writes.
        documents: the documents with the smallest keys of the whole build.
    """
    rows = _append_to(folder, _RESERVE_FILE, documents)
    _append(_path(folder, RESERVE), rows.tobytes())


def _read_index(folder: str, name: int | str) -> np.ndarray:
    """A file's documents in the order of their keys."""
    path = _path(folder, name)
    if not os.path.exists(path):
        return np.zeros(0, _INDEX)
    index = np.fromfile(path, _INDEX)
    index = index[np.argsort(index["key"], kind="stable")]
    tied = index["key"][1:] == index["key"][:-1]
    return _settle_ties(folder, index, tied) if tied.any() else index


def _settle_ties(folder: str, index: np.ndarray, tied: np.ndarray) -> np.ndarray:
    """Orders documents of one id, as a source may have, by what they hold."""
    checksums = np.zeros(len(index), np.uint32)
    rows = np.flatnonzero(np.append(tied, False) | np.append(False, tied))
    for row in rows:
        checksums[row] = zlib.crc32(_read_payloads(folder, index[row : row + 1])[0])
    return index[np.lexsort((checksums, index["key"]))]


def _read_payloads(folder: str, rows: np.ndarray) -> list[bytes]:
    with contextlib.ExitStack() as stack:
        descriptors = {}
        for file in np.unique(rows["file"]).tolist():
            descriptors[file] = os.open(_documents_path(folder, file), os.O_RDONLY)
            stack.callback(os.close, descriptors[file])
        columns = (rows[name].tolist() for name in ("file", "bytes", "offset"))
        return [
            os.pread(descriptors[file], size, offset)
            for file, size, offset in zip(*columns, strict=True)
        ]


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
        payloads = _read_payloads(self._folder, rows)
        own = len(rows)
        if own < RESERVE_DOCUMENTS:
            reserve = _read_index(self._folder, RESERVE)
            reserve = reserve[~np.isin(reserve["key"], rows["key"])]
            payloads += _read_payloads(self._folder, reserve)
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
