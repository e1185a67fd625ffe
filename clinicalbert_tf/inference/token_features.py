"""Rows to the reference's JSON lines: every wordpiece with its vectors.

Source: extract_features.py of the BERT reference (Devlin et al. 2018).
"""

import json
from collections.abc import Iterator

import numpy as np

from clinicalbert_tf.inference.batches import Block, bucket_by_length, pad
from clinicalbert_tf.inference.layers import token_function

_DIGITS = 6


class TokenFeatureExtractor:
    """Reads the layers of a backbone for every token of rows that are one sequence each.

    Args:
        backbone: a keras_nlp BertBackbone.
        inverse_vocab: wordpieces by id.
        layers: the reference's indexes, -1 for the last encoder layer; they stand in the output
            as given.
        batch_tokens: places a batch at most, padding included.

    Raises:
        ValueError: the model has no such layer.
    """

    def __init__(
        self, backbone, inverse_vocab: list[str], layers: tuple[int, ...], batch_tokens: int
    ):
        self._run = token_function(backbone, layers)
        self._inverse_vocab = inverse_vocab
        self._layers = layers
        self._batch_tokens = batch_tokens

    def extract(self, block: Block) -> Iterator[str]:
        """One JSON object a row, in the order of the rows, without line ends."""
        lengths = np.array([len(sequence) for sequence in block.sequences])
        values: list[np.ndarray] = [np.empty(0)] * len(lengths)
        for members in bucket_by_length(lengths, self._batch_tokens):
            hidden = self._run(**pad(block.sequences, members).inputs()).numpy()
            for place, member in enumerate(members):
                # A copy without the padding, so that the batch's array can go.
                values[member] = hidden[place, : lengths[member]].copy()
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
