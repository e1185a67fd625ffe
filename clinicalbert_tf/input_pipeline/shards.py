"""Input flags -> files of records, what is in them and what made them."""

import dataclasses
import glob
import hashlib
import os
from collections.abc import Collection, Iterable

from clinicalbert_tf.input_pipeline.first_records import (
    check_kinds,
    check_lengths,
    first_records,
)
from clinicalbert_tf.input_pipeline.masking_rule import MaskingRule, find_masking_rule
from tfrecords_builder import schema, tfrecord_files
from tfrecords_builder.schema import Manifest


@dataclasses.dataclass(frozen=True)
class RecordSource:
    """Files of pretraining records, checked against their manifests or their first records.

    Attributes:
        paths: the files, in order.
        gzipped: whether each is gzip-compressed.
        counts: records in each.
        manifests: (manifest file, manifest) of every folder that has one.
        max_seq_length: tokens a record, padding included.
        max_predictions_per_seq: predictions a record, padding included.
        largest_id: the largest wordpiece id in the files' first records.
        fingerprint: SHA-256 of the content, whatever the folder is called.
        masking: how the pipeline masks the records, or None where they are masked already.
        digests: what the fingerprint is made of: one text a file.
        left_out: damaged files that were asked for, with the records lost (None where unknown).
    """

    paths: tuple[str, ...]
    gzipped: tuple[bool, ...]
    counts: tuple[int, ...]
    manifests: tuple[tuple[str, Manifest], ...]
    max_seq_length: int
    max_predictions_per_seq: int
    largest_id: int
    fingerprint: str
    masking: MaskingRule | None = None
    digests: tuple[str, ...] = ()
    left_out: tuple[tuple[str, int | None], ...] = ()

    @property
    def num_records(self) -> int:
        """Records of one epoch."""
        return sum(self.counts)

    @property
    def predictions_in_records(self) -> int | None:
        """Predictions that a record itself holds, padding included; None where it is unmasked."""
        return None if self.masking else self.max_predictions_per_seq


def find_records(
    patterns: str,
    max_seq_length: int | None = None,
    max_predictions_per_seq: int | None = None,
    left_out: Collection[str] = (),
) -> RecordSource:
    """Finds the files that an input flag names and checks them without reading them all.

    Args:
        patterns: comma-separated files, globs and folders of records (with a manifest). Files in
            a folder whose manifest lists them are checked against it; others are plain TFRecord
            files as the reference writes them, and are counted.
        max_seq_length: tokens a record, or None to take it from the records.
        max_predictions_per_seq: predictions a record, or None to take it from the records.
        left_out: files to leave out unread, by their absolute paths.

    Raises:
        FileNotFoundError: a name matches nothing, or a folder has no manifest.
        CorruptRecordsError: a file is cut off, or not of the size that its manifest says.
        ValueError: lengths differ from those given or among the files, features are missing.
    """
    paths, manifests = _expand(patterns)
    listed = _listed_shards(manifests)
    paths, lost = _leave_out(paths, listed, left_out)
    counts, digests = [], []
    for path in paths:
        if (key := os.path.abspath(path)) in listed:
            manifest_file, shard = listed[key]
            _check_size(path, manifest_file, shard)
            counts.append(shard["instances"])
            digests.append(f"{shard['file']} of {schema.file_sha256(manifest_file)}")
        else:
            counts.append(tfrecord_files.count_records(path))
            digests.append(schema.file_sha256(path))
    if not sum(counts):
        raise ValueError(
            f"Expected records in {patterns}, its {len(paths)} files hold none. Build records "
            "from more text or name other files."
        )
    manifest_files = {
        path: listed[key][0] for path in paths if (key := os.path.abspath(path)) in listed
    }
    manifests = tuple(row for row in manifests if row[0] in manifest_files.values())
    first = [path for path, count in zip(paths, counts, strict=True) if count]
    lengths, largest_id = first_records(first)
    lengths = check_kinds(lengths, manifest_files, manifests)
    lengths = check_lengths(lengths, manifests, max_seq_length, max_predictions_per_seq)
    return RecordSource(
        paths=tuple(paths),
        gzipped=tuple(tfrecord_files.is_gzip(path) for path in paths),
        counts=tuple(counts),
        manifests=manifests,
        max_seq_length=lengths[0],
        max_predictions_per_seq=lengths[1],
        largest_id=largest_id,
        fingerprint=fingerprint_of(digests),
        masking=find_masking_rule(manifests),
        digests=tuple(digests),
        left_out=lost,
    )


def fingerprint_of(digests: Iterable[str]) -> str:
    """A source's fingerprint from its files' digests."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _leave_out(paths, listed, left_out) -> tuple[list[str], tuple[tuple[str, int | None], ...]]:
    """The files to read, and those left out with the records that they held."""
    kept, lost = [], []
    for path in paths:
        if (key := os.path.abspath(path)) in left_out:
            lost.append((path, listed[key][1]["instances"] if key in listed else None))
        else:
            kept.append(path)
    return kept, tuple(lost)


def _expand(patterns: str) -> tuple[list[str], list[tuple[str, Manifest]]]:
    """Files in order, and the manifests of their folders."""
    paths = []
    for pattern in filter(None, (part.strip() for part in patterns.split(","))):
        if os.path.isdir(pattern):
            paths += _files_of_folder(pattern)
            continue
        found = sorted(path for path in glob.glob(pattern) if os.path.isfile(path))
        if not found:
            raise FileNotFoundError(
                f"Expected files of records at {pattern}, found none. Check the path; "
                "`python -m tfrecords_builder` builds records from notes."
            )
        paths += found
    if not paths:
        raise ValueError("Expected the name of a file or folder of records, received none.")
    folders = dict.fromkeys(os.path.dirname(path) or "." for path in paths)
    found = [(os.path.join(f, schema.MANIFEST_NAME), schema.read_manifest(f)) for f in folders]
    return paths, [(file, manifest) for file, manifest in found if manifest is not None]


def _files_of_folder(folder: str) -> list[str]:
    manifest = schema.read_manifest(folder)
    if manifest is None:
        raise FileNotFoundError(
            f"Expected {os.path.join(folder, schema.MANIFEST_NAME)}, which the builder writes "
            "last, found none: the folder is unfinished or holds plain files. Finish building it, "
            f"or name the files themselves ({os.path.join(folder, '*.tfrecord')})."
        )
    return [os.path.join(folder, shard["file"]) for shard in manifest.shards]


def _listed_shards(manifests) -> dict[str, tuple[str, dict]]:
    """(manifest file, shard) by the shard's absolute path: however the folder was written."""
    return {
        os.path.abspath(os.path.join(os.path.dirname(file), shard["file"])): (file, shard)
        for file, manifest in manifests
        for shard in manifest.shards
    }


def _check_size(path: str, manifest_file: str, shard: dict) -> None:
    size = os.path.getsize(path) if os.path.exists(path) else None
    if size != shard["bytes"]:
        received = "it is not there" if size is None else f"it has {size}"
        raise tfrecord_files.CorruptRecordsError(
            f"{path}: expected {shard['bytes']} bytes by {manifest_file}, {received}. "
            "Copy the records again or rebuild them.",
            path,
        )
