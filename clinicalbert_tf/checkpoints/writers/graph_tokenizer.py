"""BERT tokenization inside a TensorFlow graph, for models that take raw strings.

Only TensorFlow's own operators: the graph runs wherever TensorFlow does, in TensorFlow Serving of
any version too. It gives the reference's wordpieces for every text; see graph_words for the one
letter (the Greek capital sigma) whose rule is simpler here. Bytes that are no UTF-8 are left out,
as the reference leaves them out.
"""

import re

import tensorflow as tf

from clinicalbert_tf.checkpoints.readers.huggingface_added_tokens import tokens_without_graph
from clinicalbert_tf.checkpoints.writers.graph_wordpieces import GraphWordpieces
from clinicalbert_tf.checkpoints.writers.graph_words import GraphWords
from tfrecords_builder.tokenization import BertTokenizer

# Stands around added tokens while a text is split; the tokenizer removes it from texts anyway.
_MARK = "\0"


class GraphTokenizer(tf.Module):
    """Strings to wordpiece ids, and to the padded inputs of a BERT.

    Args:
        tokenizer: vocabulary, casing and added tokens.
        max_seq_length: tokens of the longest sequence, [CLS] and [SEP] included.

    Source: BERT (Devlin et al. 2018), tokenization.py and convert_single_example.
    """

    def __init__(self, tokenizer: BertTokenizer, max_seq_length: int):
        super().__init__(name="tokenizer")
        self._tokenizer = tokenizer
        self._max_seq_length = max_seq_length
        self._words = GraphWords(tokenizer.do_lower_case)
        self._wordpieces = GraphWordpieces(tokenizer)
        cannot = tokens_without_graph(tokenizer.added_tokens)
        as_they_stand, normalized = tokenizer.added_token_texts()
        self._as_they_stand = {t: i for t, i in as_they_stand.items() if i not in _ids(cannot)}
        self._normalized = {t: i for t, i in normalized.items() if i not in _ids(cannot)}
        if self._normalized:
            self._normal = GraphWords(tokenizer.do_lower_case, separate=False)

    def tokenize(self, text) -> tf.RaggedTensor:
        """string tensor [...] -> int32 ragged tensor [..., wordpieces]."""
        return tf.ragged.map_flat_values(self._tokenize_flat, text)

    def tokenize_with_masks(self, text) -> tf.RaggedTensor:
        """As tokenize, for strings [batch]; each "[MASK]" in a text is one wordpiece."""
        # Tokenization would split the brackets off, so [MASK] is put between what it splits.
        pieces = self.tokenize(tf.strings.split(text, "[MASK]"))
        parts = pieces.row_lengths()
        mask = tf.RaggedTensor.from_row_lengths(
            tf.fill([tf.reduce_sum(parts), 1], self._tokenizer.mask_id), parts
        )
        return tf.concat([pieces, mask], axis=2).merge_dims(1, 2)[:, :-1]

    def pack(self, pieces: tf.RaggedTensor, second: tf.RaggedTensor | None = None) -> dict:
        """Wordpieces to inputs: cut off, between [CLS] and [SEP], padded to the longest.

        Args:
            pieces: int32 ragged tensor [batch, wordpieces].
            second: the same of each second text, or None; a row without wordpieces is none. The
                longer of two texts is cut off first, as in the reference.

        Returns:
            token_ids, segment_ids and padding_mask, int32 [batch, length].
        """
        rows = pieces.nrows()
        first, last = (
            tf.fill([rows, 1], special)
            for special in (self._tokenizer.cls_id, self._tokenizer.sep_id)
        )
        if second is None:
            tokens = tf.concat([first, pieces[:, : self._max_seq_length - 2], last], axis=1)
            begin = tokens.row_lengths()
        else:
            kept, kept_second = self._truncated(pieces, second)
            closing = tf.RaggedTensor.from_tensor(last)
            closing = tf.ragged.boolean_mask(
                closing, tf.RaggedTensor.from_tensor((kept_second.row_lengths() > 0)[:, None])
            )
            begin = kept.row_lengths() + 2
            tokens = tf.concat([first, kept, last, kept_second, closing], axis=1)
        token_ids = tokens.to_tensor(self._tokenizer.pad_id)
        length = tf.shape(token_ids)[1]
        padding_mask = tf.sequence_mask(tokens.row_lengths(), length, dtype=tf.int32)
        before = tf.sequence_mask(begin, length, dtype=tf.int32)
        return {
            "token_ids": token_ids,
            "segment_ids": padding_mask - tf.minimum(before, padding_mask),
            "padding_mask": padding_mask,
        }

    def mask_positions(self, token_ids) -> tf.RaggedTensor:
        """int32 [batch, length] -> int32 ragged tensor [batch, masks], where [MASK] stands."""
        places = tf.broadcast_to(tf.range(tf.shape(token_ids)[1]), tf.shape(token_ids))
        return tf.ragged.boolean_mask(places, token_ids == self._tokenizer.mask_id)

    def _truncated(self, pieces, second):
        """Both texts of each pair, the longer one shortened until they fit; then the first one."""
        one, two = pieces.row_lengths(), second.row_lengths()
        # [CLS] and two [SEP]; a text alone has one [SEP] less.
        room = self._max_seq_length - tf.cast(tf.where(two > 0, 3, 2), one.dtype)
        excess = tf.maximum(one + two - room, 0)
        # The longer text gives until both are equal; then they give in turns, the second first.
        from_longer = tf.minimum(excess, tf.abs(one - two))
        rest = excess - from_longer
        from_one = tf.where(one > two, from_longer, 0) + rest // 2
        from_two = tf.where(two > one, from_longer, 0) + (rest + 1) // 2
        cut = lambda ragged, lengths: tf.RaggedTensor.from_row_lengths(
            tf.boolean_mask(ragged.values, _first_of_each_row(ragged, lengths)), lengths
        )
        return cut(pieces, one - from_one), cut(second, two - from_two)

    def _tokenize_flat(self, text) -> tf.RaggedTensor:
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="ignore")
        if not self._as_they_stand and not self._normalized:
            words = self._words.split(text)
            return words.with_values(self._wordpieces.encode(words.values)).merge_dims(1, 2)
        parts, ids = self._split_at_added_tokens(text)
        words = self._words.split(tf.where(ids.values < 0, parts.values, ""))
        pieces = words.with_values(self._wordpieces.encode(words.values)).merge_dims(1, 2)
        one_or_none = tf.cast(ids.values >= 0, tf.int64)
        added = tf.RaggedTensor.from_row_lengths(
            tf.boolean_mask(ids.values, ids.values >= 0), one_or_none
        )
        return parts.with_values(tf.concat([pieces, added], axis=1)).merge_dims(1, 2)

    def _split_at_added_tokens(self, text):
        """string [n] -> ragged parts [n, parts] and the id of each, -1 for text."""
        text = tf.strings.regex_replace(text, _MARK, "")
        parts = tf.strings.split(_marked(text, self._as_they_stand), _MARK)
        ids = parts.with_values(_looked_up(parts, self._as_they_stand))
        if not self._normalized:
            return parts, ids
        normal = _marked(self._normal.normalize(parts.values), self._normalized)
        inner = tf.strings.split(tf.where(ids.values < 0, normal, parts.values), _MARK)
        inner_ids = _looked_up(inner, self._normalized)
        outer_ids = tf.gather(ids.values, inner.value_rowids())
        inner_ids = tf.where(outer_ids >= 0, outer_ids, inner_ids)
        flat = parts.with_values(inner).merge_dims(1, 2)
        return flat, flat.with_values(inner_ids)


