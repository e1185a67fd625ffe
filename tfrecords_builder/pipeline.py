"""The whole stage on the processes of one machine: notes or sentence files to shards.

Two steps: documents are tokenized and spilled, then every shard is built from its spilled
documents. Both are spread over workers; neither's result depends on how many there are.
"""

import dataclasses
import os
import shutil
from collections.abc import Iterable
from typing import Any

import tqdm

from tfrecords_builder import (
    __version__,
    embedded,
    input_files,
    private_file,
    schema,
    tokenization,
)
from tfrecords_builder.build_folder import BuildFolder
from tfrecords_builder.documents import Counts, NoteFilters, read_batches
from tfrecords_builder.notes import NoteCounts
from tfrecords_builder.settings import BuilderSettings
from tfrecords_builder.spill import SpillWriter
from tfrecords_builder.stage_worker import StageWorker
from tfrecords_builder.workers import Workers


def build_records(settings: BuilderSettings) -> schema.Manifest:
    """Builds a folder of records; a build that was killed goes on where it stood.

    Args:
        settings: what to build from what.

    Returns:
        The manifest, also written to the folder, last of all.

    Raises:
        FileExistsError: the folder holds records already.
        FileNotFoundError: an input does not exist.
        OSError: something cannot be read or written.
        ValueError: an input, the vocabulary or the casing is not as expected; or an unfinished
            build in the folder had other settings or inputs.
        WorkerKilledError: the system killed a worker.
        RuntimeError: another build runs in the folder.
    """
    folder = BuildFolder(settings.output_dir)
    folder.check_free(settings.overwrite)
    with folder.locked():
        settings = embedded.fill_in(settings)
        settings = dataclasses.replace(settings, input=tuple(input_files.find(settings.input)))
        tokenizer = load_tokenizer(settings)
        settings = dataclasses.replace(settings, do_lower_case=tokenizer.do_lower_case)
        plan = make_plan(settings, tokenizer, describe_inputs(settings.input))
        folder.begin(plan, settings.overwrite)
        with Workers(settings.workers, StageWorker, settings, tokenizer) as workers:
            counted = folder.documents() or spill_documents(settings, folder, workers)
            shards = build_shards(settings, folder, workers)
        _copy_vocabulary(settings)
        manifest = make_manifest(plan, counted, shards)
        schema.write_manifest(settings.output_dir, manifest)
        folder.finish()
    return manifest


def load_tokenizer(settings: BuilderSettings) -> tokenization.BertTokenizer:
    """The tokenizer of the settings, its casing taken from the vocabulary.

    Raises:
        ValueError: the casing asked for is not the vocabulary's, or cannot be told from it.
    """
    is_cased = tokenization.vocabulary_is_cased(tokenization.load_vocabulary(settings.vocab_file))
    do_lower_case = settings.do_lower_case
    if is_cased is None and do_lower_case is None:
        raise ValueError(
            f"Expected do_lower_case for {settings.vocab_file}, received none, and the vocabulary "
            "does not show whether it is cased. Give --do_lower_case=True or False."
        )
    if do_lower_case is None:
        do_lower_case = not is_cased
    elif is_cased is not None and do_lower_case == is_cased:
        kind = "cased" if is_cased else "uncased"
        raise ValueError(
            f"Expected do_lower_case={not is_cased} for {settings.vocab_file}, a {kind} "
            f"vocabulary, received {do_lower_case}. Drop the flag or use another vocabulary."
        )
    return tokenization.BertTokenizer(settings.vocab_file, do_lower_case)


def describe_inputs(paths: Iterable[str]) -> list[dict[str, Any]]:
    """Input files as they stand in the manifest."""
    return [
        {"path": path, "bytes": os.path.getsize(path), "sha256": schema.file_sha256(path)}
        for path in paths
    ]


def make_plan(
    settings: BuilderSettings,
    tokenizer: tokenization.BertTokenizer,
    inputs: list[dict[str, Any]],
) -> dict[str, Any]:
    """Everything that shapes the records, as it stands in the manifest."""
    shaping = settings.shaping_records()
    for name in ("exclude_subjects", "exclude_admissions"):
        if path := shaping[name]:
            shaping[name] = {"path": path, "sha256": schema.file_sha256(path)}
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
    settings: BuilderSettings, folder: BuildFolder, workers: Workers
) -> dict[str, Any]:
    """Tokenizes every input and spills the documents, shard by shard.

    Returns:
        The manifest's counts so far, and the notes that failed.

    Raises:
        ValueError: there are fewer than two documents.
    """
    folder.empty_spill()
    spill = SpillWriter(folder.spill_folder, settings.num_shards)
    note_counts, counts = NoteCounts(), Counts()
    batches = read_batches(settings.input, NoteFilters.of(settings), note_counts)
    with tqdm.tqdm(desc="tokenizing", unit=" notes", disable=None) as progress:
        for documents, counted in workers.map("encode", batches):
            for document in documents:
                spill.add(document)
            counts.add(counted)
            progress.update(counted.read)
    spill.close()
    result = count_notes(note_counts, counts)
    if counts.written < 2:
        raise ValueError(
            f"Expected at least two notes with text in {', '.join(settings.input)}, received "
            f"{counts.written} of {result['counts']['notes']['read']} read. Check --input and "
            "the filters."
        )
    folder.finish_documents(result)
    return result


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
        },
        "sections": counts.sections,
        "sentences": counts.sentences,
        "tokens": counts.tokens,
        "characters": {"read": counts.characters_read, "kept": counts.characters_kept},
    }
    return {"counts": found, "failed_notes": counts.failed}


def make_manifest(
    plan: dict[str, Any], counted: dict[str, Any], built: list[dict[str, Any]]
) -> schema.Manifest:
    """The manifest of a build.

    Args:
        plan: as `make_plan` gives it.
        counted: as `count_notes` gives it.
        built: the shards' entries, in order.
    """
    return schema.Manifest(
        settings=plan["settings"],
        vocabulary=plan["vocabulary"],
        inputs=plan["inputs"],
        counts=counted["counts"] | {"instances": sum(shard["instances"] for shard in built)},
        shards=built,
        failed_notes=counted["failed_notes"],
        package_version=__version__,
    )


def build_shards(
    settings: BuilderSettings, folder: BuildFolder, workers: Workers
) -> list[dict[str, Any]]:
    """Builds the shards that are not finished; returns the manifest's entries of all, in order."""
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
        for shard, built in zip(missing, workers.map("build", missing), strict=True):
            finished[shard] = built
            progress.update()
    return [finished[shard] for shard in range(settings.num_shards)]


def _copy_vocabulary(settings: BuilderSettings) -> None:
    target = os.path.join(settings.output_dir, schema.VOCABULARY_NAME)
    if os.path.exists(target) and os.path.samefile(target, settings.vocab_file):
        return
    with open(settings.vocab_file, "rb") as source, private_file.open_private_file(target) as file:
        shutil.copyfileobj(source, file)
