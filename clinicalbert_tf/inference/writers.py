"""Parts of an extraction, and the output that they become.

A part of vectors is an NPZ file of the columns below; a part of token features is text. The output
is written from the parts one at a time, so memory does not grow with it.

columns (one entry a row): note_id, category (text), sentence (number in the note, -1 for a whole
note), tokens, windows (see inference.vectors), vector (float32 [size]).
"""

import contextlib
import gzip
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import numpy as np

from clinicalbert_tf.inference.vectors import Vectors
from clinicalbert_tf.texts.batches import Block
from tfrecords_builder.files import open_private

_TEXT_COLUMNS = ("note_id", "category")
_NUMBER_COLUMNS = ("sentence", "tokens", "windows")
COLUMNS = (*_TEXT_COLUMNS, *_NUMBER_COLUMNS, "vector")
_SHOWN_CHARACTERS = 120


def write_vector_part(
    file: BinaryIO, block: Block, vectors: Vectors, with_text: bool = False
) -> None:
    """Writes one block's vectors as a part.

    Args:
        file: the part.
        block: its rows.
        vectors: their vectors.
        with_text: whether the beginning of each text goes into the part too.
    """
    columns = {
        "note_id": np.array([row.note_id for row in block.rows], str),
        "category": np.array([row.category for row in block.rows], str),
        "sentence": np.array([row.sentence for row in block.rows], np.int64),
        "tokens": vectors.tokens,
        "windows": vectors.windows,
        "vector": vectors.values,
    }
    if with_text:
        columns["text"] = np.array([row.text[:_SHOWN_CHARACTERS] for row in block.rows], str)
    np.savez(file, **columns)


def write_line_part(file: BinaryIO, lines: Iterable[str]) -> None:
    """Writes one block's JSON lines as a part."""
    for line in lines:
        file.write(line.encode("utf-8") + b"\n")


def read_vector_part(path: str) -> dict[str, np.ndarray]:
    """The columns of a part."""
    with np.load(path, allow_pickle=False) as part:
        return dict(part)


def write_output(output_format: str, path: str, parts: list[str], size: int) -> None:
    """Writes the complete output from its parts, in one rename.

    Args:
        output_format: "jsonl", "parquet", "npz" or "tfrecord".
        path: the output; gzipped where it ends in `.gz` ("jsonl", "tfrecord").
        parts: paths of the parts.
        size: numbers a vector.

    Raises:
        ImportError: Parquet without pyarrow.
    """
    _WRITERS[output_format](path, parts, size)


def check_writable(output_format: str) -> None:
    """Checks before the work that the output's format can be written.

    Raises:
        ImportError: Parquet without pyarrow.
    """
    if output_format == "parquet":
        _import_parquet()


def _write_lines(path: str, parts: list[str], size: int) -> None:
    del size
    with open_private(path) as file, _maybe_gzip(path, file) as target:
        for part in parts:
            with open(part, "rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)


def _write_npz(path: str, parts: list[str], size: int) -> None:
    columns = {name: [] for name in COLUMNS if name != "vector"}
    for part in map(read_vector_part, parts):
        for name, values in columns.items():
            values.append(part[name])
    rows = sum(map(len, columns["note_id"]))
    with open_private(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, values in columns.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.concatenate(values))
        with archive.open("vector.npy", "w", force_zip64=True) as member:
            header = {"descr": "<f4", "fortran_order": False, "shape": (rows, size)}
            np.lib.format.write_array_header_1_0(member, header)
            for part in map(read_vector_part, parts):
                member.write(part["vector"].astype("<f4").tobytes())


def _write_parquet(path: str, parts: list[str], size: int) -> None:
    pa, pq = _import_parquet()
    types = {name: pa.string() for name in _TEXT_COLUMNS}
    types |= {name: pa.int64() for name in _NUMBER_COLUMNS}
    types["vector"] = pa.list_(pa.float32(), size)
    schema = pa.schema(list(types.items()))
    with open_private(path) as file, pq.ParquetWriter(file, schema) as writer:
        for part in map(read_vector_part, parts):
            flat = pa.array(part["vector"].ravel())
            arrays = [pa.array(part[name], types[name]) for name in types if name != "vector"]
            arrays.append(pa.FixedSizeListArray.from_arrays(flat, size))
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _write_tfrecord(path: str, parts: list[str], size: int) -> None:
    import tensorflow as tf

    del size
    kind = "GZIP" if path.lower().endswith(".gz") else ""
    # The writer opens by path: open_private has made the file, so it keeps its mode.
    with open_private(path) as file, tf.io.TFRecordWriter(file.name, kind) as writer:
        for part in map(read_vector_part, parts):
            for example in _examples(part):
                writer.write(example)


def _examples(part: dict[str, np.ndarray]) -> Iterator[bytes]:
    import tensorflow as tf

    def feature(name: str, value):
        if name in _TEXT_COLUMNS:
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode("utf-8")]))
        if name in _NUMBER_COLUMNS:
            return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        return tf.train.Feature(float_list=tf.train.FloatList(value=value))

    for values in zip(*(part[name] for name in COLUMNS), strict=True):
        features = {n: feature(n, v) for n, v in zip(COLUMNS, values, strict=True)}
        yield tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _import_parquet():
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ImportError(
            "Expected the package pyarrow for Parquet, found none. Install the extra: pip install "
            "'clinicalbert_tf[parquet]', or choose --output_format=npz."
        ) from None
    return pyarrow, pyarrow.parquet


def _maybe_gzip(path: str, file: BinaryIO) -> contextlib.AbstractContextManager[BinaryIO]:
    if path.lower().endswith(".gz"):
        return gzip.GzipFile(fileobj=file, mode="wb", mtime=0)
    return contextlib.nullcontext(file)


_WRITERS: dict[str, Callable[[str, list[str], int], None]] = {
    "jsonl": _write_lines,
    "npz": _write_npz,
    "parquet": _write_parquet,
    "tfrecord": _write_tfrecord,
}
