"""Input flags -> files of records, what is in them and what made them."""

import dataclasses
import glob
import hashlib
import os

from clinicalbert_tf.input_pipeline import tfrecord_files
from clinicalbert_tf.input_pipeline.features import record_arrays
from tfrecords_builder import schema
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
    """

    paths: tuple[str, ...]
    gzipped: tuple[bool, ...]
    counts: tuple[int, ...]
    manifests: tuple[tuple[str, Manifest], ...]
    max_seq_length: int
    max_predictions_per_seq: int
    largest_id: int
    fingerprint: str

    @property
    def num_records(self) -> int:
        """Records of one epoch."""
        return sum(self.counts)


def find_records(
    patterns: str,
    max_seq_length: int | None = None,
    max_predictions_per_seq: int | None = None,
) -> RecordSource:
    """Finds the files that an input flag names and checks them without reading them all.

    Args:
        patterns: comma-separated files, globs and folders of records (with a manifest). Files in
            a folder whose manifest lists them are checked against it; others are plain TFRecord
            files as the reference writes them, and are counted.
        max_seq_length: tokens a record, or None to take it from the records.
        max_predictions_per_seq: predictions a record, or None to take it from the records.

    Raises:
        FileNotFoundError: a name matches nothing, or a folder has no manifest.
        CorruptRecordsError: a file is cut off, or not of the size that its manifest says.
        ValueError: lengths differ from those given or among the files, features are missing.
    """
    paths, manifests = _expand(patterns)
    listed = _listed_shards(manifests)
    counts, digests = [], []
    for path in paths:
        if path in listed:
            manifest_file, shard = listed[path]
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
    used = {listed[path][0] for path in paths if path in listed}
    manifests = tuple((file, manifest) for file, manifest in manifests if file in used)
    first = [path for path, count in zip(paths, counts, strict=True) if count]
    lengths, largest_id = _first_records(first)
    lengths = _check_lengths(lengths, manifests, max_seq_length, max_predictions_per_seq)
    return RecordSource(
        paths=tuple(paths),
        gzipped=tuple(tfrecord_files.is_gzip(path) for path in paths),
        counts=tuple(counts),
        manifests=manifests,
        max_seq_length=lengths[0],
        max_predictions_per_seq=lengths[1],
        largest_id=largest_id,
        fingerprint=hashlib.sha256("\n".join(digests).encode()).hexdigest(),
    )


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
    return {
        os.path.join(os.path.dirname(file), shard["file"]).removeprefix("./"): (file, shard)
        for file, manifest in manifests
        for shard in manifest.shards
    }


def _check_size(path: str, manifest_file: str, shard: dict) -> None:
    size = os.path.getsize(path) if os.path.exists(path) else None
    if size != shard["bytes"]:
        received = "it is not there" if size is None else f"it has {size}"
        raise tfrecord_files.CorruptRecordsError(
            f"{path}: expected {shard['bytes']} bytes by {manifest_file}, {received}. "
            "Copy the records again or rebuild them."
        )


def _first_records(paths: list[str]) -> tuple[dict[str, tuple[int, int]], int]:
    """(max_seq_length, max_predictions_per_seq) by file, and the largest wordpiece id seen."""
    lengths, largest = {}, 0
    for path in paths:
        try:
            arrays = record_arrays(tfrecord_files.first_record(path))
        except tfrecord_files.CorruptRecordsError:
            raise
        except ValueError as error:
            raise ValueError(
                f"{path}: expected pretraining records, its first record is {error}. "
                "Name files that create_pretraining_data wrote."
            ) from None
        missing = [name for name in schema.RECORD_FEATURES if name not in arrays]
        if missing:
            raise ValueError(
                f"{path}: expected the features {', '.join(schema.RECORD_FEATURES)}; its first "
                f"record lacks {', '.join(missing)}. Name files of pretraining records."
            )
        of_tokens = {len(arrays[name]) for name in schema.SEQUENCE_FEATURES}
        of_predictions = {len(arrays[name]) for name in schema.PREDICTION_FEATURES}
        if len(of_tokens) > 1 or len(of_predictions) > 1:
            raise ValueError(
                f"{path}: expected features of equal lengths, its first record has "
                f"{sorted(of_tokens)} tokens and {sorted(of_predictions)} predictions. Rebuild it."
            )
        lengths[path] = (of_tokens.pop(), of_predictions.pop())
        largest = max(largest, int(arrays["input_ids"].max()), int(arrays["masked_lm_ids"].max()))
    return lengths, largest


def _check_lengths(lengths, manifests, *given) -> tuple[int, int]:
    """The two lengths, after every place that states them has been compared."""
    names = ("max_seq_length", "max_predictions_per_seq")
    stated = [
        (f"in {file}", tuple(manifest.settings.get(name) for name in names))
        for file, manifest in manifests
    ] + [(f"in the first record of {path}", found) for path, found in lengths.items()]
    place, expected = stated[0]
    for position, name in enumerate(names):
        if given[position] is not None and given[position] != expected[position]:
            raise ValueError(
                f"{name} is {expected[position]} {place} but --{name}={given[position]}. "
                "Rebuild the records or drop the flag."
            )
        for other_place, other in stated[1:]:
            if other[position] != expected[position]:
                raise ValueError(
                    f"{name} is {expected[position]} {place} but {other[position]} "
                    f"{other_place}. Train on records that were built with one setting."
                )
    return expected
