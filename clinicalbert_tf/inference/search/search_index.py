"""An index opened for queries."""

import dataclasses
import os
from collections.abc import Collection

import numpy as np

from clinicalbert_tf.inference.search.approximate import ApproximateIndex
from clinicalbert_tf.inference.search.index_files import (
    APPROXIMATE_NAME,
    CHUNK_COLUMNS,
    VECTORS_NAME,
    read_index,
)
from clinicalbert_tf.inference.search.scores import best, cosines
from clinicalbert_tf.inference.search.string_table import StringTable

# Vectors are looked at for each hit that is wanted, and more until filters leave enough.
_SPARE = 4
# If filters leave less than this share of the vectors, these alone are scored.
_FEW = 0.05


@dataclasses.dataclass(frozen=True)
class Hit:
    """A chunk that a query found.

    Attributes:
        note_id: the note, as its source names it.
        start, end: the chunk's place in the note's text, in characters.
        score: cosine with the query, from -1 to 1.
        patient: whose note it is, "" if unknown.
        category: the kind of note, "" if unknown.
        text: the chunk's text, or None if the index keeps none; protected health information.
    """

    note_id: str
    start: int
    end: int
    score: float
    patient: str
    category: str
    text: str | None = dataclasses.field(default=None, repr=False)


class SearchIndex:
    """Reads an index; vectors and strings stay on disk until they are needed.

    Args:
        folder: the index's folder.

    Attributes:
        described: what index.json holds.

    Raises:
        FileNotFoundError: there is no index.
        ImportError: it needs usearch, which is not installed.
        ValueError: it is of another format.
    """

    def __init__(self, folder: str):
        self.described = read_index(folder)
        self._vectors = np.load(os.path.join(folder, VECTORS_NAME), mmap_mode="r")
        self._chunk = {
            name: np.load(os.path.join(folder, f"chunk_{name}.npy"), mmap_mode="r")
            for name in CHUNK_COLUMNS
        }
        self._vector_chunks, self._vector_ends = (
            np.load(os.path.join(folder, f"vector_{name}.npy"), mmap_mode="r")
            for name in ("chunks", "ends")
        )
        self._notes = StringTable(folder, "notes")
        self._of_note = {
            name: np.load(os.path.join(folder, f"note_{name}.npy"), mmap_mode="r")
            for name in ("patient", "category")
        }
        self._tables = {
            "patient": StringTable(folder, "patients"),
            "category": StringTable(folder, "categories"),
        }
        self._texts = StringTable(folder, "chunk_texts") if self.described["store_text"] else None
        path = os.path.join(folder, APPROXIMATE_NAME)
        self._approximate = ApproximateIndex(path) if os.path.exists(path) else None

    def search(
        self,
        query: np.ndarray,
        count: int = 10,
        patients: Collection[str] = (),
        categories: Collection[str] = (),
        per_note: bool = False,
    ) -> list[Hit]:
        """Finds the chunks nearest to a query.

        Args:
            query: float32 array [size], a unit vector.
            count: hits at most.
            patients: only their notes; all if empty.
            categories: only such notes; all if empty.
            per_note: whether only the best chunk of each note counts.

        Returns:
            The hits, the best first; equal scores in the order of the input.
        """
        allowed = self._allowed(patients, categories)
        if allowed is not None:
            chunks = np.flatnonzero(allowed[self._chunk["note"]])
            if len(chunks) <= _FEW * len(self._chunk["note"]):
                return self._hits(chunks, self._scores_of(chunks, query), count, per_note)
        scores = None if self._approximate else cosines(self._vectors, query)
        wanted = _SPARE * count
        while True:
            wanted = min(wanted, len(self._vectors))
            chunks, of_chunks = self._nearest(query, scores, wanted)
            if allowed is not None:
                left = allowed[self._chunk["note"][chunks]]
                chunks, of_chunks = chunks[left], of_chunks[left]
            hits = self._hits(chunks, of_chunks, count, per_note)
            if len(hits) >= count or wanted == len(self._vectors):
                return hits
            wanted *= _SPARE

    def _allowed(self, patients, categories) -> np.ndarray | None:
        """bool array [notes] of those that the filters leave; None for all."""
        allowed = None
        for name, given in (("patient", patients), ("category", categories)):
            if not given:
                continue
            table = self._tables[name]
            codes = [code for code in range(len(table)) if table[code] in given]
            found = np.isin(self._of_note[name], codes)
            allowed = found if allowed is None else allowed & found
        return allowed

    def _scores_of(self, chunks: np.ndarray, query: np.ndarray) -> np.ndarray:
        """The scores of some chunks, each different vector scored once."""
        different, places = np.unique(self._chunk["vector"][chunks], return_inverse=True)
        return cosines(self._vectors[different], query)[places]

    def _nearest(
        self, query: np.ndarray, scores: np.ndarray | None, wanted: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """All chunks of the nearest vectors, and their scores.

        Args:
            query: the query.
            scores: the scores of all vectors; None to ask the approximate index.
            wanted: how many vectors.
        """
        if scores is None:
            places = self._approximate.nearest(query, wanted)
            nearest = cosines(self._vectors[places], query)
        else:
            places = best(scores, wanted)
            nearest = scores[places]
        starts = np.where(places > 0, self._vector_ends[places - 1], 0)
        counts = self._vector_ends[places] - starts
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        chunks = self._vector_chunks[np.repeat(starts, counts) + offsets]
        return chunks, np.repeat(nearest, counts)

    def _hits(self, chunks, scores, count: int, per_note: bool) -> list[Hit]:
        if per_note and len(chunks):
            notes = self._chunk["note"][chunks]
            # By note, the best chunk of each first, of equal ones the first.
            order = np.lexsort((chunks, -scores, notes))
            first = order[np.flatnonzero(np.diff(notes[order], prepend=-1))]
            chunks, scores = chunks[first], scores[first]
        order = np.lexsort((chunks, -scores))[:count]
        return [self._hit(chunks[place], scores[place]) for place in order]

    def _hit(self, chunk: int, score: float) -> Hit:
        note = self._chunk["note"][chunk]
        return Hit(
            note_id=self._notes[note],
            start=int(self._chunk["start"][chunk]),
            end=int(self._chunk["end"][chunk]),
            score=float(score),
            **{name: table[self._of_note[name][note]] for name, table in self._tables.items()},
            text=None if self._texts is None else self._texts[chunk],
        )


def check_model(described: dict, digest: str, checkpoint: str) -> None:
    """Refuses to query an index with another model than made it.

    Args:
        described: what index.json holds.
        digest: see `loading.model_digest`.
        checkpoint: where the query's model comes from.

    Raises:
        ValueError: weights, vocabulary or casing are others.
    """
    if digest != described["model_sha256"]:
        raise ValueError(
            f"Expected the model that made the index ({described['checkpoint']}, fingerprint "
            f"{described['model_sha256'][:12]}), received {checkpoint} with other weights, "
            f"vocabulary or casing ({digest[:12]}). Name that model with --init_checkpoint, or "
            "make the index again."
        )
