"""What a model puts in the place of [MASK]."""

import dataclasses

import numpy as np
import tensorflow as tf

MASK = "[MASK]"


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A wordpiece for a masked place.

    Attributes:
        token: the wordpiece; one that continues a word begins with `##`.
        probability: its share of the softmax over the whole vocabulary.
    """

    token: str
    probability: float


def log_probability_function(pretraining_model):
    """A graph function for the masked language model, traced once for every shape.

    Args:
        pretraining_model: see clinicalbert_tf.modeling.

    Returns:
        A function of token_ids, segment_ids, padding_mask, int32 [batch, length], and
        mask_positions, int32 [batch, predictions], to float32 log probabilities
        [batch, predictions, vocabulary].
    """
    names = ("token_ids", "segment_ids", "padding_mask", "mask_positions")
    signature = [tf.TensorSpec([None, None], tf.int32, name=name) for name in names]

    @tf.function(input_signature=signature, autograph=False)
    def run(token_ids, segment_ids, padding_mask, mask_positions):
        inputs = {
            "token_ids": token_ids,
            "segment_ids": segment_ids,
            "padding_mask": padding_mask,
            "mask_positions": mask_positions,
        }
        return tf.nn.log_softmax(pretraining_model(inputs, training=False)["mlm_logits"])

    return run


class MaskFiller:
    """Fills [MASK] in texts.

    Args:
        bert: an object with config, tokenizer and pretraining_model
            (clinicalbert_tf.from_pretrained); its masked language model's head must be restored.
    """

    def __init__(self, bert):
        self._tokenizer = bert.tokenizer
        self._most = bert.config.max_position_embeddings
        self._log_probabilities = log_probability_function(bert.pretraining_model)

    def fill(self, text: str, top_k: int = 5) -> list[list[Candidate]]:
        """The most probable wordpieces for each [MASK] of a text, all masked at once.

        Args:
            text: a text with one or more `[MASK]`.
            top_k: wordpieces for each, 1 to the size of the vocabulary.

        Returns:
            One list a [MASK], in the text's order, the most probable wordpiece first.

        Raises:
            ValueError: no [MASK], more tokens than the model has positions, or a wrong `top_k`.
        """
        if not 1 <= top_k <= self._tokenizer.vocab_size:
            raise ValueError(
                f"Expected top_k from 1 to {self._tokenizer.vocab_size}, the vocabulary's size, "
                f"received {top_k}. Correct --top_k."
            )
        token_ids = self._encode(text)
        positions = np.flatnonzero(token_ids == self._tokenizer.mask_id).astype(np.int32)
        found = self._log_probabilities(
            token_ids=token_ids[None],
            segment_ids=np.zeros_like(token_ids)[None],
            padding_mask=np.ones_like(token_ids)[None],
            mask_positions=positions[None],
        )
        # An embedding may have more rows than the vocabulary, rounded up for speed.
        values, rows = tf.math.top_k(found[0, :, : self._tokenizer.vocab_size], top_k)
        return [
            [
                Candidate(self._tokenizer.inverse_vocab[row], float(np.exp(value)))
                for row, value in zip(rows_here, values_here, strict=True)
            ]
            for rows_here, values_here in zip(rows.numpy(), values.numpy(), strict=True)
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
