"""The whole stage on the processes of one machine: notes or sentence files to shards.

Two steps: documents are tokenized and spilled, then every shard is built from its spilled
documents. Both are spread over workers; neither's result depends on how many there are.
"""

import dataclasses
import os
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

import tqdm
from absl import logging

from tfrecords_builder import __version__, files, schema, tokenization
from tfrecords_builder.building import canaries, doubts, embedded_default
from tfrecords_builder.building.document_encoder import Counts
from tfrecords_builder.building.documents import (
    NoteBatch,
    NoteFilters,
    SentenceBlock,
    make_deduplicator,
    read_batches,
)
from tfrecords_builder.building.running.progress import ReadingProgress
from tfrecords_builder.building.running.stage_worker import StageWorker
from tfrecords_builder.building.running.workers import Workers
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.building.storage.build_folder import BuildFolder
from tfrecords_builder.building.storage.spill import SpillIndex
from tfrecords_builder.notes.duplicates.deduplication import Deduplicator
from tfrecords_builder.notes.reading import NoteCounts, source_name
from tfrecords_builder.notes.sources import input_files
from tfrecords_builder.notes.sources.file_kinds import choose_text_files
from tfrecords_builder.notes.sources.sentence_files import is_sentence_file
from tfrecords_builder.text import sentences
from tfrecords_builder.vocabulary_rules import choose_casing


def build_records(settings: BuilderSettings) -> schema.Manifest:
    """Builds a folder of records; a build that was killed resumes where it stood.

    Args:
        settings: what to build from what.

    Returns:
        The manifest, also written to the folder, last of all.

    Raises:
        FileExistsError: the folder holds records already.
        FileNotFoundError: an input does not exist.
        ImportError: a source or `sentences` needs an extra that is not installed; names it.
        OSError: something cannot be read or written.
        ValueError: an input, the vocabulary or the casing is not as expected; or an unfinished
            build in the folder had other settings or inputs.
        WorkerKilledError: the system killed a worker.
        RuntimeError: another build runs in the folder.
    """
    folder = BuildFolder(settings.output_dir)
    with folder.locked(settings.overwrite):
        settings = canaries.plant(embedded_default.fill_in(settings))
        settings = dataclasses.replace(
            settings, input=tuple(input_files.find_sources(settings.input))
        )
        text_files = choose_text_files(settings.input, settings.text_files)
        settings = dataclasses.replace(settings, text_files=text_files)
        tokenizer = load_tokenizer(settings)
        settings = dataclasses.replace(settings, do_lower_case=tokenizer.do_lower_case)
        plan = make_plan(settings, tokenizer, describe_inputs(settings.input))
        # All that can be refused is refused before earlier records go. Where every note is
        # tokenized already, no input is opened again: a database may be gone by now.
        goes_on = folder.goes_on(plan, settings.overwrite)
        choice = None if goes_on else NoteChoice.of(settings)
        folder.begin(plan, settings.overwrite)
        with Workers(settings.workers, StageWorker, settings, tokenizer) as workers:
            counted = folder.documents() or spill_documents(settings, folder, workers, plan, choice)
            shards = build_shards(settings, folder, workers, counted["shard_documents"])
        _copy_vocabulary(settings)
        manifest = make_manifest(plan, counted, shards)
        schema.write_manifest(settings.output_dir, manifest)
        folder.finish()
    return manifest


@dataclasses.dataclass(frozen=True)
class NoteChoice:
    """Which notes are taken: the filters, and what finds copies of earlier ones."""

    filters: NoteFilters
    deduplicator: Deduplicator | None

    @classmethod
    def of(cls, settings: BuilderSettings) -> "NoteChoice":
        """As the settings say.

        Raises:
            OSError, ValueError: a list of what to leave out cannot be read.
        """
        return cls(NoteFilters.of(settings), make_deduplicator(settings))


