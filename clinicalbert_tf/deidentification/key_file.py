"""The removed text of each note, on request, and the way back from the clean notes.

One JSON line per note: {"row", "note_id", "sha256" of the clean text, "replacements": [[start, end,
removed text]]}.
"""

import hashlib
import json
from collections.abc import Iterator

from clinicalbert_tf.deidentification.note import CleanNote
from clinicalbert_tf.deidentification.rows import (
    Keys,
    encode,
    format_of,
    header,
    read_rows,
    text_key,
)
from tfrecords_builder.files import open_private


def key_line(row: int, note_id: str, note: CleanNote) -> bytes:
    """Returns the key of one note; it holds private data."""
    entry = {
        "row": row,
        "note_id": note_id,
        "sha256": _digest(note.text),
        "replacements": [[r.start, r.end, r.original] for r in note.replacements],
    }
    return (json.dumps(entry) + "\n").encode()


def restore(clean: str, replacements: list) -> str:
    """Returns a note as it was.

    Args:
        clean: the clean text, unchanged.
        replacements: [start, end, removed text] in order of position.
    """
    pieces, position = [], 0
    for start, end, original in replacements:
        pieces += (clean[position:start], original)
        position = end
    return "".join((*pieces, clean[position:]))


def reidentify(path: str, key_path: str, output_path: str, keys: Keys) -> int:
    """Writes the original notes from clean ones and their key file.

    Args:
        path: the clean notes, rows in their order.
        key_path: the key file of the same run.
        output_path: a new file (0600) in the format of `path`.
        keys: which keys hold the text and the ids.

    Returns:
        The number of notes.

    Raises:
        ValueError: a clean text was changed, or the files have other numbers of rows; the row and
            note id are named.
    """
    kind = format_of(output_path)
    if kind != format_of(path) or output_path.endswith(".gz"):
        raise ValueError(
            f"Expected an output in the format of {path}, uncompressed, received {output_path}."
        )
    entries, count, name = _entries(key_path), 0, None
    with open_private(output_path) as file:
        for row in read_rows(path, keys):
            if name is None:
                name = text_key(keys, row.data, path)
                file.write(header(kind, list(row.data)))
            entry = next(entries, None)
            if entry is None or entry["row"] != row.number:
                raise ValueError(
                    f"{key_path}: expected a key of row {row.number} of {path}, received none. Use "
                    "the key file of the same run."
                )
            if row.text is not None:
                if _digest(row.text) != entry["sha256"]:
                    raise ValueError(
                        f"{path}, row {row.number}, note {row.note_id}: expected the clean text as "
                        "it was written, received a changed one."
                    )
                row.data[name] = restore(row.text, entry["replacements"])
            file.write(encode(kind, row.data))
            count += 1
        if next(entries, None) is not None:
            raise ValueError(f"{key_path}: expected {count} keys for {path}, received more.")
    return count


def _entries(path: str) -> Iterator[dict]:
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                entry = json.loads(line)
                yield {name: entry[name] for name in ("row", "sha256", "replacements")}
            except (json.JSONDecodeError, KeyError, TypeError):
                raise ValueError(f"{path}, line {number}: expected a key of a note.") from None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
