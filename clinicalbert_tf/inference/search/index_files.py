"""What lies in an index's folder, and how it gets there from the parts of a run.

    index.json          what the index was made from, by what model, and how much it holds
    vectors.npy         float32 [vectors, size], unit vectors, each different text once
    approximate.usearch their approximate index, if the engine is usearch
    chunk_*.npy         int64 [chunks]: note, start, end, vector
    vector_chunks.npy, vector_ends.npy    int64: the chunks of each vector
    notes, patients, categories, chunk_texts (if asked for): tables of strings
    note_patient.npy, note_category.npy   int64 [notes], places in those tables

Notes without a wordpiece are counted in index.json and are nowhere else.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import numpy as np

from clinicalbert_tf.inference.search.chunks import Chunk
from clinicalbert_tf.inference.search.string_table import write_strings
from clinicalbert_tf.texts.rows import Row
from tfrecords_builder.files import open_private, write_private

FORMAT = 1
INDEX_NAME = "index.json"
VECTORS_NAME = "vectors.npy"
APPROXIMATE_NAME = "approximate.usearch"
CHUNK_COLUMNS = ("note", "start", "end", "vector")
_DIGEST = np.dtype([("high", "<u8"), ("low", "<u8")])


def write_part(
    file: BinaryIO, rows: list[Row], chunks: list[Chunk], vectors: np.ndarray, with_text: bool
) -> None:
    """Writes one block's chunks as a part.

    Args:
        file: the part.
        rows: the block's rows.
        chunks: theirs, in the rows' order.
        vectors: float32 array [chunks, size].
        with_text: whether the chunks' text goes into the part too.
    """
    columns = {
        "chunk_row": np.array([chunk.row for chunk in chunks], np.int64),
        "start": np.array([chunk.start for chunk in chunks], np.int64),
        "end": np.array([chunk.end for chunk in chunks], np.int64),
        "digest": np.frombuffer(b"".join(chunk.digest() for chunk in chunks), _DIGEST),
        "vectors": vectors,
    }
    strings = {name: [getattr(row, name) for row in rows] for name in _NOTE_STRINGS}
    if with_text:
        strings["text"] = [rows[chunk.row].text[chunk.start : chunk.end] for chunk in chunks]
    for name, values in strings.items():
        columns[name] = np.frombuffer(json.dumps(values).encode(), np.uint8)
    np.savez(file, **columns)


_NOTE_STRINGS = ("note_id", "patient", "category")


def _read_part(path: str, *names: str) -> list:
    """Columns of a part; strings as lists of them."""
    with np.load(path, allow_pickle=False) as part:
        return [
            json.loads(part[name].tobytes()) if name in (*_NOTE_STRINGS, "text") else part[name]
            for name in names
        ]


def write_index(
    folder: str,
    parts: list[str],
    size: int,
    with_text: bool,
    described: dict,
    build_approximate: Callable[[np.ndarray, str], None] | None,
) -> dict:
    """Writes an index's files from the parts of a run; index.json last.

    Args:
        folder: an empty folder.
        parts: paths of the parts, in order.
        size: numbers per vector.
        with_text: whether the chunks' text is kept.
        described: what index.json holds besides the counts.
        build_approximate: vectors and a path -> writes their approximate index; None for none.

    Returns:
        What index.json holds.
    """
    digests = np.concatenate([_read_part(path, "digest")[0] for path in parts])
    _, first, places = np.unique(digests, return_index=True, return_inverse=True)
    # Vectors stand in the order in which their texts first came.
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    _write_vectors(os.path.join(folder, VECTORS_NAME), parts, np.sort(first), size)
    counts = _write_notes(folder, parts, rank[places.ravel()])
    if with_text:
        write_strings(folder, "chunk_texts", _strings(parts, "text"))
    if build_approximate:
        vectors = np.load(os.path.join(folder, VECTORS_NAME), mmap_mode="r")
        build_approximate(vectors, os.path.join(folder, APPROXIMATE_NAME))
    content = {"format": FORMAT, **described, **counts, "vectors": len(first), "size": size}
    write_private(os.path.join(folder, INDEX_NAME), json.dumps(content, indent=1) + "\n")
    return content


def _strings(parts: Iterable[str], name: str) -> Iterator[str]:
    for path in parts:
        yield from _read_part(path, name)[0]


def _write_vectors(path: str, parts: list[str], chosen: np.ndarray, size: int) -> None:
    """Writes the vectors of the chunks `chosen` (ascending), a part at a time."""
    with open_private(path) as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (len(chosen), size)}
        np.lib.format.write_array_header_1_0(file, header)
        before = 0
        for part in parts:
            (vectors,) = _read_part(part, "vectors")
            start, end = np.searchsorted(chosen, [before, before + len(vectors)])
            file.write(vectors[chosen[start:end] - before].astype("<f4").tobytes())
            before += len(vectors)


def _write_notes(folder: str, parts: list[str], vector_of_chunk: np.ndarray) -> dict:
    """Writes notes and chunks; returns their numbers."""
    tables: dict[str, dict[str, int]] = {"patient": {}, "category": {}}
    of_note: dict[str, list[np.ndarray]] = {name: [] for name in tables}
    of_chunk: dict[str, list[np.ndarray]] = {name: [] for name in CHUNK_COLUMNS[:3]}
    kept, read = 0, 0

    def note_ids() -> Iterator[str]:
        nonlocal kept, read
        for path in parts:
            names = ("chunk_row", "start", "end", *_NOTE_STRINGS)
            rows, start, end, ids, *others = _read_part(path, *names)
            filled = np.unique(rows)
            of_chunk["note"].append(kept + np.searchsorted(filled, rows))
            of_chunk["start"].append(start)
            of_chunk["end"].append(end)
            for (name, table), values in zip(tables.items(), others, strict=True):
                codes = [table.setdefault(values[row], len(table)) for row in filled]
                of_note[name].append(np.array(codes, np.int64))
            read += len(ids)
            kept += len(filled)
            yield from (ids[row] for row in filled)

    write_strings(folder, "notes", note_ids())
    for name, table in tables.items():
        write_strings(folder, {"patient": "patients", "category": "categories"}[name], table)
        _write_array(folder, f"note_{name}", np.concatenate(of_note[name]))
    for name, columns in of_chunk.items():
        _write_array(folder, f"chunk_{name}", np.concatenate(columns))
    _write_array(folder, "chunk_vector", vector_of_chunk)
    write_chunks_of_vectors(folder, vector_of_chunk)
    return {"notes": kept, "empty_notes": read - kept, "chunks": len(vector_of_chunk)}


def write_chunks_of_vectors(folder: str, vector_of_chunk: np.ndarray) -> None:
    """Writes which chunks each vector stands for: vector_chunks.npy up to vector_ends.npy."""
    _write_array(folder, "vector_chunks", np.argsort(vector_of_chunk, kind="stable"))
    _write_array(folder, "vector_ends", np.cumsum(np.bincount(vector_of_chunk)))


def _write_array(folder: str, name: str, values: np.ndarray) -> None:
    with open_private(os.path.join(folder, f"{name}.npy")) as file:
        np.save(file, values)


def read_index(folder: str) -> dict:
    """What index.json holds.

    Raises:
        FileNotFoundError: there is no index.
        ValueError: it is of another format.
    """
    path = os.path.join(folder, INDEX_NAME)
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"Expected an index of notes in {folder}, found no {INDEX_NAME} there. Make one: "
            "python -m clinicalbert_tf.search index --input_file=NOTES --index_dir="
            f"{folder} --init_checkpoint=CHECKPOINT."
        ) from None
    if content.get("format") != FORMAT:
        raise ValueError(
            f"Expected an index of format {FORMAT} in {path}, received {content.get('format')}. "
            "Make the index again."
        )
    return content
