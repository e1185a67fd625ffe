"""How much a model expects words after a context, all of their wordpieces masked at once."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from clinicalbert_tf.inference.masked_words import log_probabilities

# Places [sequences, masks, vocabulary] held at once: 2**24 float32 are 64 MiB.
_CELLS_AT_ONCE = 1 << 24


class MaskedScorer:
    """Scores words in masked templates.

    Args:
        bert: an object with config, tokenizer and pretraining_model
            (clinicalbert_tf.from_pretrained); its masked language model's head must be restored.
    """

    def __init__(self, bert):
        self._tokenizer = bert.tokenizer
        self._vocabulary = bert.config.vocab_size
        self._most = bert.config.max_position_embeddings
        names = ("token_ids", "segment_ids", "padding_mask", "mask_positions")
        any_shape = {name: tf.TensorSpec([None, None], tf.int32, name=name) for name in names}
        # Traced once for every shape.
        self._log_probabilities = tf.function(
            lambda inputs: log_probabilities(bert.pretraining_model, inputs),
            input_signature=[any_shape],
            autograph=False,
        )

    def pieces(self, text: str) -> tuple[int, ...]:
        """The wordpieces of a text."""
        return tuple(int(piece) for piece in self._tokenizer.encode(text))

    def masks(self, text: str) -> tuple[int, ...]:
        """As many [MASK] as the text has wordpieces."""
        return (self._tokenizer.mask_id,) * len(self.pieces(text))

    def scores(
        self, contexts: Sequence[tuple[int, ...]], targets: Sequence[tuple[int, ...]]
    ) -> np.ndarray:
        """Mean log probability of each target's wordpieces after each context.

        Args:
            contexts: wordpieces of each.
            targets: wordpieces of each, at least one.

        Returns:
            float64 [contexts, targets].

        Raises:
            ValueError: a context with its target has more tokens than the model has positions.
        """
        found = np.empty((len(contexts), len(targets)))
        lengths = np.array([len(context) for context in contexts])
        sizes = np.array([len(target) for target in targets])
        self._check(int(lengths.max(initial=0) + sizes.max(initial=0)) + 2)
        for size in np.unique(sizes):
            columns = np.flatnonzero(sizes == size)
            wanted = np.array([targets[column] for column in columns])
            for length in np.unique(lengths):
                rows = np.flatnonzero(lengths == length)
                at_once = max(1, _CELLS_AT_ONCE // int(size * self._vocabulary))
                for start in range(0, len(rows), at_once):
                    some = rows[start : start + at_once]
                    values = self._masked([contexts[row] for row in some], int(size))
                    picked = values[:, np.arange(size), wanted].mean(axis=-1, dtype=np.float64)
                    found[np.ix_(some, columns)] = picked
        return found

    def _masked(self, contexts: list[tuple[int, ...]], size: int) -> np.ndarray:
        """Log probabilities at the masks, float32 [contexts, size, vocabulary]."""
        tokenizer = self._tokenizer
        end = (tokenizer.mask_id,) * size + (tokenizer.sep_id,)
        ids = np.array([(tokenizer.cls_id, *context, *end) for context in contexts], np.int32)
        places = np.arange(ids.shape[1] - 1 - size, ids.shape[1] - 1, dtype=np.int32)
        inputs = {
            "token_ids": ids,
            "segment_ids": np.zeros_like(ids),
            "padding_mask": np.ones_like(ids),
            "mask_positions": np.tile(places, (len(contexts), 1)),
        }
        return self._log_probabilities(inputs).numpy()

    def _check(self, tokens: int) -> None:
        if tokens > self._most:
            raise ValueError(
                f"Expected names and conditions of at most {self._most} tokens in a template, the "
                f"positions of this model, received {tokens}. Shorten the conditions."
            )
