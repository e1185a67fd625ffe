"""Masks whole batches of unmasked records, a fresh mask for every place in the order of records.

What is masked is a pure function of (seed, place of the record): it depends neither on the
batch size nor on replicas, workers and restarts, and a worker draws for its own records only.

Source: create_masked_lm_predictions (Devlin et al. 2018, section 3.1); whole words as in the
reference's release of May 2019.
"""

import hashlib

import numpy as np
import tensorflow as tf

from clinicalbert_tf.input_pipeline.masking_rule import MaskingRule
from tfrecords_builder import tokenization

# The generator's numbers come in blocks of four; a record's draws fill whole blocks.
_PHILOX, _BLOCK = 1, 4
# Numbers are drawn from 0 to 2^31 - 1. Eight of ten masked words become [MASK], one stays.
_RANGE = 1 << 31
_BECOMES_MASK, _STAYS = int(0.8 * _RANGE), int(0.9 * _RANGE)


class DynamicMasker:
    """Masks batches of parsed, unmasked records.

    Args:
        rule: what to mask.
        max_seq_length: tokens per record, padding included.
        stream: names the stream of random numbers, seed included; other names draw others.
    """

    def __init__(self, rule: MaskingRule, max_seq_length: int, stream: str):
        vocab = tokenization.load_vocabulary(rule.vocab_file)
        self._mask_id = vocab[tokenization.MASK]
        self._never_masked = [vocab[tokenization.CLS], vocab[tokenization.SEP]]
        # Rows of blank lines have no wordpiece but can be drawn, as in the builder.
        self._vocab_size = max(vocab.values()) + 1
        self._starts_word = np.ones(self._vocab_size, bool)
        self._starts_word[
            [i for token, i in vocab.items() if token.startswith(tokenization.CONTINUATION)]
        ] = False
        self._limits = np.array(rule.limits(max_seq_length), np.int32)
        self._length = max_seq_length
        self._predictions = rule.max_predictions_per_seq
        # No more can be chosen than there are tokens.
        self._columns = min(max_seq_length, self._predictions)
        self._choose = self._choose_words if rule.do_whole_word_mask else self._choose_tokens
        wanted = max_seq_length + 2 * self._columns
        self._draws = -(-wanted // _BLOCK) * _BLOCK
        digest = hashlib.sha256(f"masking {stream}".encode()).digest()
        self._key = np.frombuffer(digest[:8], np.uint64)

    def mask(self, features: dict[str, tf.Tensor], position: tf.Tensor) -> dict[str, tf.Tensor]:
        """Masks a batch.

        Args:
            features: token_ids, padding_mask int32 [batch, length] and others.
            position: int64 scalar, the place of the first row's record in the order of records,
                over all epochs; the other rows' places follow on.

        Returns:
            `features` with token_ids masked, and mask_positions, masked_lm_ids int32,
            masked_lm_weights float32 [batch, predictions]: positions ascending, 0 where there is
            none.
        """
        tokens = features["token_ids"]
        draws = self._draw(position, tf.shape(tokens)[0])
        of_choice, of_kind, of_id = tf.split(
            draws[:, : self._length + 2 * self._columns],
            [self._length, self._columns, self._columns],
            axis=1,
        )
        candidates = features["padding_mask"] > 0
        for token in self._never_masked:
            candidates &= tokens != token
        lengths = tf.reduce_sum(features["padding_mask"], axis=1)
        limits = tf.gather(self._limits, lengths)
        # Counted from the end, so that the largest comes first and 0 means none.
        from_end = self._choose(tokens, candidates, limits, of_choice)
        chosen = from_end > 0
        positions = tf.where(chosen, self._length - from_end, 0)
        labels = tf.gather(tokens, positions, batch_dims=1)
        replaced = tf.where(of_kind < _STAYS, labels, of_id % self._vocab_size)
        replaced = tf.where(of_kind < _BECOMES_MASK, self._mask_id, replaced)
        # Where nothing is chosen, the token at place 0 is written over itself.
        replaced = tf.where(chosen, replaced, labels)
        predictions = {
            "mask_positions": positions,
            "masked_lm_ids": tf.where(chosen, labels, 0),
            "masked_lm_weights": tf.cast(chosen, tf.float32),
        }
        padding = [[0, 0], [0, self._predictions - self._columns]]
        predictions = {name: tf.pad(values, padding) for name, values in predictions.items()}
        return features | predictions | {"token_ids": _write(tokens, positions, replaced)}

    def _draw(self, position, rows) -> tf.Tensor:
        """Random numbers from 0 to 2^31 - 1, int32 [rows, draws of a record]."""
        first = tf.cast(position, tf.uint64) * (self._draws // _BLOCK)
        bits = tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=tf.stack([rows, self._draws]),
            key=self._key,
            # The generator counts blocks: a later row's numbers are those of its own place.
            counter=tf.stack([first, tf.constant(0, tf.uint64)]),
            alg=_PHILOX,
            dtype=tf.int32,
        )
        bits = tf.ensure_shape(bits, [None, self._draws])
        return tf.bitwise.bitwise_and(bits, _RANGE - 1)

    def _choose_tokens(self, tokens, candidates, limits, draws) -> tf.Tensor:
        """Chooses single wordpieces: length - position, descending, 0 for none."""
        del tokens
        _, places = tf.math.top_k(tf.where(candidates, draws, -1), self._columns)
        available = tf.reduce_sum(tf.cast(candidates, tf.int32), axis=1)
        wanted = tf.minimum(limits, available)[:, tf.newaxis]
        from_end = tf.where(tf.range(self._columns) < wanted, self._length - places, 0)
        return tf.math.top_k(from_end, self._columns).values

    def _choose_words(self, tokens, candidates, limits, draws) -> tf.Tensor:
        """Chooses whole words in random order; one that no longer fits is passed over.

        A "##" wordpiece belongs to the word before it, also across [SEP], as in the reference.
        """
        begins = tf.gather(self._starts_word, tokens) & candidates
        # Word 0 are the tokens before the first that begins one; there may be none.
        row_start = tf.range(tf.shape(tokens)[0])[:, tf.newaxis] * self._length
        word = row_start + tf.cumsum(tf.cast(begins, tf.int32), axis=1)
        sizes = self._sum_by_place(tf.cast(candidates, tf.int32), word)
        _, order = tf.math.top_k(draws, self._length)
        order += row_start
        taken = take_while_they_fit(tf.gather(tf.reshape(sizes, [-1]), order), limits)
        taken = self._sum_by_place(tf.cast(taken, tf.int32), order)
        chosen = tf.gather(tf.reshape(taken, [-1]), word) * tf.cast(candidates, tf.int32)
        from_end = chosen * (self._length - tf.range(self._length))
        return tf.math.top_k(from_end, self._columns).values

    def _sum_by_place(self, values: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        """Sums up int32 [batch, length] by place in a tensor of that shape, rows flattened."""
        flat = tf.math.unsorted_segment_sum(values, places, tf.size(values))
        return tf.reshape(flat, [-1, self._length])


def take_while_they_fit(sizes: tf.Tensor, limits: tf.Tensor) -> tf.Tensor:
    """Takes words in order, passing over those that no longer fit.

    Each round takes all words up to the first that does not fit. That one is larger than what is
    left, so the next round begins after it; few rounds are needed, for words are short.

    Args:
        sizes: int32 [batch, words], 0 where there is no word.
        limits: int32 [batch], what all words taken may add up to.

    Returns:
        bool [batch, words].
    """

    def some_fit(waiting, taken, left):
        del taken, left
        return tf.reduce_any(waiting)

    def one_round(waiting, taken, left):
        waiting_sizes = tf.where(waiting, sizes, 0)
        fits = waiting & (tf.cumsum(waiting_sizes, axis=1) <= left)
        left -= tf.reduce_sum(tf.where(fits, sizes, 0), axis=1, keepdims=True)
        return waiting & ~fits & (sizes <= left), taken | fits, left

    left = limits[:, tf.newaxis]
    waiting = (sizes > 0) & (sizes <= left)
    _, taken, _ = tf.while_loop(some_fit, one_round, (waiting, tf.zeros_like(waiting), left))
    return taken


def _write(tokens: tf.Tensor, positions: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """`tokens` [batch, length] with `values` at `positions`, both [batch, predictions]."""
    rows = tf.broadcast_to(tf.range(tf.shape(tokens)[0])[:, tf.newaxis], tf.shape(positions))
    return tf.tensor_scatter_nd_update(tokens, tf.stack([rows, positions], axis=-1), values)
