"""The steps of a build as Apache Beam sees them; see `steps`.

They use ParDo, GroupByKey and one side input, no tagged outputs and no CombineFn: Beam's runner on
Dask mixes the tagged outputs of a step, and engines differ in what they combine early.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam

from tfrecords_builder.building.cluster import steps
from tfrecords_builder.building.document_encoder import DocumentEncoder
from tfrecords_builder.building.settings import BuilderSettings


class Read(beam.DoFn):
    """Inputs to batches of documents, with what was left out beside them.

    Args:
        settings: the build's settings.
    """

    def __init__(self, settings: BuilderSettings):
        # Made where the pipeline is made; it travels to the workers.
        self._reader = steps.Reader.of(settings)

    def process(self, inputs: list[steps.Input]) -> Iterator[steps.Found]:
        """See `steps.Reader.read`."""
        return self._reader.read(inputs)


class Encode(beam.DoFn):
    """Batches to documents, with what was counted beside them.

    Args:
        settings: the build's settings.
        tokenizer: a `tokenization.BertTokenizer`.
    """

    def __init__(self, settings: BuilderSettings, tokenizer: Any):
        self._encoder = DocumentEncoder(settings, tokenizer)

    def process(self, placed: tuple[steps.Place, Any]) -> Iterator[steps.Found]:
        """See `steps.encode`."""
        return steps.encode(self._encoder, placed)


class SmallestKeys(beam.DoFn):
    """A shard's documents to its candidates for the reserve."""

    def process(
        self, grouped: tuple[int, Iterable[steps.Row | None]]
    ) -> Iterator[tuple[int, list[tuple[int, steps.Row]]]]:
        """See `steps.smallest_keys`; the candidates of all shards have the key 0."""
        shard, rows = grouped
        yield 0, steps.smallest_keys((shard, row) for row in rows if row is not None)


class Reserve(beam.DoFn):
    """The candidates of all shards to the reserve."""

    def process(
        self, grouped: tuple[int, Iterable[list[tuple[int, steps.Row]]]]
    ) -> Iterator[tuple[int, steps.Row]]:
        """See `steps.smallest_keys`."""
        _, candidates = grouped
        yield from steps.smallest_keys(one for some in candidates for one in some)


class BuildShard(beam.DoFn):
    """A shard's documents to its file of records in the output folder.

    Args:
        settings: the build's settings.
        tokenizer: a `tokenization.BertTokenizer`.
    """

    def __init__(self, settings: BuilderSettings, tokenizer: Any):
        self._maker = steps.ShardMaker.of(settings, tokenizer)

    def process(
        self,
        grouped: tuple[int, Iterable[steps.Row | None]],
        reserve: list[tuple[int, steps.Row]],
    ) -> Iterator[steps.Found]:
        """See `steps.ShardMaker.make`."""
        shard, rows = grouped
        built = self._maker.make(shard, (row for row in rows if row is not None), list(reserve))
        yield steps.BUILT, (shard, built)


class BuildJoinedShard(BuildShard):
    """`BuildShard` for documents and reserve that were joined by the shard."""

    def process(self, joined: tuple[int, dict[str, Iterable[Any]]]) -> Iterator[steps.Found]:
        """See `steps.ShardMaker.make`."""
        shard, found = joined
        for rows in found["documents"]:
            yield from super().process((shard, rows), found["reserve"])


class WriteManifest(beam.DoFn):
    """Everything counted to the manifest.

    Args:
        settings: the build's settings.
        plan: as `pipeline.make_plan` returns it.
    """

    def __init__(self, settings: BuilderSettings, plan: dict[str, Any]):
        self._writer = steps.ManifestWriter.of(settings, plan)

    def process(self, grouped: tuple[int, Iterable[steps.Found]]) -> Iterator[str]:
        """See `steps.ManifestWriter.write`; yields the manifest's path."""
        _, found = grouped
        yield self._writer.write(found)
