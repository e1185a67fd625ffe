"""Finds notes whose text came before: exact copies, and near copies (text copied forward).

One `Deduplicator` sees the notes in the order of reading, in the one process that reads them, so
that the answers do not depend on the number of workers. The first of several copies is kept.

    deduplicator = Deduplicator("minhash", threshold=0.8)
    kept = [note for note in notes if deduplicator.kind_of_copy(note.text) is None]

Memory is bounded: when `memory_mb` is full the oldest texts are forgotten, so that copies further
apart stay in; `counts.forgotten` says how many. 512 MB hold 25 million notes for "exact" and two
million for "minhash".
"""

import dataclasses
import hashlib

import numpy as np

from tfrecords_builder.notes.duplicates import minhash

MODES = ("exact", "minhash")
EXACT, NEAR = "exact", "near"
DEFAULT_THRESHOLD = 0.8
DEFAULT_MEMORY_MB = 512
_PERMUTATIONS = 96
_SHINGLE_WORDS = 3
_FIRST_SLOTS = 1 << 12
# Share of the memory that "minhash" leaves to the exact table in front of it.
_EXACT_SHARE = 1 / 8


@dataclasses.dataclass
class DuplicateCounts:
    """What a `Deduplicator` saw.

    Attributes:
        notes: notes with text.
        exact: of these, copies of an earlier one except for white space.
        near: of these, near copies of an earlier one.
        forgotten: earlier notes no longer compared with, as memory is bounded.
    """

    notes: int = 0
    exact: int = 0
    near: int = 0
    forgotten: int = 0

    @property
    def dropped_share(self) -> float:
        """Share of notes that were copies, a fraction."""
        return (self.exact + self.near) / max(1, self.notes)

    def __str__(self) -> str:
        forgotten = (
            f" The {self.forgotten:,} oldest notes were forgotten for want of memory: raise "
            "deduplicate_memory_mb to find copies further apart."
        )
        return (
            f"Left out {100 * self.dropped_share:.2f}% of {self.notes:,} notes as copies: "
            f"{self.exact:,} exact, {self.near:,} near." + forgotten * bool(self.forgotten)
        )


def _words_digest(words: list[str]) -> int:
    """64 bits that are equal for equal words, and never 0.

    Two different texts of two million share one with a chance of one in ten million.
    """
    # Lone surrogates, as a damaged source may give, have no UTF-8 form.
    data = " ".join(words).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little") or 1


class _DigestTable:
    """A set of digests in one flat array (open addressing), 11 to 21 bytes each."""

    def __init__(self, slots: int):
        self._resize(slots)
        self.count = 0

    @property
    def slots(self) -> int:
        return len(self._cells)

    @property
    def full(self) -> bool:
        """Whether three quarters of the slots are taken, beyond which searches get long."""
        return 4 * self.count >= 3 * len(self._cells)

    def __contains__(self, digest: int) -> bool:
        return self._cells[self._slot(digest)] == digest

    def add(self, digest: int) -> None:
        self._cells[self._slot(digest)] = digest
        self.count += 1

    def double(self) -> None:
        cells = self._cells
        self._resize(2 * len(cells))
        for digest in cells:
            if digest:
                self._cells[self._slot(digest)] = digest

    def _resize(self, slots: int) -> None:
        # A memoryview gives and takes Python's integers several times faster than an array does.
        self._cells = memoryview(np.zeros(slots, np.uint64))
        self._mask = slots - 1

    def _slot(self, digest: int) -> int:
        """Where the digest stands or would stand."""
        cells, mask = self._cells, self._mask
        slot = digest & mask
        while cells[slot] not in (0, digest):
            slot = (slot + 1) & mask
        return slot


class _RecentDigests:
    """The digests of the latest notes, in two generations, the older dropped as a whole."""

    def __init__(self, memory_bytes: int):
        self._most_slots = max(4, 1 << (max(1, memory_bytes // 16).bit_length() - 1))
        self._new = _DigestTable(min(_FIRST_SLOTS, self._most_slots))
        self._old = _DigestTable(1)
        self.forgotten = 0

    @property
    def memory_bytes(self) -> int:
        return 8 * (self._new.slots + self._old.slots)

    def __contains__(self, digest: int) -> bool:
        return digest in self._new or digest in self._old

    def add(self, digest: int) -> None:
        if self._new.full and self._new.slots < self._most_slots:
            self._new.double()
        elif self._new.full:
            self.forgotten += self._old.count
            self._old = self._new
            # At full size at once: growing beside a full older generation would exceed the bound.
            self._new = _DigestTable(self._most_slots)
        self._new.add(digest)


class Deduplicator:
    """Says of each note whether its text came before.

    Args:
        mode: "exact" (equal except for white space) or "minhash" (also texts whose sets of
            three-word shingles have an estimated Jaccard similarity of at least `threshold`).
        threshold: similarity from which a note is a near copy, a fraction; "minhash" only.
        memory_mb: bound of what is remembered, MiB.
        seed: of the hash functions of "minhash".

    Attributes:
        counts: what was seen and dropped so far.

    Raises:
        ValueError: another mode, a threshold outside (0, 1], or memory below 1 MiB.
    """

    def __init__(
        self,
        mode: str = "exact",
        threshold: float = DEFAULT_THRESHOLD,
        memory_mb: int = DEFAULT_MEMORY_MB,
        seed: int = 0,
    ):
        if mode not in MODES:
            raise ValueError(
                f"deduplicate: expected one of {', '.join(MODES)}, received {mode!r}. Name one."
            )
        if not 0 < threshold <= 1:
            raise ValueError(
                f"deduplicate: expected a threshold above 0 and up to 1, received {threshold}. "
                f"Use for example {DEFAULT_THRESHOLD}."
            )
        if memory_mb < 1:
            raise ValueError(
                f"deduplicate: expected at least 1 MiB of memory, received {memory_mb}. "
                f"Use for example {DEFAULT_MEMORY_MB}."
            )
        memory_bytes = int(memory_mb * (1 << 20))
        self.counts = DuplicateCounts()
        self._hasher = self._index = None
        if mode == "minhash":
            index_bytes = int(memory_bytes * (1 - _EXACT_SHARE))
            memory_bytes -= index_bytes
            self._hasher = minhash.MinHasher(_PERMUTATIONS, _SHINGLE_WORDS, seed)
            self._index = minhash.SignatureIndex(_PERMUTATIONS, threshold, index_bytes, seed)
        self._digests = _RecentDigests(memory_bytes)

    def kind_of_copy(self, text: str) -> str | None:
        """Whether `text` repeats an earlier text; if not it is remembered.

        Args:
            text: a note; one without words is never a copy.

        Returns:
            `EXACT` or `NEAR` for a copy, None for a text that is new.
        """
        words = text.split()
        if not words:
            return None
        self.counts.notes += 1
        digest = _words_digest(words)
        kind = NEAR
        if digest in self._digests:
            kind = EXACT
            self.counts.exact += 1
        elif self._index and self._index.add_if_new(self._hasher.signature(words)):
            self.counts.near += 1
        else:
            self._digests.add(digest)
            self._count_forgotten()
            return None
        return kind

    @property
    def memory_bytes(self) -> int:
        """Bytes in use for what is remembered."""
        return self._digests.memory_bytes + (self._index.memory_bytes if self._index else 0)

    def _count_forgotten(self) -> None:
        self.counts.forgotten = self._digests.forgotten
        if self._index:
            self.counts.forgotten = max(self.counts.forgotten, self._index.forgotten)
