"""The steps of a build as any engine runs them: read, encode, build a shard, write the manifest.

Each is a thin shell around what the local runner calls. A step that finds several kinds of values
yields them as (kind, value) pairs in one stream: not every engine keeps several outputs apart
(Beam's on Dask does not). What was counted travels as values too, never as an engine's counters,
which count a repeated task twice.

Between the steps travel batches of notes and encoded documents; a worker holds one batch, or one
shard's documents on its local disk. Repeating a step gives the same values and the same files.
"""

import dataclasses
import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

from absl import logging

from tfrecords_builder import schema
from tfrecords_builder.building import documents, pipeline, shard_builder
from tfrecords_builder.building.document_encoder import Counts, DocumentEncoder
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.building.storage import spill
from tfrecords_builder.building.storage.build_folder import BuildFolder
from tfrecords_builder.notes import reading
from tfrecords_builder.notes.sources import remote_files
from tfrecords_builder.notes.sources.sentence_files import is_sentence_file
from tfrecords_builder.pairing.masking import SpecialIds

# The kinds of values. BATCH: (place, batch). DOCUMENT: (shard, row). The others go to the manifest.
BATCH, DOCUMENT = "batch", "document"
NOTE_COUNTS, COUNTS, INPUT, FAILED, BUILT = "note_counts", "counts", "input", "failed", "built"
Found = tuple[str, Any]

# An input's number, its path as it was named, and the path that a worker opens.
Input = tuple[int, str, str]
# An input's number and the batch's number in it: the order in which the local runner reads.
Place = tuple[int, int]
# A document's key, sentences, tokens and payload. The key is in 8 bytes, most significant first:
# Beam's integers have a sign.
Row = tuple[bytes, int, int, bytes]


def list_work(settings: BuilderSettings) -> list[list[Input]]:
    """Returns what one worker reads at a time: each input by itself.

    To find copies of earlier notes, one worker reads all inputs in their order.
    """
    inputs = [
        (number, path, os.path.abspath(path) if os.path.exists(path) else path)
        for number, path in enumerate(settings.input)
    ]
    return [inputs] if settings.deduplicate != "none" else [[one] for one in inputs]


def place_output(settings: BuilderSettings) -> BuilderSettings:
    """Returns the settings with the output folder's absolute path: a worker has its own folder."""
    if remote_files.is_remote(settings.output_dir):
        return settings
    return dataclasses.replace(settings, output_dir=os.path.abspath(settings.output_dir))


@dataclasses.dataclass(frozen=True)
class Reader:
    """Reads inputs into batches of documents.

    Attributes:
        settings: the build's settings.
        filters: which notes to leave out; their lists are read where the build is started.
    """

    settings: BuilderSettings
    filters: documents.NoteFilters

    @classmethod
    def of(cls, settings: BuilderSettings) -> "Reader":
        """Makes the reader of a build.

        Raises:
            OSError, ValueError: a list of what to leave out cannot be read.
        """
        return cls(settings, documents.NoteFilters.of(settings))

    def read(self, inputs: list[Input]) -> Iterator[Found]:
        """Reads several inputs one after the other; copies are found among these.

        Yields:
            BATCH, INPUT and at the end NOTE_COUNTS.

        Raises:
            OSError, ValueError: an input cannot be read to its end.
        """
        counts = reading.NoteCounts()
        deduplicator = documents.make_deduplicator(self.settings)
        for number, path, opened in inputs:
            with tempfile.TemporaryDirectory() as scratch:
                local = remote_files.fetch(opened, scratch)
                (described,) = pipeline.describe_inputs([local])
                if local != path:
                    described["path"] = path
                before = counts.read
                batches = documents.read_batches(
                    [local], self.filters, counts, deduplicator, number
                )
                for ordinal, batch in enumerate(batches):
                    yield BATCH, ((number, ordinal), batch)
                if not is_sentence_file(local, self.settings.text_files):
                    described["notes"] = counts.read - before
                yield INPUT, (number, described)
        if deduplicator:
            logging.info("%s", deduplicator.counts)
        yield NOTE_COUNTS, counts


def encode(encoder: DocumentEncoder, placed: tuple[Place, Any]) -> Iterator[Found]:
    """Encodes one batch.

    Args:
        encoder: the build's encoder.
        placed: the value of a BATCH.

    Yields:
        DOCUMENT, FAILED and at the end COUNTS.
    """
    place, batch = placed
    encoded, counts = encoder.encode(batch)
    for document in encoded:
        key = document.key.to_bytes(8, "big")
        row = (key, document.sentences, document.tokens, document.payload)
        yield DOCUMENT, (document.shard, row)
    for number, failed in enumerate(counts.failed):
        yield FAILED, ((*place, number), failed)
    yield COUNTS, dataclasses.replace(counts, failed=[])


def smallest_keys(placed: Iterable[tuple[int, Row]]) -> list[tuple[int, Row]]:
    """Returns the documents with the smallest keys, which lend random segments to small shards.

    Of parts of all documents, the smallest of their smallest are the smallest of all.

    Args:
        placed: documents with their shards, in any order.

    Returns:
        `spill.RESERVE_DOCUMENTS` of them, and those that share the last one's key.
    """
    most = spill.RESERVE_DOCUMENTS
    kept: list[tuple[int, Row]] = []
    limit = None
    for one in placed:
        if limit is not None and one[1][0] > limit:
            continue
        kept.append(one)
        if len(kept) >= 2 * most:
            kept, limit = _cut(kept, most)
    return _cut(kept, most)[0]