def _ids(tokens) -> set[int]:
    return {token.id for token in tokens}


def _marked(text, tokens: dict[str, int]):
    """Each token between marks, the longest of the leftmost ones first."""
    if not tokens:
        return text
    longest_first = sorted(tokens, key=len, reverse=True)
    pattern = "|".join(re.escape(token) for token in longest_first)
    return tf.strings.regex_replace(text, pattern, _MARK + r"\0" + _MARK)


def _looked_up(parts: tf.RaggedTensor, tokens: dict[str, int]):
    """int32 [all parts]: the ids of the parts between marks, every second one of a row."""
    if not tokens:
        return tf.fill([tf.shape(parts.values)[0]], -1)
    same = parts.values[:, tf.newaxis] == tf.constant(list(tokens))[tf.newaxis, :]
    ids = tf.gather(tf.constant(list(tokens.values())), tf.argmax(same, axis=1))
    positions = tf.range(tf.shape(parts.values, tf.int64)[0]) - tf.gather(
        parts.row_starts(), parts.value_rowids()
    )
    return tf.where(positions % 2 == 1, ids, -1)


def _first_of_each_row(ragged: tf.RaggedTensor, lengths):
    positions = tf.range(tf.shape(ragged.values, tf.int64)[0]) - tf.gather(
        ragged.row_starts(), ragged.value_rowids()
    )
    return positions < tf.gather(lengths, ragged.value_rowids())
