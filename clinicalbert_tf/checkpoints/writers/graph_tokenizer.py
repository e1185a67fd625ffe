"""BERT tokenization inside a TensorFlow graph, for models that take raw strings.

FastBertTokenizer differs from the reference in its cleaning (control characters become spaces) and
in its lower-casing (NFKC case folding). Both are done before it here, by the reference's rules.

What is left: every ASCII text gets the reference's wordpieces. Beyond ASCII nearly every text does;
known to differ are a few characters that were added to Unicode after Python's version of it, and
words of 67 to 200 characters that take more than 200 bytes of UTF-8 ([UNK] here; the reference
counts characters).
"""

import tensorflow as tf
import tensorflow_text as tf_text

from tfrecords_builder.tokenization import CONTINUATION, MAX_WORD_CHARACTERS, UNK, BertTokenizer

# What the reference removes: control and format characters but tab and line ends, and U+FFFD.
_REMOVED = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{7f}-\x{9f}\p{Cf}\x{FFFD}]"
_ACCENTS = r"\p{Mn}"


class GraphTokenizer(tf.Module):
    """Strings to wordpiece ids, and to the padded inputs of a BERT.

    Args:
        tokenizer: vocabulary and casing.
        max_seq_length: tokens of the longest sequence, [CLS] and [SEP] included.

    Source: BERT (Devlin et al. 2018), tokenization.py and convert_single_example.
    """

    def __init__(self, tokenizer: BertTokenizer, max_seq_length: int):
        super().__init__(name="tokenizer")
        self._tokenizer = tokenizer
        self._max_seq_length = max_seq_length
        # The brackets keep the name of a blank row from ever being met in text.
        rows = [row or f"[blank{number}]" for number, row in enumerate(tokenizer.inverse_vocab)]
        self._wordpiece = tf_text.FastBertTokenizer(
            vocab=rows,
            suffix_indicator=CONTINUATION,
            max_bytes_per_word=MAX_WORD_CHARACTERS,
            token_out_type=tf.int32,
            unknown_token=UNK,
        )

    def tokenize(self, text) -> tf.RaggedTensor:
        """string tensor [...] -> int32 ragged tensor [..., wordpieces]."""
        return self._wordpiece.tokenize(tf.ragged.map_flat_values(self._normalize, text))

    def tokenize_with_masks(self, text) -> tf.RaggedTensor:
        """As tokenize, for strings [batch]; each "[MASK]" in a text is one wordpiece."""
        # Tokenization would split the brackets off, so [MASK] is put between what it splits.
        pieces = self.tokenize(tf.strings.split(text, "[MASK]"))
        parts = pieces.row_lengths()
        mask = tf.RaggedTensor.from_row_lengths(
            tf.fill([tf.reduce_sum(parts), 1], self._tokenizer.mask_id), parts
        )
        return tf.concat([pieces, mask], axis=2).merge_dims(1, 2)[:, :-1]

    def pack(self, pieces: tf.RaggedTensor) -> dict[str, tf.Tensor]:
        """Wordpieces to inputs: cut off, between [CLS] and [SEP], padded to the longest.

        Args:
            pieces: int32 ragged tensor [batch, wordpieces].

        Returns:
            token_ids, segment_ids and padding_mask, int32 [batch, length].
        """
        rows = pieces.nrows()
        first, last = (
            tf.fill([rows, 1], special)
            for special in (self._tokenizer.cls_id, self._tokenizer.sep_id)
        )
        tokens = tf.concat([first, pieces[:, : self._max_seq_length - 2], last], axis=1)
        token_ids = tokens.to_tensor(self._tokenizer.pad_id)
        padding_mask = tf.sequence_mask(
            tokens.row_lengths(), tf.shape(token_ids)[1], dtype=tf.int32
        )
        return {
            "token_ids": token_ids,
            "segment_ids": tf.zeros_like(token_ids),
            "padding_mask": padding_mask,
        }

    def mask_positions(self, token_ids) -> tf.RaggedTensor:
        """int32 [batch, length] -> int32 ragged tensor [batch, masks], where [MASK] stands."""
        places = tf.broadcast_to(tf.range(tf.shape(token_ids)[1]), tf.shape(token_ids))
        return tf.ragged.boolean_mask(places, token_ids == self._tokenizer.mask_id)

    def _normalize(self, text):
        # As the reference decodes: bytes that are no UTF-8 are left out.
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="ignore")
        text = tf.strings.regex_replace(text, _REMOVED, "")
        if self._tokenizer.do_lower_case:
            text = tf.strings.lower(text, encoding="utf-8")
            text = tf_text.normalize_utf8(text, "NFD")
            text = tf.strings.regex_replace(text, _ACCENTS, "")
        return text
