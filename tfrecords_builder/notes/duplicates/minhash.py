"""Near-duplicate texts by MinHash signatures in banded tables of flat arrays.

The share of equal values in two signatures estimates the Jaccard similarity of two texts' sets of
word shingles; the tables find, without comparing all pairs, the texts whose signatures agree in a
whole band. A text takes a few hundred bytes, so that two million clinical notes fit into half a
gigabyte. Every constant comes from the seed: the same texts in the same order give the same
answers on every machine.

Source: Broder 1997, On the resemblance and containment of documents; Li and Koenig 2010, b-bit
minwise hashing; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, chapter 3.
"""

import hashlib
import random

import numpy as np

# Shingles hashed at a time: the block of [shingles, permutations] stays in the cache.
BLOCK = 256
# About 130 bytes an entry: 17 MB when full.
CACHED_WORDS = 1 << 17
# The newest texts of a band's slot that are compared; copied text is mostly copied soon.
_CHAIN_STEPS = 8
_FIRST_SLOTS = 1 << 12
# Of the texts exactly as similar as the threshold so many share at least one band.
_BAND_RECALL = 0.99


class _WordHashes(dict):
    """Words to 64-bit hashes as bytes, computed when first met, bounded."""

    def __missing__(self, word: str) -> bytes:
        # Lone surrogates, as a damaged source may give, have no UTF-8 form.
        data = word.encode("utf-8", "surrogatepass")
        value = hashlib.blake2b(data, digest_size=8).digest()
        if len(self) >= CACHED_WORDS:
            self.clear()
        self[word] = value
        return value


class MinHasher:
    """Texts to signatures of one byte a permutation.

    Args:
        permutations: values of a signature; the estimate's standard error is
            sqrt(J (1 - J) / permutations).
        shingle_words: words a shingle; a text of fewer words is one shingle.
        seed: chooses the permutations.
    """

    def __init__(self, permutations: int, shingle_words: int, seed: int):
        rng = random.Random(seed)
        self._shingle_words = shingle_words
        self._position = rng.getrandbits(64) | 1
        self._mix = rng.getrandbits(64) | 1
        self._fold = np.uint32(rng.getrandbits(32) | 1)
        odd = [rng.getrandbits(32) | 1 for _ in range(permutations)]
        self._multipliers = np.array(odd, np.uint32)
        self._offsets = np.array([rng.getrandbits(32) for _ in odd], np.uint32)
        self._word_hashes = _WordHashes()
        self._block = np.empty((BLOCK, permutations), np.uint32)

    def signature(self, words: list[str]) -> np.ndarray:
        """The signature of a text.

        Args:
            words: the text's words, at least one.

        Returns:
            uint8 [permutations].
        """
        shingles = self._shingles(words)
        least = self._least(shingles[:BLOCK])
        for start in range(BLOCK, len(shingles), BLOCK):
            np.minimum(least, self._least(shingles[start : start + BLOCK]), out=least)
        # A minimum's own high bits are nearly always 0 and its low ones weakly mixed.
        return ((least * self._fold) >> np.uint32(24)).astype(np.uint8)

    def _least(self, shingles: np.ndarray) -> np.ndarray:
        """The least value of a block of shingles under each permutation."""
        block = self._block[: len(shingles)]
        np.multiply(shingles[:, None], self._multipliers, out=block)
        block += self._offsets
        return np.minimum.reduce(block, axis=0)

    def _shingles(self, words: list[str]) -> np.ndarray:
        """A 32-bit hash of every run of `shingle_words` words."""
        joined = b"".join(map(self._word_hashes.__getitem__, words))
        hashes = np.frombuffer(joined, "<u8").astype(np.uint64)
        size = min(self._shingle_words, len(words))
        count = len(words) - size + 1
        shingles = hashes[:count].copy()
        for i in range(1, size):
            shingles *= np.uint64(self._position)
            shingles += hashes[i : i + count]
        shingles *= np.uint64(self._mix)
        return (shingles >> np.uint64(32)).astype(np.uint32)


