"""Looks through a set of records and compares what they hold with what their manifest says.

Only counts leave this module, except by `instance_lines`, which shows protected text.
"""

import dataclasses
import os
from collections.abc import Iterator, Sequence

import numpy as np
import tqdm

from tfrecords_builder import schema, tfrecord_files, tokenization
from tfrecords_builder.building import doubts
from tfrecords_builder.building.running.workers import Workers
from tfrecords_builder.building.settings import usable_cores
from tfrecords_builder.building.storage import wire
from tfrecords_builder.building.storage.build_folder import UNFINISHED
from tfrecords_builder.inspection import record_statistics
from tfrecords_builder.inspection.record_statistics import RecordStatistics
from tfrecords_builder.notes.sources import input_files

# Starting processes takes about as long as counting this many bytes.
BYTES_A_WORKER = 64 << 20


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        statistics: the counts.
        manifest: what the folder says of itself, or None for plain files.
        vocabulary: {wordpiece: id}, or None if there is none.
        disagreements: where records, manifest, vocabulary and the format's rules differ.
    """

    statistics: RecordStatistics
    manifest: schema.Manifest | None
    vocabulary: dict[str, int] | None = dataclasses.field(repr=False)
    disagreements: list[str]

    def rows(self) -> list[tuple[str, str]]:
        """Names and values of the summary, formatted."""
        found = self.statistics
        rows = [
            ("files", f"{len(found.files):,}"),
            ("instances", f"{found.instances:,}"),
            ("tokens, [CLS] and [SEP] included", f"{found.tokens:,}"),
            ("max_seq_length", f"{found.max_seq_length}"),
            ("tokens per instance, mean", f"{found.tokens / max(1, found.instances):.1f}"),
            ("padding, % of the positions", f"{100 * found.padding_share:.2f}"),
            ("random next, % of the instances", f"{100 * found.random_next_share:.2f}"),
        ]
        return rows + self._masking_rows() + self._vocabulary_rows()

    def _masking_rows(self) -> list[tuple[str, str]]:
        found = self.statistics
        if found.max_predictions_per_seq is None:
            return [("masking", "dynamic (by the input pipeline)")]
        mean = found.predicted / max(1, found.instances)
        shares = found.masking_shares(self.mask_id)
        named = "" if self.vocabulary else f" (taken to be id {found.likely_mask_id()})"
        return [
            ("max_predictions_per_seq", f"{found.max_predictions_per_seq}"),
            ("predictions per instance, mean", f"{mean:.2f}"),
            ("predicted, % of the tokens", f"{100 * found.masked_share:.2f}"),
            (f"  [MASK]{named}, % of the predictions", f"{100 * shares[0]:.2f}"),
            ("  random wordpiece, % of the predictions", f"{100 * shares[1]:.2f}"),
            ("  kept, % of the predictions", f"{100 * shares[2]:.2f}"),
        ]

    def warnings(self) -> list[str]:
        """What to look at before training on the records."""
        found = self.statistics
        random = round(found.random_next_share * found.instances)
        return [
            *doubts.unknown_tokens(self._unknown(), found.tokens),
            *doubts.random_next(random, found.instances),
        ]

    def _unknown(self) -> int:
        """Tokens that are [UNK]; 0 without a vocabulary."""
        counts = self.statistics.wordpieces
        unknown_id = self.vocabulary[tokenization.UNK] if self.vocabulary else len(counts)
        return int(counts[unknown_id]) if unknown_id < len(counts) else 0

    def _vocabulary_rows(self) -> list[tuple[str, str]]:
        used = int(np.count_nonzero(self.statistics.wordpieces))
        if not self.vocabulary:
            return [("wordpieces used", f"{used:,}")]
        unknown = self._unknown()
        return [
            ("wordpieces used", f"{used:,} of {len(self.vocabulary):,}"),
            ("[UNK], % of the tokens", f"{100 * unknown / max(1, self.statistics.tokens):.3f}"),
        ]

    @property
    def mask_id(self) -> int | None:
        """The id of [MASK], or None without a vocabulary."""
        return self.vocabulary[tokenization.MASK] if self.vocabulary else None


class _FileCounter:
    """The state of a worker process."""

    def count(self, path: str) -> RecordStatistics | None:
        return record_statistics.count_file(path)


def inspect_records(
    patterns: Sequence[str], vocab_file: str | None = None, num_workers: int = 0
) -> Inspection:
    """Counts records and compares them with their manifest.

    Args:
        patterns: one folder of records, or TFRecord files and globs.
        vocab_file: the vocabulary; by default the folder's own, if any.
        num_workers: processes at most; 0 takes as many as there are cores.

    Raises:
        FileNotFoundError: there are no records.
        ValueError: a file is damaged (names file and record), its records are no pretraining
            records, or the manifest or the vocabulary cannot be read.
    """
    folder = patterns[0] if len(patterns) == 1 and os.path.isdir(patterns[0]) else None
    manifest = schema.read_manifest(folder) if folder else None
    paths = find_files(patterns)
    if folder and not vocab_file:
        own = os.path.join(folder, schema.VOCABULARY_NAME)
        vocab_file = own if os.path.exists(own) else None
    vocabulary = tokenization.load_vocabulary(vocab_file) if vocab_file else None
    statistics = _count(paths, num_workers)
    disagreements = _broken_rules(statistics, vocabulary)
    if folder and manifest is None and os.path.exists(os.path.join(folder, UNFINISHED)):
        disagreements.append(f"{folder} holds an unfinished build: no {schema.MANIFEST_NAME}")
    if manifest is not None:
        disagreements += compare(statistics, manifest, folder)
        disagreements += _compare_vocabulary(manifest, vocab_file, vocabulary)
    return Inspection(statistics, manifest, vocabulary, disagreements)


def find_files(patterns: Sequence[str]) -> list[str]:
    """The TFRecord files of a folder, or of paths and globs.

    Raises:
        FileNotFoundError: there are none.
    """
    if len(patterns) != 1 or not os.path.isdir(patterns[0]):
        return input_files.find(patterns)
    folder = patterns[0]
    names = sorted(os.listdir(folder))
    found = [name for name in names if name.endswith((".tfrecord", ".tfrecord.gz"))]
    if not found:
        raise FileNotFoundError(
            f"Expected .tfrecord or .tfrecord.gz files in {folder}, received none of them among "
            f"{len(names)} names. Give the folder that `python -m tfrecords_builder` wrote."
        )
    return [os.path.join(folder, name) for name in found]


def _count(paths: list[str], num_workers: int) -> RecordStatistics:
    """Counts every file, each in one of several processes if there is much to count."""
    size = sum(map(os.path.getsize, paths))
    most = num_workers or usable_cores()
    count = max(1, min(most, len(paths), size // BYTES_A_WORKER))
    total, empty = None, []
    with Workers(count, _FileCounter) as workers:
        counted = workers.map("count", paths)
        for path, statistics in tqdm.tqdm(
            zip(paths, counted, strict=True), "counting", len(paths), unit=" files", disable=None
        ):
            if statistics is None:
                empty.append(path)
            elif total is None:
                total = statistics
            else:
                total.add(statistics)
    if total is None:
        raise ValueError(
            f"Expected records in {len(paths)} files ({paths[0]}, ...), received none. "
            "Build them again, from input that holds notes."
        )
    total.files |= dict.fromkeys(empty, 0)
    return total


def _broken_rules(statistics: RecordStatistics, vocabulary: dict[str, int] | None) -> list[str]:
    found = [
        f"Expected that {rule}; received {count:,} instances where this is not so, first {first}"
        for rule, (count, first) in statistics.broken_rules.items()
    ]
    if vocabulary and len(statistics.wordpieces) > (size := max(vocabulary.values()) + 1):
        largest = len(statistics.wordpieces) - 1
        found.append(f"Expected ids below the vocabulary's {size}, received ids up to {largest}")
    return found


def compare(statistics: RecordStatistics, manifest: schema.Manifest, folder: str) -> list[str]:
    """Where counts and shapes differ from the manifest's, a sentence each."""
    settings = manifest.settings
    masked = settings.get("masking") != "dynamic"
    predictions = settings.get("max_predictions_per_seq") if masked else None
    pairs = [
        ("max_seq_length", settings.get("max_seq_length"), statistics.max_seq_length),
        ("max_predictions_per_seq", predictions, statistics.max_predictions_per_seq),
        ("instances", manifest.counts.get("instances"), statistics.instances),
    ]
    held = {os.path.basename(path): (path, n) for path, n in statistics.files.items()}
    listed = {shard["file"]: shard for shard in manifest.shards}
    for file, shard in listed.items():
        if file in held:
            path, instances = held[file]
            pairs.append((f"instances of {file}", shard["instances"], instances))
            pairs.append((f"bytes of {file}", shard["bytes"], os.path.getsize(path)))
    place = f"in {os.path.join(folder, schema.MANIFEST_NAME)}"
    return (
        [
            f"Expected {name} {a} {place}, received {b} in the records"
            for name, a, b in pairs
            if a != b
        ]
        + [f"Expected {file} {place}, received no such file" for file in listed.keys() - held]
        + [f"Expected no {file} {place}, received such a file" for file in held.keys() - listed]
    )


