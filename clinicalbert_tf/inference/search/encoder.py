"""Texts to unit vectors."""

from collections.abc import Sequence

import numpy as np

from clinicalbert_tf.inference.loading import check_length
from clinicalbert_tf.inference.search.chunks import Chunk, ChunkMaker
from clinicalbert_tf.inference.search.settings import EncoderSettings
from clinicalbert_tf.inference.vectors import VectorExtractor


class ChunkEncoder:
    """Runs a model over chunks; vectors of the last layer, pooled and of length 1.

    Args:
        bert: an object with config, tokenizer and backbone (clinicalbert_tf.from_pretrained).
        settings: how a text becomes a vector.
        batch_size: sequences of max_seq_length tokens per batch.

    Attributes:
        size: numbers per vector.

    Raises:
        ValueError: max_seq_length is beyond the model's positions.
    """

    def __init__(self, bert, settings: EncoderSettings, batch_size: int = 32):
        check_length(settings.max_seq_length, bert.config)
        self._bert = bert
        self._settings = settings
        self._vectors = VectorExtractor(
            bert.backbone, (-1,), settings.pooling, batch_size * settings.max_seq_length
        )
        self.size = self._vectors.size

    def encode(self, chunks: list[Chunk]) -> np.ndarray:
        """float32 array [chunks, size]; chunks of equal wordpieces have the same bits."""
        if not chunks:
            return np.zeros((0, self.size), np.float32)
        return unit_vectors(self._vectors.pool(chunks))

    def encode_query(self, text: str) -> np.ndarray:
        """See `encode_queries`; float32 array [size]."""
        return self.encode_queries([text])[0]

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        """The vectors of each query's first chunk, float32 array [queries, size].

        Raises:
            ValueError: a text has no wordpiece.
        """
        size = self._settings.max_seq_length - 2
        maker = ChunkMaker(self._bert.tokenizer, size + 2, size)
        first = []
        for text in texts:
            chunks = maker.chunks(0, text)
            if not chunks:
                raise ValueError(
                    f"Expected a query with a word, received {len(text)} characters without one. "
                    "Write what to look for."
                )
            first.append(chunks[0])
        return self.encode(first)


def unit_vectors(vectors: np.ndarray) -> np.ndarray:
    """Rows divided by their lengths; a row of zeros stays one, with cosine 0 to all others."""
    lengths = np.sqrt(np.sum(vectors.astype(np.float64) ** 2, axis=1, keepdims=True))
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