def load_tokenizer(settings: BuilderSettings) -> tokenization.BertTokenizer:
    """The tokenizer of the settings, its casing taken from the vocabulary.

    Raises:
        ValueError: no casing was asked for and it cannot be told from the vocabulary.
    """
    casing = choose_casing(settings.vocab_file, settings.do_lower_case)
    for warning in (*filter(None, [casing.warning]), *doubts.added_tokens(settings.vocab_file)):
        logging.warning("%s", warning)
    return tokenization.BertTokenizer(settings.vocab_file, casing.do_lower_case)


def describe_inputs(paths: Iterable[str]) -> list[dict[str, Any]]:
    """Inputs as they stand in the manifest; see `input_files.describe`."""
    return [input_files.describe(path) for path in paths]


def make_plan(
    settings: BuilderSettings,
    tokenizer: tokenization.BertTokenizer,
    inputs: list[dict[str, Any]],
) -> dict[str, Any]:
    """Everything that shapes the records, as it stands in the manifest.

    Raises:
        ImportError: spaCy is asked for and not installed.
        ValueError: the spaCy pipeline asked for is not there.
    """
    shaping = settings.shaping_records()
    for name in ("exclude_subjects", "exclude_admissions"):
        if path := shaping[name]:
            shaping[name] = {"path": path, "sha256": schema.file_sha256(path)}
    # Also says, before anything is read, what is missing.
    shaping["sentences"] = sentences.describe(settings.sentences)
    return {
        "settings": shaping,
        "vocabulary": {
            "sha256": schema.file_sha256(settings.vocab_file),
            "size": tokenizer.vocab_size,
        },
        "inputs": inputs,
        "package_version": __version__,
    }


def spill_documents(
    settings: BuilderSettings,
    folder: BuildFolder,
    workers: Workers,
    plan: dict[str, Any],
    choice: NoteChoice,
) -> dict[str, Any]:
    """Tokenizes every input and spills the documents.

    Returns:
        As `count_notes`, the notes read from each input (None: a file of sentences) and the
        documents of each shard.

    Raises:
        ValueError: there are fewer than two documents.
    """
    folder.empty_spill()
    spill = SpillIndex(folder.spill_folder, settings.num_shards)
    note_counts, counts = NoteCounts(), Counts()
    notes_read: list[int | None] = []
    sizes = [described["bytes"] for described in plan["inputs"]]
    vocab_size = plan["vocabulary"]["size"]
    with ReadingProgress(settings, vocab_size, None if None in sizes else sum(sizes)) as progress:
        batches = _read(settings, choice, note_counts, notes_read, progress)
        for rows, counted in workers.map("spill", batches):
            spill.add(rows)
            counts.add(counted)
            progress.update(counts)
    result = count_notes(note_counts, counts) | {
        "notes_read": notes_read,
        "shard_documents": spill.close(),
    }
    if counts.written < 2:
        names = ", ".join(map(source_name, settings.input))
        raise ValueError(
            f"Expected at least two notes with text in {names}, received "
            f"{counts.written} of {result['counts']['notes']['read']} read. Check --input and "
            f"the filters{_hint_of_documents(settings)}."
        )
    folder.finish_documents(result)
    return result


def _hint_of_documents(settings: BuilderSettings) -> str:
    if not any(is_sentence_file(path, settings.text_files) for path in settings.input):
        return ""
    return (
        "; in a sentence file an empty line separates documents (--text_files=notes reads a note "
        "from each .txt file)"
    )


def _read(
    settings: BuilderSettings,
    choice: NoteChoice,
    counts: NoteCounts,
    notes_read: list[int | None],
    progress: ReadingProgress,
) -> Iterator[NoteBatch | SentenceBlock]:
    """Reads every input in turn; `notes_read` gets a number for each."""
    filters, deduplicator = choice.filters, choice.deduplicator
    for number, path in enumerate(settings.input):
        before = counts.read
        batches = read_batches([path], filters, counts, deduplicator, number, progress.on_bytes)
        for batch in batches:
            progress.on_batch()
            yield batch
        is_cut = is_sentence_file(path, settings.text_files)
        notes_read.append(None if is_cut else counts.read - before)
    if deduplicator:
        logging.info("%s", deduplicator.counts)
    counts.warn()


