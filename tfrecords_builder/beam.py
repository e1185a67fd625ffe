"""The whole stage on Apache Beam, for Dask, Flink, Dataflow or this machine.

    python -m tfrecords_builder --runner=beam --beam_options="--runner=FlinkRunner ..." ...

The records equal those of the local runner for the same settings and seed: a document's shard and
its place there follow from a seeded hash of its id, and each shard is built by itself.

Paths in a bucket or in HDFS go through Beam (`remote_files.SCHEMES`); all others must be in a
folder that every worker has mounted. A worker needs the memory of a local one, and local disk for
the largest remote input and for a shard's documents. The package must be installed on the workers.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from absl import logging

from tfrecords_builder import schema
from tfrecords_builder.building.cluster import build, steps
from tfrecords_builder.building.settings import BuilderSettings

try:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.pvalue import AsList
    from apache_beam.runners.runner import PipelineState

    from tfrecords_builder.building.cluster import beam_steps
except ImportError as error:
    if error.name is None or not error.name.startswith("apache_beam"):
        raise
    raise ImportError(
        "Expected Apache Beam for --runner=beam, received none. Install the extra: "
        "pip install 'clinicalbert_tf[beam]', or use --runner=local.",
        name="apache_beam",
    ) from None

_DASK_RUNNER = "apache_beam.runners.dask.dask_runner.DaskRunner"
_SHORT_DASK = re.compile(r"^(--runner=|)DaskRunner$")


def build_records(settings: BuilderSettings, beam_options: Sequence[str] = ()) -> schema.Manifest:
    """Builds a folder of records with Apache Beam; see `pipeline.build_records`.

    Runners repeat by themselves what a lost worker was at. A build that was killed as a whole
    begins from scratch when it is started again (in a bucket with `overwrite`).

    Args:
        settings: what to build from what; `num_workers` counts only if no runner is named.
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

    def run_steps(settings, tokenizer, plan, scratch):
        with temporary_folder(scratch):
            _run(settings, tokenizer, plan, runner_options(settings, beam_options))

    return build.build_records(settings, run_steps)


@contextlib.contextmanager
def temporary_folder(parent: str | None) -> Iterator[None]:
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


def runner_options(settings: BuilderSettings, beam_options: Sequence[str]) -> list[str]:
    """Beam's options, with this machine's processes if no runner is named."""
    names = [option.split("=")[0] for option in beam_options]
    if "--runner" not in names:
        return [
            "--runner=DirectRunner",
            f"--direct_num_workers={settings.workers}",
            "--direct_running_mode=multi_processing",
            *beam_options,
        ]
    # Beam knows its runner on Dask by its full name only.
    options = [_SHORT_DASK.sub(rf"\1{_DASK_RUNNER}", option) for option in beam_options]
    divided = {"--dask_npartitions", "--dask_partition_size"} & set(names)
    if is_on_dask(options) and not divided:
        # By default one worker gets 128 inputs, or shards.
        options.append("--dask_partition_size=1")
    return options


def is_on_dask(options: Sequence[str]) -> bool:
    """Whether Beam's options name the Dask runner."""
    return any(_DASK_RUNNER in option for option in options)


def described(options: Sequence[str]) -> str:
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
    logging.info("Running on Apache Beam with %s.", described(options))
    pipeline_ = beam.Pipeline(options=PipelineOptions(options))
    connect(pipeline_, settings, tokenizer, plan, joined=is_on_dask(options))
    result = None
    try:
        result = pipeline_.run()
        state = result.wait_until_finish()
    except Exception as error:
        # Runners hand on a worker's whole trace as the message; the last line is the error itself.
        *_, last = str(error).strip().splitlines() or [type(error).__name__]
        raise RuntimeError(f"The pipeline failed: {last}") from error
    finally:
        # Dask's, which would otherwise look for its scheduler until this process ends.
        if client := getattr(result, "client", None):
            client.close()
    if state != PipelineState.DONE:
        raise RuntimeError(
            f"Expected the pipeline to be {PipelineState.DONE}, received {state}. See the "
            "runner's own log, then start the same command again."
        )


def connect(
    pipeline_: beam.Pipeline,
    settings: BuilderSettings,
    tokenizer: Any,
    plan: dict[str, Any],
    joined: bool,
) -> None:
    """Lays out the pipeline; read it from top to bottom as the notes flow.

    `joined`: the reserve comes to each shard by a join, not as a side input. On Dask a side input
    is computed inside the step that takes it, from the inputs on, while the same steps may still
    run outside: twice the work, and Dask warns of deadlocks.
    """
    read = (
        pipeline_
        | "inputs" >> beam.Create(steps.list_work(settings))
        | "give each to a worker" >> beam.Reshuffle()
        | "read" >> beam.ParDo(beam_steps.Read(settings))
    )
    encoded = (
        _values(read, steps.BATCH)
        | "spread the batches" >> beam.Reshuffle()
        | "encode" >> beam.ParDo(beam_steps.Encode(settings, tokenizer))
    )
    # Every shard is built, also one that no document belongs to.
    every_shard = pipeline_ | "shards" >> beam.Create(
        [(shard, None) for shard in range(settings.num_shards)]
    )
    gathered = (
        (_values(encoded, steps.DOCUMENT), every_shard)
        | beam.Flatten()
        | "gather each shard" >> beam.GroupByKey()
    )
    reserve = (
        gathered
        | "smallest keys of each" >> beam.ParDo(beam_steps.SmallestKeys())
        | "gather the smallest keys" >> beam.GroupByKey()
        | "smallest keys of all" >> beam.ParDo(beam_steps.Reserve())
    )
    if joined:
        shards = range(settings.num_shards)
        lent = reserve | beam.FlatMap(lambda one: [(shard, one) for shard in shards])
        both = {"documents": gathered, "reserve": lent} | beam.CoGroupByKey()
        built = both | "build" >> beam.ParDo(beam_steps.BuildJoinedShard(settings, tokenizer))
    else:
        built = gathered | "build" >> beam.ParDo(
            beam_steps.BuildShard(settings, tokenizer), AsList(reserve)
        )
    counted = (_counted(read, "read"), _counted(encoded, "encoded"), _counted(built, "built"))
    _ = (
        counted
        | "all that was counted" >> beam.Flatten()
        | "gather the counts" >> beam.GroupByKey()
        | "write the manifest" >> beam.ParDo(beam_steps.WriteManifest(settings, plan))
    )


def _values(found: beam.PCollection, kind: str) -> beam.PCollection:
    """The values of one kind."""
    return (
        found
        | f"only each {kind}" >> beam.Filter(lambda one: one[0] == kind)
        | f"value of each {kind}" >> beam.Map(lambda one: one[1])
    )


def _counted(found: beam.PCollection, name: str) -> beam.PCollection:
    """What goes to the manifest, all under one key."""
    kinds = (steps.BATCH, steps.DOCUMENT)
    return (
        found
        | f"counts of {name}" >> beam.Filter(lambda one: one[0] not in kinds)
        | f"one key for {name}" >> beam.Map(lambda one: (0, one))
    )
