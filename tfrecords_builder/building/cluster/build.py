"""A build on a cluster except its engine: the folder, what is refused, the finished manifest."""

import dataclasses
import os
import tempfile
from collections.abc import Callable
from typing import Any

from tfrecords_builder import schema
from tfrecords_builder.building import canaries, embedded_default, pipeline
from tfrecords_builder.building.cluster import steps
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.building.storage.build_folder import BuildFolder, is_temporary
from tfrecords_builder.notes.sources import remote_files
from tfrecords_builder.notes.sources.file_kinds import choose_text_files

# Runs all steps on an engine: (settings, tokenizer, plan, private folder of this machine or None).
RunSteps = Callable[[BuilderSettings, Any, dict[str, Any], str | None], None]


def build_records(settings: BuilderSettings, run_steps: RunSteps) -> schema.Manifest:
    """Builds a folder of records on an engine; see `pipeline.build_records`.

    Args:
        settings: what to build from what.
        run_steps: runs `steps` to their end, the writing of the manifest included.

    Returns:
        The manifest, also written to the folder, last of all.

    Raises:
        FileExistsError: the folder holds records already.
        FileNotFoundError: an input does not exist.
        OSError: something cannot be read or written.
        ValueError: an input, the vocabulary or the casing is not as expected.
        RuntimeError: another build runs in the folder, or what `run_steps` raises.
    """
    if remote_files.is_remote(settings.output_dir):
        if not settings.input:
            raise ValueError(
                f"Expected --input with --output_dir={settings.output_dir}, received none: the "
                "embedded default is built on this machine only. Name inputs or a local folder."
            )
        return _build(settings, run_steps, None, _held(settings))
    folder = BuildFolder(settings.output_dir)
    with folder.locked(settings.overwrite):
        return _build(settings, run_steps, folder, [])


def _held(settings: BuilderSettings) -> list[str]:
    """Names earlier records in a remote folder, and what a killed build left there.

    Raises:
        FileExistsError: there are some and `overwrite` is not set.
    """
    held = [
        name
        for name in remote_files.names_in(settings.output_dir)
        if name == schema.MANIFEST_NAME or name.startswith("part-") or is_temporary(name)
    ]
    if held and not settings.overwrite:
        raise FileExistsError(
            f"Expected an --output_dir without records, received {settings.output_dir} with "
            f"{len(held)} files of them ({held[0]}, ...). Take another folder, or --overwrite to "
            "replace them."
        )
    # The manifest first: records without one are unfinished.
    return sorted(held, key=lambda name: name != schema.MANIFEST_NAME)


def _build(
    settings: BuilderSettings,
    run_steps: RunSteps,
    folder: BuildFolder | None,
    replaced: list[str],
) -> schema.Manifest:
    """Builds into a folder that is free and held, or into a remote one (None) for `replaced`."""
    settings = canaries.plant(embedded_default.fill_in(settings))
    settings = dataclasses.replace(settings, input=tuple(remote_files.find(settings.input)))
    # Files in a bucket are not looked into: sentence files, unless the flag says otherwise.
    text_files = choose_text_files(settings.input, settings.text_files)
    settings = dataclasses.replace(settings, text_files=text_files)
    tokenizer = pipeline.load_tokenizer(settings)
    settings = dataclasses.replace(settings, do_lower_case=tokenizer.do_lower_case)
    # Inputs are hashed by the workers that read them.
    plan = pipeline.make_plan(settings, tokenizer, inputs=[])
    # All that can be refused is refused before earlier records go.
    pipeline.NoteChoice.of(settings)
    if folder:
        folder.begin(plan, settings.overwrite)
    for name in replaced:
        remote_files.remove(remote_files.join(settings.output_dir, name))
    run_steps(steps.place_output(settings), tokenizer, plan, folder.scratch() if folder else None)
    with tempfile.TemporaryDirectory() as scratch:
        path = remote_files.join(settings.output_dir, schema.MANIFEST_NAME)
        local = remote_files.fetch(path, scratch)
        manifest = schema.read_manifest(os.path.dirname(local))
    if folder:
        folder.finish()
    return manifest
