"""One shard: spilled documents to a closed file of records.

A shard depends on its documents, the settings and its number only, so it can be built anywhere
and in any order.
"""

import dataclasses
import os

import numpy as np

from tfrecords_builder.building import records
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.building.storage.build_folder import BuildFolder
from tfrecords_builder.building.storage.shard_documents import ShardDocuments
from tfrecords_builder.pairing import streaming_pairing
from tfrecords_builder.pairing.block_masking import BlockMasker
from tfrecords_builder.pairing.masking import SpecialIds

# Tokens a pool at most, whatever the number of documents: some 4,000 notes of MIMIC-III. It keeps
# a worker's memory from growing with the notes.
POOL_TOKENS = 1 << 21
# Records made at a time; their matrices stay in the processor's cache.
BLOCK = 2048


@dataclasses.dataclass(frozen=True)
class ShardBuilder:
    """Builds shards of one build.

    Attributes:
        settings: the build's settings.
        special_ids: the ids of [CLS], [SEP] and [MASK].
        starts_word: bool [vocabulary], whether a wordpiece begins a word.
        folder: the build's folder, where the documents are spilled.
    """

    settings: BuilderSettings
    special_ids: SpecialIds
    starts_word: np.ndarray = dataclasses.field(repr=False)
    folder: BuildFolder

    def build(self, shard: int, documents: int | None = None) -> dict[str, int | str]:
        """Writes shard `shard` and notes that it is finished.

        Args:
            shard: its number.
            documents: how many it must have; None is not checked.

        Returns:
            {"file", "instances", "bytes"} as in the manifest, and "random_next", instances with a
            random second segment.

        Raises:
            OSError: the file cannot be written; names it.
            ValueError: spilled documents are missing.
        """
        settings = self.settings
        path = os.path.join(settings.output_dir, settings.shard_name(shard))
        features = records.record_features(
            settings.max_seq_length,
            settings.max_predictions_per_seq,
            len(self.starts_word),
            masked=settings.masking == "static",
        )
        stored = ShardDocuments(
            self.folder.spill_folder,
            shard,
            settings.pool_documents,
            POOL_TOKENS,
            len(self.starts_word),
            documents,
        )
        rng = np.random.default_rng([settings.random_seed, shard])
        random_next = 0
        with records.RecordWriter(path, features, settings.compression) as writer:
            for number in range(stored.pools):
                random_next += self._write_pool(stored.pool(number), writer, rng)
        finished = {
            "file": os.path.basename(path),
            "instances": writer.count,
            "bytes": os.path.getsize(path),
            "random_next": random_next,
        }
        self.folder.finish_shard(finished)
        return finished

    def _write_pool(
        self, pool: streaming_pairing.Pool, writer: records.RecordWriter, rng: np.random.Generator
    ) -> int:
        """Writes the instances of a pool; returns how many have a random second segment."""
        settings = self.settings
        made = streaming_pairing.make_pairs(
            pool,
            max_seq_length=settings.max_seq_length,
            short_seq_prob=settings.short_seq_prob,
            dupe_factor=settings.passes,
            rng=rng,
        )
        masker = BlockMasker(
            self.special_ids,
            self.starts_word,
            settings.masked_lm_prob,
            settings.max_predictions_per_seq,
            settings.do_whole_word_mask,
        )
        random_next = 0
        for start in range(0, len(made), BLOCK):
            some = made.take(slice(start, start + BLOCK))
            block = streaming_pairing.gather_block(
                pool, some, settings.max_seq_length, self.special_ids
            )
            if settings.masking == "static":
                block = masker.mask(block, some.a_length, some.b_length, rng)
            random_next += int(block["next_sentence_labels"].sum())
            writer.write(block)
        return random_next