def count_notes(note_counts: NoteCounts, counts: Counts) -> dict[str, Any]:
    """What became of the notes, as it stands in the manifest: "counts" and "failed_notes"."""
    found = {
        "notes": {
            # What was left out before it reached a worker comes on top.
            "read": counts.read + note_counts.empty + sum(note_counts.filtered.values()),
            "written": counts.written,
            "empty": note_counts.empty + counts.empty,
            "filtered": note_counts.filtered,
            "failed": len(counts.failed),
            **({"files_not_read": skipped} if (skipped := note_counts.files_not_read) else {}),
            **({"forms": forms} if (forms := note_counts.forms) else {}),
        },
        "sections": counts.sections,
        "sentences": counts.sentences,
        "tokens": counts.tokens,
        "unknown_tokens": counts.unknown,
        "characters": {
            "read": counts.characters_read,
            "kept": counts.characters_kept,
            "kept_share": counts.characters_kept / max(1, counts.characters_read),
        },
    }
    return {"counts": found, "failed_notes": counts.failed}


_SHARD_ENTRY = ("file", "instances", "bytes")


def make_manifest(
    plan: dict[str, Any], counted: dict[str, Any], built: list[dict[str, Any]]
) -> schema.Manifest:
    """The manifest of a build.

    Args:
        plan: as `make_plan` gives it.
        counted: as `count_notes` or `spill_documents` gives it.
        built: the shards' entries, in order.
    """
    inputs = [dict(described) for described in plan["inputs"]]
    for described, notes_read in zip(inputs, counted.get("notes_read", ()), strict=False):
        if notes_read is not None:
            described["notes"] = notes_read
    counts = counted["counts"] | {"instances": sum(shard["instances"] for shard in built)}
    # Shards and documents that an older version finished do not say.
    if all("random_next" in shard for shard in built):
        counts["random_next"] = sum(shard["random_next"] for shard in built)
    return schema.Manifest(
        settings=plan["settings"],
        vocabulary=plan["vocabulary"],
        inputs=inputs,
        counts=counts,
        shards=[{name: shard[name] for name in _SHARD_ENTRY} for shard in built],
        warnings=[
            *doubts.unknown_tokens(counts.get("unknown_tokens", 0), counts["tokens"]),
            *doubts.random_next(counts.get("random_next", 0), counts["instances"]),
        ],
        failed_notes=counted["failed_notes"],
        package_version=__version__,
    )


def build_shards(
    settings: BuilderSettings, folder: BuildFolder, workers: Workers, documents: list[int]
) -> list[dict[str, Any]]:
    """Builds the shards that are not finished.

    Args:
        settings: the build's settings.
        folder: the build's folder, with all documents spilled.
        workers: run `StageWorker`.
        documents: how many each shard has.

    Returns:
        The manifest's entries of all shards, in order.
    """
    finished = {
        shard: noted
        for shard in range(settings.num_shards)
        if (noted := folder.finished_shard(settings.shard_name(shard)))
    }
    missing = [shard for shard in range(settings.num_shards) if shard not in finished]
    progress = tqdm.tqdm(
        desc="writing",
        unit=" shards",
        total=settings.num_shards,
        initial=len(finished),
        disable=None,
    )
    with progress:
        works = [(shard, documents[shard]) for shard in missing]
        for shard, built in zip(missing, workers.map("build", works), strict=True):
            finished[shard] = built
            progress.update()
    return [finished[shard] for shard in range(settings.num_shards)]


def _copy_vocabulary(settings: BuilderSettings) -> None:
    target = os.path.join(settings.output_dir, schema.VOCABULARY_NAME)
    if os.path.exists(target) and os.path.samefile(target, settings.vocab_file):
        return
    with open(settings.vocab_file, "rb") as source, files.open_private(target) as file:
        shutil.copyfileobj(source, file)
