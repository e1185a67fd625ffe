"""What one worker process of the stage holds: its two jobs and what they need."""

import numpy as np

from tfrecords_builder.building.document_encoder import Counts, DocumentEncoder
from tfrecords_builder.building.documents import NoteBatch, SentenceBlock
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.building.shard_builder import ShardBuilder
from tfrecords_builder.building.storage.build_folder import BuildFolder
from tfrecords_builder.building.storage.spill import append_documents
from tfrecords_builder.pairing.masking import SpecialIds


class StageWorker:
    """Encodes and spills batches of documents and builds shards.

    Args:
        settings: the build's settings.
        tokenizer: a `tokenization.BertTokenizer`.
    """

    def __init__(self, settings: BuilderSettings, tokenizer):
        self._encoder = DocumentEncoder(settings, tokenizer)
        folder = BuildFolder(settings.output_dir)
        self._spill_folder = folder.spill_folder
        self._builder = ShardBuilder(
            settings, SpecialIds.of(tokenizer), tokenizer.starts_word, folder
        )

    def spill(self, batch: NoteBatch | SentenceBlock) -> tuple[np.ndarray, Counts]:
        """Encodes a batch and spills it; see `DocumentEncoder.encode`.

        Returns:
            Where the documents are, for `spill.SpillIndex`, and what was counted.
        """
        documents, counts = self._encoder.encode(batch)
        return append_documents(self._spill_folder, documents), counts

    def build(self, work: tuple[int, int]) -> dict[str, int | str]:
        """Builds a shard, given with how many documents it has; see `ShardBuilder.build`.

        All documents are tokenized by now.
        """
        # What tokenization filled would stand beside the shards' documents in memory.
        self._encoder.release()
        return self._builder.build(*work)
