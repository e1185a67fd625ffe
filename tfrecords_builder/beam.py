"""The whole stage on Apache Beam, for Spark, Flink, Dataflow or this machine.

    python -m tfrecords_builder --runner=beam --beam_options="--runner=FlinkRunner ..." ...

The records equal those of the local runner for the same settings and seed: a document's shard and
its place there follow from a seeded hash of its id, and each shard is built by itself.

Paths in a bucket or in HDFS go through Beam (`remote_files.SCHEMES`); all others must be in a
folder that every worker has mounted. A worker needs the memory of a local one, and local disk for
the largest remote input and for a shard's documents. The package must be installed on the workers.
"""

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from absl import logging

from tfrecords_builder import schema
from tfrecords_builder.building import embedded_default, pipeline
from tfrecords_builder.building.document_encoder import Counts
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.building.storage import spill
from tfrecords_builder.building.storage.build_folder import BuildFolder, is_temporary
from tfrecords_builder.notes.reading import NoteCounts

try:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.pvalue import AsList, AsSingleton
    from apache_beam.runners.runner import PipelineState

    from tfrecords_builder.building.running import beam_steps as steps
    from tfrecords_builder.notes.sources import remote_files
except ImportError as error:
    if error.name is None or not error.name.startswith("apache_beam"):
        raise
    raise ImportError(
        "Expected Apache Beam for --runner=beam, received none. Install the extra: "
        "pip install 'clinicalbert_tf[beam]', or use --runner=local.",
        name="apache_beam",
    ) from None


def build_records(settings: BuilderSettings, beam_options: Sequence[str] = ()) -> schema.Manifest:
    """Builds a folder of records with Apache Beam; see `pipeline.build_records`.

    Runners repeat by themselves what a lost worker was at. A build that was killed as a whole
    begins anew when it is started again (in a bucket with `overwrite`).

    Args:
        settings: what to build from what; `num_workers` counts only where no runner is named.
        beam_options: Beam's own, as on a command line. Without a `--runner` the pipeline runs on
            this machine in `num_workers` processes.

    Returns:
        The manifest, also written to the folder, last of all.

    Raises:
        FileExistsError: the folder holds records already.
        FileNotFoundError: an input does not exist.
        OSError: something cannot be read or written.
        ValueError: an input, the vocabulary or the casing is not as expected.
        RuntimeError: the pipeline failed, or another build runs in the folder.
    """
    if remote_files.is_remote(settings.output_dir) and not settings.input:
        raise ValueError(
            f"Expected --input with --output_dir={settings.output_dir}, received none: the "
            "embedded default is built on this machine only. Name inputs or a local folder."
        )
    if remote_files.is_remote(settings.output_dir):
        return _build(settings, beam_options, None, _held(settings))
    folder = BuildFolder(settings.output_dir)
    with folder.locked(settings.overwrite):
        return _build(settings, beam_options, folder, [])


