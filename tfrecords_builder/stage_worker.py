"""What one worker process of the stage holds: its two jobs and what they need."""

from tfrecords_builder.build_folder import BuildFolder
from tfrecords_builder.documents import Counts, DocumentEncoder, NoteBatch, SentenceBlock
from tfrecords_builder.masking import SpecialIds
from tfrecords_builder.settings import BuilderSettings
from tfrecords_builder.shards import ShardBuilder
from tfrecords_builder.spill import EncodedDocument


class StageWorker:
    """Encodes batches of documents and builds shards.

    Args:
        settings: the build's settings.
        tokenizer: a `tokenization.BertTokenizer`.
    """

    def __init__(self, settings: BuilderSettings, tokenizer):
        self._encoder = DocumentEncoder(settings, tokenizer)
        self._builder = ShardBuilder(
            settings,
            SpecialIds.of(tokenizer),
            tokenizer.starts_word,
            BuildFolder(settings.output_dir),
        )

    def encode(self, batch: NoteBatch | SentenceBlock) -> tuple[list[EncodedDocument], Counts]:
        """See `DocumentEncoder.encode`."""
        return self._encoder.encode(batch)

    def build(self, shard: int) -> dict[str, int | str]:
        """See `ShardBuilder.build`."""
        return self._builder.build(shard)
