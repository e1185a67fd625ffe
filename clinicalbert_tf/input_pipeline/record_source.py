"""Input flags -> files of records, what is in them and what made them."""

import dataclasses
import glob
import hashlib
import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import tensorflow as tf

from clinicalbert_tf.input_pipeline.damage import find_damage
from clinicalbert_tf.input_pipeline.dynamic_masking import DynamicMasker
from clinicalbert_tf.input_pipeline.features import parse_features, parse_records
from clinicalbert_tf.input_pipeline.first_records import (
    check_kinds,
    check_lengths,
    first_records,
)
from clinicalbert_tf.input_pipeline.masking_rule import MaskingRule, find_masking_rule
from clinicalbert_tf.input_pipeline.order import GENERATOR, unconverted
from clinicalbert_tf.input_pipeline.source import Parser, rounded_up
from tfrecords_builder import schema, tfrecord_files
from tfrecords_builder.schema import Manifest

# Shards read side by side when shuffling, so that a window holds records of many notes.
_SHARDS_AT_ONCE = 16
# Predictions of a batch are padded to a multiple of this, so that there are few shapes.
_PREDICTIONS = 4
# Features by what their second dimension counts.
_OF_TOKENS = ("token_ids", "padding_mask", "segment_ids")
_OF_PREDICTIONS = ("mask_positions", "masked_lm_ids", "masked_lm_weights")


