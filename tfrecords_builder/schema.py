"""What the builder's steps hand to each other and to the trainer.

A change here is a change of contract: notes in, pretraining records and their manifest out.
"""

import dataclasses
import hashlib
import json
import os
from typing import Any

from tfrecords_builder import files

MANIFEST_NAME = "manifest.json"
VOCABULARY_NAME = "vocab.txt"
FORMAT_VERSION = 1

# The record's features in the reference's order of writing (create_pretraining_data.py).
# Every one is fixed length: max_seq_length, max_predictions_per_seq, or 1.
SEQUENCE_FEATURES = ("input_ids", "input_mask", "segment_ids")
PREDICTION_FEATURES = ("masked_lm_positions", "masked_lm_ids", "masked_lm_weights")
LABEL_FEATURES = ("next_sentence_labels",)
FLOAT_FEATURES = ("masked_lm_weights",)
RECORD_FEATURES = SEQUENCE_FEATURES + PREDICTION_FEATURES + LABEL_FEATURES


@dataclasses.dataclass(frozen=True)
class Note:
    """One clinical note.

    Attributes:
        note_id: the source's row or note identifier; safe to log, unlike `text`.
        category: the kind of note, stripped ("Discharge summary").
        text: the note itself; protected health information.
        subject_id: the patient, or None if the source does not say.
        hadm_id: the hospital admission, or None if the source does not say.
    """

    note_id: str
    category: str
    text: str = dataclasses.field(repr=False)
    subject_id: str | None = None
    hadm_id: str | None = None


@dataclasses.dataclass
class Manifest:
    """What made a folder of records; written last, so that a folder without one is unfinished.

    Attributes:
        settings: every builder setting that shapes a record (max_seq_length,
            max_predictions_per_seq, do_lower_case, do_whole_word_mask, masked_lm_prob,
            short_seq_prob, dupe_factor, random_seed, sections, masking, compression, ...).
        vocabulary: {"sha256": ..., "size": rows}.
        inputs: one {"path", "bytes", "sha256", "notes"} an input: a file, a folder or a database;
            bytes and sha256 are None for a database, which has "query_sha256" instead, and a file
            of sentences has no "notes", which are those read before any was left out.
        counts: notes (read, written, empty, filtered by reason, failed), sections, sentences,
            instances, tokens, characters read and kept (without white space and rulers).
        shards: one {"file", "instances", "bytes"} a shard, in order.
        failed_notes: one {"note_id", "reason"} a note that could not be used; never its text.
        warnings: what to look at before training: sentences, see `building.doubts`.
        package_version: the version of this package that wrote the records.
        format_version: the layout of this file.
    """

    settings: dict[str, Any]
    vocabulary: dict[str, Any]
    inputs: list[dict[str, Any]]
    counts: dict[str, Any]
    shards: list[dict[str, Any]]
    failed_notes: list[dict[str, str]] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)
    package_version: str = ""
    format_version: int = FORMAT_VERSION


def write_manifest(output_dir: str, manifest: Manifest) -> str:
    """Writes `manifest.json` into `output_dir` in one rename and returns its path."""
    path = os.path.join(output_dir, MANIFEST_NAME)
    text = json.dumps(dataclasses.asdict(manifest), indent=1, sort_keys=True)
    with files.open_private(path) as file:
        file.write(f"{text}\n".encode())
    return path


def read_manifest(records_dir: str) -> Manifest | None:
    """Reads the manifest of a folder of records.

    Args:
        records_dir: a folder.

    Returns:
        The manifest, or None if the folder has none (plain TFRecord files).

    Raises:
        ValueError: the file is not JSON, lacks keys, has unknown ones or another format version.
    """
    path = os.path.join(records_dir, MANIFEST_NAME)
    if not os.path.exists(path):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            fields = json.load(file)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} is not readable JSON ({error.__class__.__name__}). Rebuild the records."
        ) from None
    known = {field.name for field in dataclasses.fields(Manifest)}
    required = known - {"failed_notes", "package_version", "warnings"}
    if not isinstance(fields, dict) or set(fields) - known or required - set(fields):
        found = sorted(fields) if isinstance(fields, dict) else type(fields).__name__
        raise ValueError(f"{path}: expected the keys {sorted(known)}, received {found}.")
    if fields["format_version"] != FORMAT_VERSION:
        raise ValueError(
            f"{path} has format_version {fields['format_version']}, this package reads "
            f"{FORMAT_VERSION}. Rebuild the records or install the version that wrote them."
        )
    return Manifest(**fields)


def file_sha256(path: str) -> str:
    """The SHA-256 of a file, in hexadecimal, read in blocks of 1 MiB."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
