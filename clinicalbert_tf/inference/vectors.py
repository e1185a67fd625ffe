"""Rows to one vector each: pooled over the tokens of all windows of a row.

mean  the mean over the tokens, each counted once however many windows hold it; [CLS] of the first
      window and [SEP] of the last count, as they do in a text of one window.
cls   the mean of the windows' [CLS] vectors, each weighted with the tokens that its window owns.
max   the largest value of each component over the tokens.
"""

import dataclasses

import numpy as np

from clinicalbert_tf.inference.layers import pooling_function
from clinicalbert_tf.inference.predictor import Predictor
from clinicalbert_tf.texts.batches import Block
from clinicalbert_tf.texts.windows import Sequence


@dataclasses.dataclass(frozen=True)
class Vectors:
    """What a block of rows became.

    Attributes:
        values: float32 array [rows, layers * hidden]; layers one after the other as asked for.
        tokens: int64 array [rows], tokens of a row, each counted once, [CLS] and [SEP] included.
        windows: int64 array [rows], sequences of a row.
    """

    values: np.ndarray = dataclasses.field(repr=False)
    tokens: np.ndarray = dataclasses.field(repr=False)
    windows: np.ndarray = dataclasses.field(repr=False)


class VectorExtractor:
    """Pools the layers of a backbone over rows.

    Args:
        backbone: a keras_nlp BertBackbone.
        layers: the reference's indexes, -1 for the last encoder layer.
        pooling: "mean", "cls" or "max".
        batch_tokens: positions per batch at most, padding included.

    Raises:
        ValueError: the model has no such layer, or there is no such pooling.
    """

    def __init__(self, backbone, layers: tuple[int, ...], pooling: str, batch_tokens: int):
        self._predictor = Predictor(
            pooling_function(backbone, layers, pooling),
            batch_tokens,
            extras=("owned_start", "owned_end"),
        )
        self._predictor.prepare()
        self._pooling = pooling
        self.size = len(layers) * backbone.hidden_dim

    def extract(self, block: Block) -> Vectors:
        """The vectors of a block, in the order of its rows."""
        owners = np.array([sequence.row for sequence in block.sequences])
        owned = np.array([s.owned_end - s.owned_start for s in block.sequences])
        pooled = self.pool(block.sequences)
        rows = len(block.rows)
        tokens = np.bincount(owners, owned, rows).astype(np.int64)
        windows = np.bincount(owners, minlength=rows)
        return Vectors(self._join_windows(pooled, owners, owned, tokens), tokens, windows)

    def pool(self, sequences: list[Sequence]) -> np.ndarray:
        """Pools each sequence by itself over the tokens that it owns.

        Returns:
            float32 array [sequences, layers * hidden]; sums for "mean".
        """
        return self._predictor.predict(
            [sequence.token_ids for sequence in sequences],
            [sequence.second_segment for sequence in sequences],
            owned_start=[sequence.owned_start for sequence in sequences],
            owned_end=[sequence.owned_end for sequence in sequences],
        )["pooled"]

    def _join_windows(self, pooled, owners, owned, tokens) -> np.ndarray:
        # A row's sequences stand one after another, so every row is one slice.
        first = np.searchsorted(owners, np.arange(len(tokens)))
        if self._pooling == "max":
            return np.maximum.reduceat(pooled, first, axis=0)
        if self._pooling == "cls":
            pooled = pooled * owned[:, None]
        sums = np.add.reduceat(pooled, first, axis=0, dtype=np.float64)
        return (sums / tokens[:, None]).astype(np.float32)