def _held(settings: BuilderSettings) -> list[str]:
    """The names of earlier records in a remote folder, and of what a killed build left.

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
    beam_options: Sequence[str],
    folder: BuildFolder | None,
    replaced: list[str],
) -> schema.Manifest:
    """Builds into a folder that is free and held, or into a remote one (None) for `replaced`."""
    settings = embedded_default.fill_in(settings)
    settings = dataclasses.replace(settings, input=tuple(remote_files.find(settings.input)))
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
    with _temporary_folder(folder.scratch() if folder else None):
        _run(settings, tokenizer, plan, _options(settings, beam_options))
    with tempfile.TemporaryDirectory() as scratch:
        path = remote_files.join(settings.output_dir, schema.MANIFEST_NAME)
        local = remote_files.fetch(path, scratch)
        manifest = schema.read_manifest(os.path.dirname(local))
    if folder:
        folder.finish()
    return manifest


@contextlib.contextmanager
def _temporary_folder(parent: str | None) -> Iterator[None]:
    """Has Beam make its temporary folders, which it leaves behind, in one that goes with the build.

    Workers of this machine follow; they keep a shard's documents there, so that what a killed
    build left of them is removed when the next one begins.
    """
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder:
        tempfile.tempdir = os.environ["TMPDIR"] = os.path.abspath(folder)
        try:
            yield
        finally:
            tempfile.tempdir = before[0]
            if before[1] is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before[1]


def _options(settings: BuilderSettings, beam_options: Sequence[str]) -> list[str]:
    """Beam's options, with this machine's processes where no runner is named."""
    if any(option.split("=")[0] == "--runner" for option in beam_options):
        return list(beam_options)
    return [
        "--runner=DirectRunner",
        f"--direct_num_workers={settings.workers}",
        "--direct_running_mode=multi_processing",
        *beam_options,
    ]


def _described(options: Sequence[str]) -> str:
    """Beam's options without values, which may be passwords; the runner's alone shows."""
    runner_follows = False
    names = []
    for option in options:
        name, given, _ = option.partition("=")
        if option.startswith("--"):
            names.append(option if name == "--runner" and given else name)
        elif runner_follows:
            names.append(option)
        runner_follows = option == "--runner"
    return " ".join(names)


def _run(
    settings: BuilderSettings, tokenizer: Any, plan: dict[str, Any], options: list[str]
) -> None:
    """Runs the pipeline to its end.

    Raises:
        RuntimeError: it failed.
    """
    logging.info("Running on Apache Beam with %s.", _described(options))
    pipeline_ = beam.Pipeline(options=PipelineOptions(options))
    _connect(pipeline_, settings, tokenizer, plan)
    try:
        state = pipeline_.run().wait_until_finish()
    except Exception as error:
        # Runners hand on a worker's whole trace as the message; the last line is the error itself.
        *_, last = str(error).strip().splitlines() or [type(error).__name__]
        raise RuntimeError(f"The pipeline failed: {last}") from error
    if state != PipelineState.DONE:
        raise RuntimeError(
            f"Expected the pipeline to be {PipelineState.DONE}, received {state}. See the "
            "runner's own log, then start the same command again."
        )


def _connect(
    pipeline_: beam.Pipeline, settings: BuilderSettings, tokenizer: Any, plan: dict[str, Any]
) -> None:
    """Lays out the pipeline; read it from top to bottom as the notes flow."""
    read = (
        pipeline_
        | "inputs" >> beam.Create(_works(settings))
        | "give each to a worker" >> beam.Reshuffle()
        | "read" >> _tagged(steps.Read(settings), steps.COUNTS, steps.INPUTS)
    )
    encoded = (
        read.main
        | "spread the batches" >> beam.Reshuffle()
        | "encode" >> _tagged(steps.Encode(settings, tokenizer), steps.COUNTS, steps.FAILED)
    )
    # Every shard is built, also one that no document belongs to.
    every_shard = pipeline_ | "shards" >> beam.Create(
        [(shard, None) for shard in range(settings.num_shards)]
    )
    built = (
        (encoded.main, every_shard)
        | beam.Flatten()
        | "gather each shard" >> beam.GroupByKey()
        | "build" >> beam.ParDo(steps.BuildShard(settings, tokenizer), _reserve(encoded.main))
    )
    with open(settings.vocab_file, "rb") as file:
        vocabulary = file.read()
    note_counts = read[steps.COUNTS] | "sum notes" >> beam.CombineGlobally(steps.Sum(NoteCounts))
    counts = encoded[steps.COUNTS] | "sum documents" >> beam.CombineGlobally(steps.Sum(Counts))
    _ = note_counts | "write the manifest" >> beam.ParDo(
        steps.WriteManifest(settings.output_dir, plan, vocabulary),
        AsSingleton(counts),
        AsList(read[steps.INPUTS]),
        AsList(encoded[steps.FAILED]),
        AsList(built),
    )


def _tagged(step: beam.DoFn, *tags: str) -> beam.PTransform:
    return beam.ParDo(step).with_outputs(*tags, main="main")


def _works(settings: BuilderSettings) -> list[list[steps.Input]]:
    """What is read by one worker each: every input for itself.

    To find copies of earlier notes all inputs are read by one, in their order.
    """
    inputs = list(enumerate(settings.input))
    return [inputs] if settings.deduplicate != "none" else [[one] for one in inputs]


def _reserve(rows: beam.PCollection) -> AsList:
    """The documents with the smallest keys of all, which lend shards random segments."""
    smallest = (
        rows
        | "keys" >> beam.Map(lambda placed: placed[1][0])
        | "smallest keys" >> beam.combiners.Top.Smallest(spill.RESERVE_DOCUMENTS)
    )
    return AsList(
        rows
        | "reserve"
        >> beam.Filter(lambda placed, keys: placed[1][0] <= keys[-1], AsSingleton(smallest))
    )
