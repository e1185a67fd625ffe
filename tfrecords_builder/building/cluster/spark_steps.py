"""The steps of a build as Spark tasks; see `steps`.

    inputs -> read -> encode -> documents by shard -> survey (job 1) -> build (job 2)

The documents by shard are shuffled once; job 1 looks at them for the reserve and takes what was
counted, job 2 builds a shard per task from the same shuffle files. A task that is lost with its
executor is repeated by Spark, and what it had shuffled is computed again from the inputs. Every
partition follows from numbers in the data, so repeated tasks give the same records.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from tfrecords_builder.building.cluster import steps
from tfrecords_builder.building.document_encoder import DocumentEncoder
from tfrecords_builder.building.settings import BuilderSettings

# Tasks of encoding per core, so that cores finish at about the same time.
_TASKS_PER_CORE = 4
# Tells batches of different inputs apart when they are spread over tasks.
_PRIME = 1_000_003


@dataclasses.dataclass(frozen=True)
class Survey:
    """What job 1 takes from the documents.

    Attributes:
        reserve: see `steps.smallest_keys`.
        found: what goes to the manifest.
    """

    reserve: list[tuple[int, steps.Row]] = dataclasses.field(repr=False)
    found: list[steps.Found] = dataclasses.field(repr=False)

    def merged(self, other: "Survey") -> "Survey":
        """Returns the survey of both parts."""
        reserve = steps.smallest_keys([*self.reserve, *other.reserve])
        return Survey(reserve, self.found + other.found)


def run(context: Any, settings: BuilderSettings, tokenizer: Any, plan: dict[str, Any]) -> None:
    """Runs all steps on Spark; the manifest is written by this process.

    Args:
        context: a pyspark SparkContext.
        settings: the build's settings.
        tokenizer: a `tokenization.BertTokenizer`.
        plan: as `pipeline.make_plan` returns it.

    Raises:
        py4j.protocol.Py4JJavaError: a task failed as often as Spark repeats it.
    """
    shards = settings.num_shards
    by_shard = _documents_by_shard(context, settings, tokenizer)
    survey = by_shard.mapPartitionsWithIndex(
        lambda partition, found: [_survey(partition, found, shards)]
    ).treeReduce(Survey.merged)
    reserve = context.broadcast(survey.reserve)
    maker = context.broadcast(steps.ShardMaker.of(settings, tokenizer))

    def build(partition: int, found: Iterable[tuple[int, Any]]) -> Iterator[steps.Found]:
        if partition < shards:
            rows = (row for _, row in found)
            yield steps.BUILT, (partition, maker.value.make(partition, rows, reserve.value))

    built = by_shard.mapPartitionsWithIndex(build).collect()
    steps.ManifestWriter.of(settings, plan).write(survey.found + built)


def _documents_by_shard(context: Any, settings: BuilderSettings, tokenizer: Any) -> Any:
    """Returns an RDD of a partition per shard, and a last one for what was counted.

    Its elements are (shard, row), and (number of shards, (kind, value)).
    """
    shards = settings.num_shards
    work = steps.list_work(settings)
    reader = steps.Reader.of(settings)
    encoder = context.broadcast(DocumentEncoder(settings, tokenizer))
    tasks = _TASKS_PER_CORE * context.defaultParallelism

    def read(inputs: list[steps.Input]) -> Iterator[tuple[int, steps.Found]]:
        for kind, value in reader.read(inputs):
            number, ordinal = value[0] if kind == steps.BATCH else (0, 0)
            yield number * _PRIME + ordinal, (kind, value)

    def encode(keyed: tuple[int, steps.Found]) -> Iterator[tuple[int, Any]]:
        kind, value = keyed[1]
        found = steps.encode(encoder.value, value) if kind == steps.BATCH else [(kind, value)]
        for kind, value in found:
            yield value if kind == steps.DOCUMENT else (shards, (kind, value))

    return (
        context.parallelize(work, len(work))
        .flatMap(read)
        .partitionBy(tasks, _place)
        .flatMap(encode)
        .partitionBy(shards + 1, _place)
    )


def _place(key: int) -> int:
    """The partition as a number itself: Python's hash of other keys differs between processes."""
    return key


def _survey(partition: int, found: Iterable[tuple[int, Any]], shards: int) -> Survey:
    if partition == shards:
        return Survey([], [value for _, value in found])
    return Survey(steps.smallest_keys(found), [])
