"""The stage's steps as Apache Beam sees them: read, encode, build a shard, write the manifest.

Each is a thin shell around what the local runner calls. Between the steps go batches of notes and
encoded documents; a worker holds one batch, or one shard's documents on its local disk.
"""

import dataclasses
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from absl import logging
from apache_beam.pvalue import TaggedOutput

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

COUNTS, INPUTS, FAILED = "counts", "inputs", "failed"

# An input's number and its path.
Input = tuple[int, str]
# An input's number and the batch's number in it: the order in which the local runner reads.
Place = tuple[int, int]
# A document's key, sentences, tokens and payload; None only says that there is such a shard. The
# key is in 8 bytes, most significant first: Beam's integers have a sign.
Row = tuple[bytes, int, int, bytes] | None


class Read(beam.DoFn):
    """Inputs to batches of documents, with what was left out on the side.

    Args:
        settings: the build's settings.
    """

    def __init__(self, settings: BuilderSettings):
        self._settings = settings
        # Their lists are read here, where the pipeline is made, and travel to the workers.
        self._filters = documents.NoteFilters.of(settings)

    def process(self, inputs: list[Input]) -> Iterator[tuple[Place, Any]]:
        """Reads several inputs one after the other; copies are found among these."""
        counts = reading.NoteCounts()
        deduplicator = documents.make_deduplicator(self._settings)
        for number, path in inputs:
            with tempfile.TemporaryDirectory() as scratch:
                local = remote_files.fetch(path, scratch)
                (described,) = pipeline.describe_inputs([local])
                if local != path:
                    described["path"] = path
                before = counts.read
                batches = documents.read_batches(
                    [local], self._filters, counts, deduplicator, number
                )
                for ordinal, batch in enumerate(batches):
                    yield (number, ordinal), batch
                if not is_sentence_file(local):
                    described["notes"] = counts.read - before
                yield TaggedOutput(INPUTS, (number, described))
        if deduplicator:
            logging.info("%s", deduplicator.counts)
        yield TaggedOutput(COUNTS, counts)


class Encode(beam.DoFn):
    """Batches to documents by shard, with what was counted on the side.

    Args:
        settings: the build's settings.
        tokenizer: a `tokenization.BertTokenizer`.
    """

    def __init__(self, settings: BuilderSettings, tokenizer: Any):
        self._encoder = DocumentEncoder(settings, tokenizer)

    def process(self, placed: tuple[Place, Any]) -> Iterator[tuple[int, Row]]:
        """Encodes one batch."""
        place, batch = placed
        encoded, counts = self._encoder.encode(batch)
        for document in encoded:
            key = document.key.to_bytes(8, "big")
            yield document.shard, (key, document.sentences, document.tokens, document.payload)
        yield from (
            TaggedOutput(FAILED, ((*place, i), failed)) for i, failed in enumerate(counts.failed)
        )
        yield TaggedOutput(COUNTS, dataclasses.replace(counts, failed=[]))


def _document(shard: int, row: Row) -> spill.EncodedDocument:
    key, sentences, tokens, payload = row
    return spill.EncodedDocument(shard, int.from_bytes(key, "big"), sentences, tokens, payload)


class Sum(beam.CombineFn):
    """Adds up counts of one kind.

    Args:
        kind: a class of counts with `add`.
    """

    def __init__(self, kind: type):
        self._kind = kind

    def create_accumulator(self) -> Any:
        return self._kind()

    def add_input(self, total: Any, counts: Any) -> Any:
        total.add(counts)
        return total

    def merge_accumulators(self, totals: Iterable[Any]) -> Any:
        merged = self._kind()
        for total in totals:
            merged.add(total)
        return merged

    def extract_output(self, total: Any) -> Any:
        return total


class BuildShard(beam.DoFn):
    """A shard's documents to its file of records in the output folder.

    Args:
        settings: the build's settings.
        tokenizer: a `tokenization.BertTokenizer`.
    """

    def __init__(self, settings: BuilderSettings, tokenizer: Any):
        self._settings = settings
        self._special_ids = SpecialIds.of(tokenizer)
        self._starts_word = tokenizer.starts_word

    def process(
        self, grouped: tuple[int, Iterable[Row]], reserve: list[tuple[int, Row]]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Builds one shard on the local disk and gives it its place when it is complete.

        Args:
            grouped: the shard and its documents, in any order.
            reserve: documents of all shards that lend random segments, with their shards.

        Yields:
            The shard and its entry in the manifest.

        Raises:
            ValueError: there are fewer than two documents in the whole build.
        """
        shard, rows = grouped
        if len(reserve) < 2:
            raise ValueError(
                f"Expected at least two notes with text in the inputs, received {len(reserve)}. "
                "Check --input and the filters."
            )
        with tempfile.TemporaryDirectory() as scratch:
            settings = dataclasses.replace(self._settings, output_dir=scratch)
            folder = BuildFolder(scratch)
            folder.empty_spill()
            writer = spill.SpillWriter(folder.spill_folder, settings.num_shards)
            for row in filter(None, rows):
                writer.add(_document(shard, row))
            writer.flush()
            spill.write_reserve(folder.spill_folder, [_document(*placed) for placed in reserve])
            builder = shard_builder.ShardBuilder(
                settings, self._special_ids, self._starts_word, folder
            )
            built = builder.build(shard)
            target = remote_files.join(self._settings.output_dir, built["file"])
            remote_files.publish(os.path.join(scratch, built["file"]), target)
        yield shard, built


class WriteManifest(beam.DoFn):
    """Everything counted to the manifest, when every shard has its place.

    Args:
        output_dir: the folder of records.
        plan: as `pipeline.make_plan` gives it; its inputs are those that were read.
        vocabulary: the content of the vocabulary.
    """

    def __init__(self, output_dir: str, plan: dict[str, Any], vocabulary: bytes):
        self._output_dir = output_dir
        self._plan = plan
        self._vocabulary = vocabulary

    def process(
        self,
        note_counts: reading.NoteCounts,
        counts: Counts,
        inputs: list[tuple[int, dict[str, Any]]],
        failed: list[tuple[tuple[int, int, int], dict[str, str]]],
        built: list[tuple[int, dict[str, Any]]],
    ) -> Iterator[str]:
        """Writes vocabulary and manifest; yields the manifest's path.

        Lists come in any order, each value with its place in the local runner's.
        """
        note_counts.warn_of_unmet_ids()
        counts = dataclasses.replace(counts, failed=_in_order(failed))
        plan = self._plan | {"inputs": _in_order(inputs)}
        counted = pipeline.count_notes(note_counts, counts)
        manifest = pipeline.make_manifest(plan, counted, _in_order(built))
        with tempfile.TemporaryDirectory() as scratch:
            vocabulary = os.path.join(scratch, schema.VOCABULARY_NAME)
            with open(vocabulary, "wb") as file:
                file.write(self._vocabulary)
            for local in (vocabulary, schema.write_manifest(scratch, manifest)):
                target = remote_files.join(self._output_dir, os.path.basename(local))
                remote_files.publish(local, target)
        yield target


def _in_order(placed: list[tuple[Any, Any]]) -> list[Any]:
    return [value for _, value in sorted(placed, key=lambda pair: pair[0])]