def _cut(placed: list[tuple[int, Row]], most: int) -> tuple[list[tuple[int, Row]], bytes | None]:
    if len(placed) <= most:
        return placed, None
    limit = heapq.nsmallest(most, (row[0] for _, row in placed))[-1]
    return [one for one in placed if one[1][0] <= limit], limit


@dataclasses.dataclass(frozen=True)
class ShardMaker:
    """Turns a shard's documents into its file of records in the output folder.

    Attributes:
        settings: the build's settings.
        special_ids: the ids of [CLS], [SEP] and [MASK].
        starts_word: bool [vocabulary], whether a wordpiece begins a word.
    """

    settings: BuilderSettings
    special_ids: SpecialIds
    starts_word: Any = dataclasses.field(repr=False)

    @classmethod
    def of(cls, settings: BuilderSettings, tokenizer: Any) -> "ShardMaker":
        """Makes the shard maker of a build from its `tokenization.BertTokenizer`."""
        return cls(settings, SpecialIds.of(tokenizer), tokenizer.starts_word)

    def make(
        self, shard: int, rows: Iterable[Row], reserve: list[tuple[int, Row]]
    ) -> dict[str, Any]:
        """Builds one shard on the local disk and moves it into place when it is complete.

        Args:
            shard: its number.
            rows: its documents, in any order.
            reserve: documents of all shards that lend random segments, with their shards.

        Returns:
            The shard's entry in the manifest.

        Raises:
            ValueError: there are fewer than two documents in the whole build.
        """
        if len(reserve) < 2:
            raise ValueError(
                f"Expected at least two notes with text in the inputs, received {len(reserve)}. "
                "Check --input and the filters."
            )
        with tempfile.TemporaryDirectory() as scratch:
            settings = dataclasses.replace(self.settings, output_dir=scratch)
            folder = BuildFolder(scratch)
            folder.empty_spill()
            writer = spill.SpillWriter(folder.spill_folder, settings.num_shards)
            for row in rows:
                writer.add(_document(shard, row))
            writer.flush()
            spill.write_reserve(folder.spill_folder, [_document(*placed) for placed in reserve])
            builder = shard_builder.ShardBuilder(
                settings, self.special_ids, self.starts_word, folder
            )
            built = builder.build(shard)
            target = remote_files.join(self.settings.output_dir, built["file"])
            remote_files.publish(os.path.join(scratch, built["file"]), target)
        return built


def _document(shard: int, row: Row) -> spill.EncodedDocument:
    key, sentences, tokens, payload = row
    return spill.EncodedDocument(shard, int.from_bytes(key, "big"), sentences, tokens, payload)


@dataclasses.dataclass(frozen=True)
class ManifestWriter:
    """Turns everything counted into the manifest, once every shard is in place.

    Attributes:
        output_dir: the folder of records.
        plan: as `pipeline.make_plan` returns it; its inputs are replaced by those that were read.
        vocabulary: the content of the vocabulary.
    """

    output_dir: str
    plan: dict[str, Any]
    vocabulary: bytes = dataclasses.field(repr=False)

    @classmethod
    def of(cls, settings: BuilderSettings, plan: dict[str, Any]) -> "ManifestWriter":
        """Makes the writer of a build; reads its vocabulary."""
        with open(settings.vocab_file, "rb") as file:
            return cls(settings.output_dir, plan, file.read())

    def write(self, found: Iterable[Found]) -> str:
        """Writes vocabulary and manifest.

        Args:
            found: all NOTE_COUNTS, COUNTS, INPUT, FAILED and BUILT of the build, in any order:
                each that needs one has its place in the local runner's order.

        Returns:
            The manifest's path.
        """
        note_counts, counts = reading.NoteCounts(), Counts()
        placed: dict[str, list[tuple[Any, Any]]] = {INPUT: [], FAILED: [], BUILT: []}
        for kind, value in found:
            if kind == NOTE_COUNTS:
                note_counts.add(value)
            elif kind == COUNTS:
                counts.add(value)
            else:
                placed[kind].append(value)
        note_counts.warn()
        counts.failed = _in_order(placed[FAILED])
        plan = self.plan | {"inputs": _in_order(placed[INPUT])}
        counted = pipeline.count_notes(note_counts, counts)
        manifest = pipeline.make_manifest(plan, counted, _in_order(placed[BUILT]))
        with tempfile.TemporaryDirectory() as scratch:
            vocabulary = os.path.join(scratch, schema.VOCABULARY_NAME)
            with open(vocabulary, "wb") as file:
                file.write(self.vocabulary)
            for local in (vocabulary, schema.write_manifest(scratch, manifest)):
                target = remote_files.join(self.output_dir, os.path.basename(local))
                remote_files.publish(local, target)
        return target


def _in_order(placed: list[tuple[Any, Any]]) -> list[Any]:
    return [value for _, value in sorted(placed, key=lambda pair: pair[0])]
