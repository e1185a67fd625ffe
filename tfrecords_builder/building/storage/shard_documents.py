"""Tokenized documents on disk between tokenization and pairing: reading a shard's."""

import bisect
from collections.abc import Sequence

import numpy as np

from tfrecords_builder.building.storage import spill, spill_files
from tfrecords_builder.pairing.streaming_pairing import Pool

# Steps in which pools of equal size are looked for.
_SHARES = 4096


class ShardDocuments:
    """One shard's documents, read a pool at a time.

    Args:
        folder: where `spill` wrote.
        shard: which shard.
        pool_documents: documents a pool at most.
        pool_tokens: tokens a pool at most, unless one document alone has more.
        vocab_size: as the documents were encoded with.
        documents: how many there must be, as `SpillIndex.close` counted; None is not checked.

    Raises:
        ValueError: there is another number of them.
    """

    def __init__(
        self,
        folder: str,
        shard: int,
        pool_documents: int,
        pool_tokens: int,
        vocab_size: int,
        documents: int | None = None,
    ):
        self._folder = folder
        self._token_type = spill_files.token_type(vocab_size)
        self._index = spill_files.read_index(folder, shard)
        if documents not in (None, len(self._index)):
            path = spill_files.index_path(folder, shard)
            raise spill_files.damaged(path, f"{documents} documents", str(len(self._index)))
        self._bounds = _cut(self._index["tokens"], pool_documents, pool_tokens)

    def __len__(self) -> int:
        return len(self._index)

    @property
    def pools(self) -> int:
        """How many pools there are."""
        return len(self._bounds) - 1

    def pool(self, number: int) -> Pool:
        """Reads pool `number`; the reserve joins it if it has few documents."""
        rows = self._index[self._bounds[number] : self._bounds[number + 1]]
        payloads = spill_files.read_payloads(self._folder, rows)
        own = len(rows)
        if own < spill.RESERVE_DOCUMENTS:
            reserve = spill_files.read_index(self._folder, spill_files.RESERVE)
            reserve = reserve[~np.isin(reserve["key"], rows["key"])]
            payloads += spill_files.read_payloads(self._folder, reserve)
            rows = np.concatenate([rows, reserve])
        return _pool(rows["sentences"], payloads, self._token_type, own)


def _pool(sentences: np.ndarray, payloads: Sequence[bytes], tokens: np.dtype, own: int) -> Pool:
    """Puts documents' payloads together."""
    splits = (sentences.astype(np.int64) * spill_files.LENGTH.itemsize).tolist()
    pieces = list(zip(payloads, splits, strict=True))
    lengths = np.frombuffer(b"".join([data[:split] for data, split in pieces]), spill_files.LENGTH)
    ids = np.frombuffer(b"".join([data[split:] for data, split in pieces]), tokens)
    return Pool(
        tokens=ids,
        sentence_starts=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
        document_starts=np.concatenate([[0], np.cumsum(sentences, dtype=np.int64)]),
        own=own,
    )


def _cut(tokens: np.ndarray, pool_documents: int, pool_tokens: int) -> list[int]:
    """Cuts documents into as few pools as the bounds allow, of about equal size.

    Args:
        tokens: int [documents], tokens of each.
        pool_documents: documents a pool at most.
        pool_tokens: tokens a pool at most, unless one document alone has more.

    Returns:
        Where each pool begins, and the end.
    """
    ends = np.cumsum(tokens, dtype=np.int64)

    def filled(share: int) -> list[int]:
        """Pools filled one after the other up to `share` of `_SHARES` of the bounds."""
        bounds = [0]
        most_documents = -(-pool_documents * share // _SHARES)
        most_tokens = -(-pool_tokens * share // _SHARES)
        while (start := bounds[-1]) < len(ends):
            before = ends[start - 1] if start else 0
            stop = int(np.searchsorted(ends, before + most_tokens, side="right"))
            bounds.append(max(start + 1, min(stop, start + most_documents)))
        return bounds

    fewest = len(filled(_SHARES))
    return filled(bisect.bisect_left(range(_SHARES), -fewest, lo=1, key=lambda n: -len(filled(n))))