@dataclasses.dataclass(frozen=True)
class RecordSource:
    """Files of pretraining records, checked against their manifests or their first records.

    Attributes:
        paths: the files, in order.
        gzipped: whether each is gzip-compressed.
        counts: records in each.
        manifests: (manifest file, manifest) of every folder that has one.
        max_seq_length: tokens per record, padding included.
        max_predictions_per_seq: predictions per record, padding included.
        largest_id: the largest wordpiece id in the files' first records.
        largest_segment: the largest segment id in them.
        fingerprint: SHA-256 of the content, whatever the folder is called.
        masking: how the pipeline masks the records, or None if they are masked already.
        digests: what the fingerprint is made of: one text a file.
        left_out: damaged files that were asked for, with the records lost (None if unknown).
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
    largest_segment: int = 0

    length_names = ("tokens", "predictions")
    calls_python = False

    @property
    def num_records(self) -> int:
        """Records of one epoch."""
        return sum(self.counts)

    @property
    def num_examples(self) -> int:
        """Records of one epoch."""
        return self.num_records

    @property
    def predictions_in_records(self) -> int | None:
        """Predictions that a record itself holds, padding included; None if it is unmasked."""
        return None if self.masking else self.max_predictions_per_seq

    def rows(self, seed: tf.Tensor | None) -> tf.data.Dataset:
        """Serialized records, each once: in file order, or many files side by side."""
        files, compressions = tf.constant(self.paths), tf.constant(self._compressions())
        if seed is None:
            return tf.data.Dataset.from_tensor_slices((files, compressions)).flat_map(_read_shard)
        places = tf.random.experimental.stateless_shuffle(
            tf.range(len(self.paths)), seed=seed, alg=GENERATOR
        )
        shards = tf.data.Dataset.from_tensor_slices(
            (tf.gather(files, places), tf.gather(compressions, places))
        )
        return shards.interleave(_read_shard, cycle_length=min(_SHARDS_AT_ONCE, len(self.paths)))

    def evaluation_rows(self) -> tf.data.Dataset:
        """Serialized records in file order."""
        return self.rows(None)

    def evaluation_order(self) -> None:
        """Files are evaluated in their own order."""
        return None

    def parser(self, stream: str) -> Parser:
        """Parses records and, if they are unmasked, masks them by (stream, place)."""
        masker = None
        if self.masking is not None:
            masker = DynamicMasker(self.masking, self.max_seq_length, stream)

        def parse(records, position):
            features = parse_records(records, self.max_seq_length, self.predictions_in_records)
            return features if masker is None else masker.mask(features, position)

        return parse

    def lengths(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
        """Tokens and predictions of every record, int32 [records]; nothing else is parsed."""
        names = ["input_mask"] if self.masking else ["input_mask", "masked_lm_weights"]
        parsed = parse_features(rows, names, self.max_seq_length, self.max_predictions_per_seq)
        tokens = _up_to_last(parsed["input_mask"])
        if self.masking:
            limits = self.masking.limits(self.max_seq_length)
            return {"tokens": tokens, "predictions": tf.gather(limits, tokens)}
        return {"tokens": tokens, "predictions": _up_to_last(parsed["masked_lm_weights"])}

    def trim(
        self, features: dict[str, tf.Tensor], lengths: Mapping[str, tf.Tensor], multiple: int
    ) -> dict[str, tf.Tensor]:
        """Cuts features to [rows, length of the batch] and [rows, predictions of the batch]."""
        length = rounded_up(tf.reduce_max(lengths["tokens"]), multiple)
        columns = rounded_up(tf.maximum(tf.reduce_max(lengths["predictions"]), 1), _PREDICTIONS)
        cut = dict.fromkeys(_OF_TOKENS, length) | dict.fromkeys(_OF_PREDICTIONS, columns)
        # A slice ends where the tensor does.
        return features | {name: features[name][:, :end] for name, end in cut.items()}

    def describe(self) -> dict[str, Any]:
        """What run.json says of the files."""
        return {
            "files": list(self.paths),
            "counts": list(self.counts),
            "digests": list(self.digests),
            "num_records": self.num_records,
            "max_seq_length": self.max_seq_length,
            "max_predictions_per_seq": self.max_predictions_per_seq,
            "fingerprint": self.fingerprint,
            "masking": self.masking and dataclasses.asdict(self.masking),
            "left_out": [
                {"file": os.path.abspath(path), "records": count} for path, count in self.left_out
            ],
        }

    def find_damage(self) -> tfrecord_files.CorruptRecordsError | None:
        """Reads every file until one fails."""
        return find_damage(self)

    def _compressions(self) -> list[str]:
        return ["GZIP" if gzipped else "" for gzipped in self.gzipped]


@unconverted
def _read_shard(file, compression) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(file, compression_type=compression)


def _up_to_last(values: tf.Tensor) -> tf.Tensor:
    """How many values there are up to the last one that is not zero: int32 [rows]."""
    numbers = tf.range(1, values.shape[1] + 1)
    return tf.reduce_max(tf.where(values != 0, numbers, 0), axis=1)


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
        max_seq_length: tokens per record, or None to take it from the records.
        max_predictions_per_seq: predictions per record, or None to take it from the records.
        left_out: files to leave out unread, by their absolute paths.

    Raises:
        FileNotFoundError: a name matches nothing, or a folder has no manifest.
        CorruptRecordsError: a file is cut off, or not of the size that its manifest says.
        ValueError: lengths differ from those given or among the files, features are missing.
    """
    paths, manifests = _expand(patterns)
    listed = _listed_shards(manifests)
    paths, lost = _leave_out(paths, listed, left_out)
    counted = [_count_and_digest(path, listed) for path in paths]
    counts, digests = [count for count, _ in counted], [digest for _, digest in counted]
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
    lengths, largest_id, largest_segment = first_records(first)
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
        largest_segment=largest_segment,
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


def _count_and_digest(path: str, listed: Mapping[str, tuple[str, dict]]) -> tuple[int, str]:
    """How many records a file holds and what identifies it; by its manifest, if one lists it."""
    if (key := os.path.abspath(path)) not in listed:
        return tfrecord_files.count_records(path), schema.file_sha256(path)
    manifest_file, shard = listed[key]
    _check_size(path, manifest_file, shard)
    return shard["instances"], f"{shard['file']} of {schema.file_sha256(manifest_file)}"


def _check_size(path: str, manifest_file: str, shard: dict) -> None:
    size = os.path.getsize(path) if os.path.exists(path) else None
    if size != shard["bytes"]:
        received = "it is not there" if size is None else f"it has {size}"
        raise tfrecord_files.CorruptRecordsError(
            f"{path}: expected {shard['bytes']} bytes by {manifest_file}, {received}. "
            "Copy the records again or rebuild them.",
            path,
        )
