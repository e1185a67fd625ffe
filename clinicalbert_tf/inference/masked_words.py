"""What a model puts in the place of [MASK]."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from clinicalbert_tf.inference.predictor import Predictor

MASK = "[MASK]"
# Every masked place takes a row as long as the vocabulary: fewer at a time than elsewhere.
_BATCH_TOKENS = 1024


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A wordpiece for a masked place.

    Attributes:
        token: the wordpiece; one that continues a word begins with `##`.
        probability: its share of the softmax over the whole vocabulary.
    """

    token: str
    probability: float


def log_probabilities(pretraining_model, inputs):
    """What the masked language model expects.

    Args:
        pretraining_model: see clinicalbert_tf.modeling.
        inputs: token_ids, segment_ids, padding_mask, int32 [batch, length], and mask_positions,
            int32 [batch, predictions]; others are left alone.

    Returns:
        float32 [batch, predictions, vocabulary].
    """
    return tf.nn.log_softmax(pretraining_model(inputs, training=False)["mlm_logits"])


class MaskFiller:
    """Fills [MASK] in texts.

    Args:
        bert: an object with config, tokenizer and pretraining_model
            (clinicalbert_tf.from_pretrained); its masked language model's head must be restored.
    """

    def __init__(self, bert):
        self._tokenizer = bert.tokenizer
        self._most = bert.config.max_position_embeddings
        self._predictor = Predictor(
            _candidates_function(bert.pretraining_model, self._tokenizer.vocab_size),
            _BATCH_TOKENS,
            extras=("top_k",),
            wide_extras=("mask_positions",),
        )

    def fill(self, text: str, top_k: int = 5) -> list[list[Candidate]]:
        """The most probable wordpieces for each [MASK] of a text; see `fill_all`."""
        return self.fill_all([text], top_k)[0]

    def fill_all(self, texts: Sequence[str], top_k: int = 5) -> list[list[list[Candidate]]]:
        """The most probable wordpieces for each [MASK] of each text, all of a text masked at once.

        Args:
            texts: texts with one or more `[MASK]` each, at least one text.
            top_k: wordpieces for each, 1 to the size of the vocabulary.

        Returns:
            For each text one list per [MASK], in the text's order, the most probable wordpiece
            first.

        Raises:
            ValueError: no [MASK], more tokens than the model has positions, or a wrong `top_k`.
        """
        if not 1 <= top_k <= self._tokenizer.vocab_size:
            raise ValueError(
                f"Expected top_k from 1 to {self._tokenizer.vocab_size}, the vocabulary's size, "
                f"received {top_k}. Correct --top_k."
            )
        token_ids = [self._encode(text) for text in texts]
        places = [np.flatnonzero(ids == self._tokenizer.mask_id) for ids in token_ids]
        # A place more than the text has is filled too, and dropped.
        positions = np.zeros((len(texts), max(map(len, places))), np.int32)
        for row, of_text in zip(positions, places, strict=True):
            row[: len(of_text)] = of_text
        found = self._predictor.predict(
            token_ids, mask_positions=positions, top_k=[top_k] * len(texts)
        )
        return [
            [
                self._candidates(*of_mask)
                for of_mask in zip(rows[:count], values[:count], strict=True)
            ]
            for rows, values, count in zip(
                found["rows"], found["values"], map(len, places), strict=True
            )
        ]

    def _candidates(self, rows: np.ndarray, values: np.ndarray) -> list[Candidate]:
        return [
            Candidate(self._tokenizer.inverse_vocab[row], float(np.exp(value)))
            for row, value in zip(rows, values, strict=True)
        ]

    def _encode(self, text: str) -> np.ndarray:
        # Tokenization would split the brackets off, so [MASK] is put between what it splits.
        first, *others = text.split(MASK)
        if not others:
            raise ValueError(
                f"Expected a text with {MASK}, received one of {len(text)} characters without it. "
                f"Write {MASK}, upper case, where the word is to be found."
            )
        ids = [self._tokenizer.cls_id, *self._tokenizer.encode(first)]
        for other in others:
            ids += [self._tokenizer.mask_id, *self._tokenizer.encode(other)]
        ids.append(self._tokenizer.sep_id)
        if len(ids) > self._most:
            raise ValueError(
                f"Expected a text of at most {self._most} tokens, the positions of this model, "
                f"received {len(ids)} with [CLS] and [SEP]. Shorten the text."
            )
        return np.array(ids, np.int32)


def _candidates_function(pretraining_model, vocab_size: int):
    """A function for a Predictor: the `top_k` best rows of the vocabulary at each position."""

    def run(inputs):
        found = log_probabilities(pretraining_model, inputs)
        # An embedding may have more rows than the vocabulary, rounded up for speed.
        values, rows = tf.math.top_k(found[..., :vocab_size], inputs["top_k"][0])
        return {"values": values, "rows": rows}

    return run
