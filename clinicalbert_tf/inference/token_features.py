"""Rows to the reference's JSON lines: every wordpiece with its vectors.

Source: extract_features.py of the BERT reference (Devlin et al. 2018).
"""

import json
from collections.abc import Iterator

import numpy as np

from clinicalbert_tf.inference.layers import token_function
from clinicalbert_tf.inference.predictor import Predictor
from clinicalbert_tf.texts.batches import Block

_DIGITS = 6


class TokenFeatureExtractor:
    """Reads the layers of a backbone for every token of rows that are one sequence each.

    Args:
        backbone: a keras_nlp BertBackbone.
        inverse_vocab: wordpieces by id.
        layers: the reference's indexes, -1 for the last encoder layer; they stand in the output
            as given.
        batch_tokens: positions per batch at most, padding included.

    Raises:
        ValueError: the model has no such layer.
    """

    def __init__(
        self, backbone, inverse_vocab: list[str], layers: tuple[int, ...], batch_tokens: int
    ):
        self._predictor = Predictor(
            token_function(backbone, layers), batch_tokens, per_token=("hidden",)
        )
        self._predictor.prepare()
        self._inverse_vocab = inverse_vocab
        self._layers = layers

    def compute(self, block: Block) -> list[np.ndarray]:
        """The hidden states of a block's rows, float32 arrays [length, layers, hidden]."""
        return self._predictor.predict(
            [sequence.token_ids for sequence in block.sequences],
            [sequence.second_segment for sequence in block.sequences],
        )["hidden"]

    def lines(self, block: Block, values: list[np.ndarray]) -> Iterator[str]:
        """One JSON object per row, in the order of the rows, without line ends.

        Args:
            block: the rows.
            values: as `compute` returns them.
        """
        for number, (sequence, hidden) in enumerate(zip(block.sequences, values, strict=True)):
            yield self._line(block.first_row + number, sequence.token_ids, hidden)

    def _line(self, number: int, token_ids: np.ndarray, hidden: np.ndarray) -> str:
        rounded = np.round(hidden.astype(np.float64), _DIGITS).tolist()
        features = [
            {
                "token": self._inverse_vocab[row],
                "layers": [
                    {"index": layer, "values": values}
                    for layer, values in zip(self._layers, of_token, strict=True)
                ],
            }
            for row, of_token in zip(token_ids.tolist(), rounded, strict=True)
        ]
        # "linex_index" is the reference's spelling, on which its readers rely.
        return json.dumps({"linex_index": number, "features": features})