def _compare_vocabulary(
    manifest: schema.Manifest, vocab_file: str | None, vocabulary: dict[str, int] | None
) -> list[str]:
    if not vocab_file or not vocabulary:
        return []
    pairs = [
        ("sha256", manifest.vocabulary.get("sha256"), schema.file_sha256(vocab_file)),
        ("size", manifest.vocabulary.get("size"), max(vocabulary.values()) + 1),
    ]
    return [
        f"Expected the vocabulary's {name} {a} in {schema.MANIFEST_NAME}, received {b} of "
        f"{vocab_file}"
        for name, a, b in pairs
        if a != b
    ]


def instance_lines(paths: Sequence[str], vocabulary: dict[str, int], count: int) -> Iterator[str]:
    """The first instances as text: PROTECTED. A predicted wordpiece reads {original>shown}.

    Args:
        paths: TFRecord files.
        vocabulary: {wordpiece: id}.
        count: how many instances.
    """
    wordpieces = {row: token for token, row in vocabulary.items()}
    for path in paths:
        for number, example in enumerate(tfrecord_files.read_records(path)):
            if count == 0:
                return
            count -= 1
            yield from _instance_lines(f"{path}, record {number}", example, wordpieces)


def _instance_lines(place: str, example: bytes, wordpieces: dict[int, str]) -> Iterator[str]:
    features = wire.decode_example(example)
    length = int(features["input_mask"].sum())
    tokens = [wordpieces.get(int(i), f"<id {i}>") for i in features["input_ids"][:length]]
    predicted = np.flatnonzero(features.get("masked_lm_weights", np.zeros(0)))
    for i in predicted:
        position, original = features["masked_lm_positions"][i], features["masked_lm_ids"][i]
        tokens[position] = f"{{{wordpieces.get(int(original))}>{tokens[position]}}}"
    label = "random" if features["next_sentence_labels"][0] else "next"
    yield f"{place}: {length} tokens, {len(predicted)} predictions, B is {label}"
    yield "  " + " ".join(tokens)