def rows_per_band(permutations: int, threshold: float) -> int:
    """The longest band with which texts at the threshold still meet 99 times in 100."""

    def recall(rows: int) -> float:
        return 1 - (1 - threshold**rows) ** (permutations // rows)

    return max((r for r in range(1, permutations + 1) if recall(r) >= _BAND_RECALL), default=1)


class SignatureIndex:
    """The signatures of the latest `capacity` texts, searched by bands.

    Signatures stand in a ring, the newest in place of the oldest. For every band a table maps a
    slot to the newest text in it, and each text points to the one before it in the same slot.

    Args:
        permutations: bytes a signature.
        threshold: similarity from which a text counts as found, a fraction.
        memory_bytes: bound of all arrays.
        seed: chooses the bands' hash functions.

    Attributes:
        capacity: texts remembered at most.
        forgotten: texts overwritten so far.
    """

    def __init__(self, permutations: int, threshold: float, memory_bytes: int, seed: int):
        self._rows = rows_per_band(permutations, threshold)
        self._bands = permutations // self._rows
        # One byte of two different values is equal once in 256 times.
        self._least_equal = permutations * (threshold + (1 - threshold) / 256)
        self.capacity = max(1, memory_bytes // (permutations + 8 * self._bands))
        rng = random.Random(seed)
        multipliers = [rng.getrandbits(64) | 1 for _ in range(self._bands * self._rows)]
        self._multipliers = np.array(multipliers, np.uint64).reshape(self._bands, self._rows)
        # Filled from the front: the system gives memory only for the pages in use.
        self._signatures = np.empty((self.capacity, permutations), np.uint8)
        self._previous = np.empty((self.capacity, self._bands), np.uint32)
        # Views give and take single numbers several times faster than the arrays.
        self._previous_view = memoryview(self._previous)
        # Texts are numbered from 1, so that 0 means none.
        self._count = 0
        self._make_heads(min(_FIRST_SLOTS, self._most_slots()))

    @property
    def forgotten(self) -> int:
        return max(0, self._count - self.capacity)

    @property
    def memory_bytes(self) -> int:
        """Bytes in use."""
        used = min(self._count, self.capacity)
        row = self._signatures.strides[0] + self._previous.strides[0]
        return used * row + self._heads.nbytes

    def contains(self, signature: np.ndarray) -> bool:
        """Whether a text at least as similar as the threshold is remembered."""
        return self._contains(signature, self._slots(signature))

    def add(self, signature: np.ndarray) -> None:
        """Remembers a text, in place of the oldest when all places are taken."""
        self._add(signature, self._slots(signature))

    def add_if_new(self, signature: np.ndarray) -> bool:
        """Like `contains`, but also adds the text if it is new."""
        slots = self._slots(signature)
        if self._contains(signature, slots):
            return True
        self._add(signature, slots)
        return False

    def _contains(self, signature: np.ndarray, slots: list[int]) -> bool:
        heads, previous = self._head_view, self._previous_view
        capacity, forgotten = self.capacity, self.forgotten
        rows = set()
        for band, slot in enumerate(slots):
            text = heads[band, slot]
            steps = _CHAIN_STEPS
            while text > forgotten and steps:
                row = text % capacity
                rows.add(row)
                text = previous[row, band]
                steps -= 1
        if not rows:
            return False
        equal = np.count_nonzero(self._signatures[list(rows)] == signature, axis=1)
        return bool(equal.max() >= self._least_equal)

    def _add(self, signature: np.ndarray, slots: list[int]) -> None:
        if self._count >= self._heads.shape[1] and self._heads.shape[1] < self._most_slots():
            self._double_slots()
            slots = self._slots(signature)
        self._count += 1
        row = self._count % self.capacity
        self._signatures[row] = signature
        heads, previous = self._head_view, self._previous_view
        for band, slot in enumerate(slots):
            previous[row, band] = heads[band, slot]
            heads[band, slot] = self._count

    def _most_slots(self) -> int:
        return 1 << (self.capacity.bit_length() - 1)

    def _slots(self, signature: np.ndarray) -> list[int]:
        """The slot of one signature in each band's table."""
        rows = signature[: self._multipliers.size].reshape(self._multipliers.shape)
        return self._to_slots((rows * self._multipliers).sum(axis=1)).tolist()

    def _to_slots(self, keys: np.ndarray) -> np.ndarray:
        bits = self._heads.shape[1].bit_length() - 1
        # Shifted in two steps: one slot (0 bits) would need a shift by all 64.
        return ((keys >> np.uint64(1)) >> np.uint64(63 - bits)).astype(np.int64)

    def _make_heads(self, slots: int) -> None:
        self._heads = np.zeros((self._bands, slots), np.uint32)
        self._head_view = memoryview(self._heads)

    def _double_slots(self) -> None:
        """Rebuilds the tables with twice the slots; before that no text was overwritten."""
        self._make_heads(2 * self._heads.shape[1])
        # The texts from 1 to the count stand in the rows of their numbers.
        signatures = self._signatures[1 : self._count + 1]
        slots = np.empty(self._count, np.uint32)
        for band, multipliers in enumerate(self._multipliers):
            columns = signatures[:, band * self._rows : (band + 1) * self._rows]
            for start in range(0, self._count, _FIRST_SLOTS):
                part = slice(start, start + _FIRST_SLOTS)
                slots[part] = self._to_slots((columns[part] * multipliers).sum(axis=1))
            texts = np.argsort(slots, kind="stable")
            ordered = slots[texts]
            texts += 1
            before = np.where(ordered[1:] == ordered[:-1], texts[:-1], 0)
            self._previous[texts, band] = np.concatenate([[0], before])
            # Later texts win: the order is ascending within a slot.
            self._heads[band, ordered] = texts
