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

# An approximate search is asked for this many times what is wanted, and more until it suffices.
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
        if self._approximate is None or not self._many(allowed):
            return self._hits(*self._exact(query, allowed), count, per_note)
        wanted = _SPARE * count
        while True:
            chunks, scores = self._near(query, wanted, allowed)
            hits = self._hits(chunks, scores, count, per_note)
            if len(hits) >= count or wanted >= len(self._vectors):
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

    def _chunks_of(self, allowed: np.ndarray | None) -> np.ndarray:
        notes = self._chunk["note"]
        return np.arange(len(notes)) if allowed is None else np.flatnonzero(allowed[notes])

    def _many(self, allowed: np.ndarray | None) -> bool:
        return allowed is None or bool(np.mean(allowed[self._chunk["note"]]) > _FEW)

    def _exact(self, query, allowed) -> tuple[np.ndarray, np.ndarray]:
        """The allowed chunks and their scores."""
        chunks = self._chunks_of(allowed)
        places = self._chunk["vector"][chunks]
        different = np.unique(places)
        if len(different) > _FEW * len(self._vectors):
            return chunks, cosines(self._vectors, query)[places]
        scores = cosines(self._vectors[different], query)
        return chunks, scores[np.searchsorted(different, places)]

    def _near(self, query, wanted, allowed) -> tuple[np.ndarray, np.ndarray]:
        """The allowed chunks of the vectors that the approximate index finds; exact scores."""
        places = np.sort(self._approximate.nearest(query, min(wanted, len(self._vectors))))
        scores = cosines(self._vectors[places], query)
        chunks = np.flatnonzero(np.isin(self._chunk["vector"], places))
        if allowed is not None:
            chunks = chunks[allowed[self._chunk["note"][chunks]]]
        return chunks, scores[np.searchsorted(places, self._chunk["vector"][chunks])]

    def _hits(self, chunks, scores, count: int, per_note: bool) -> list[Hit]:
        if per_note and len(chunks):
            notes = self._chunk["note"][chunks]
            # By note, the best chunk of each first, of equal ones the first.
            order = np.lexsort((chunks, -scores, notes))
            first = order[np.flatnonzero(np.diff(notes[order], prepend=-1))]
            chunks, scores = chunks[first], scores[first]
        return [self._hit(chunks[place], scores[place]) for place in best(scores, count)]

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
