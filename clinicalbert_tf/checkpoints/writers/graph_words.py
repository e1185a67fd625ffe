"""The rules of BERT's basic tokenizer as a table, for graphs of TensorFlow's own operators.

Each character has one replacement whatever its neighbours are: nothing, a space, itself between
spaces, or its lower-case letters without accents. The table is made by the tokenizer itself, so
that both have one version of Unicode. One rule looks at neighbours: a capital sigma at the end of a
word becomes the final one; the graph decides that by letters next to it, Python by Unicode's longer
rule.
"""

import functools
import sys
import unicodedata

import tensorflow as tf

from tfrecords_builder.tokenization import BasicTokenizer

# Stands for "itself": no replacement holds it.
_ITSELF = "\0"
# Unassigned, for private use, and surrogates, which are no characters of UTF-8.
_UNTOUCHED = ("Cn", "Co", "Cs")
_FINAL_SIGMA = ("(\\p{L})\u03a3($|\\P{L})", "\\1\u03c2\\2")


@functools.lru_cache(maxsize=4)
def replacements(do_lower_case: bool, separate: bool) -> dict[int, str]:
    """Returns {code point: replacement} of all characters that are not replaced by themselves.

    Chinese characters, which are put between spaces, are left out if nothing else happens to them.

    Args:
        do_lower_case: whether to lower-case and to strip accents.
        separate: whether to put punctuation between spaces.
    """
    tokenizer = BasicTokenizer(do_lower_case)
    found = {}
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        if unicodedata.category(char) in _UNTOUCHED:
            continue
        if is_cjk(code) and not unicodedata.decomposition(char):
            continue
        replacement = tokenizer.replacement(char, separate)
        if replacement not in (char, f" {char} ") or (replacement != char and not is_cjk(code)):
            found[code] = replacement
    return found


def is_cjk(code: int) -> bool:
    """Returns whether the reference takes a code point for a Chinese character."""
    return any(first <= code <= last for first, last in BasicTokenizer.cjk_ranges)


class GraphWords(tf.Module):
    """Strings to the words that WordPiece splits.

    Args:
        do_lower_case: whether to lower-case and to strip accents.
        separate: whether to put punctuation between spaces; without, texts are only normalized.

    Source: BERT (Devlin et al. 2018), BasicTokenizer of tokenization.py.
    """

    def __init__(self, do_lower_case: bool, separate: bool = True):
        super().__init__(name="words")
        self._do_lower_case = do_lower_case
        table = replacements(do_lower_case, separate)
        initializer = tf.lookup.KeyValueTensorInitializer(
            tf.constant(list(table), tf.int64), tf.constant(list(table.values()), tf.string)
        )
        self._table = tf.lookup.StaticHashTable(initializer, _ITSELF)

    def normalize(self, text):
        """string [n] -> string [n] of words with spaces between them."""
        if self._do_lower_case:
            text = tf.strings.regex_replace(text, *_FINAL_SIGMA)
        codes = tf.strings.unicode_decode(text, "UTF-8", errors="ignore")
        return tf.strings.reduce_join(tf.ragged.map_flat_values(self._replace, codes), axis=-1)

    def split(self, text):
        """string [n] -> string ragged tensor [n, words]."""
        return tf.strings.split(self.normalize(text))

    def _replace(self, codes):
        itself = tf.strings.unicode_encode(codes[:, tf.newaxis], "UTF-8")
        chinese = tf.zeros_like(codes, tf.bool)
        for first, last in BasicTokenizer.cjk_ranges:
            chinese |= (codes >= first) & (codes <= last)
        spaced = tf.where(chinese, tf.strings.join([" ", itself, " "]), itself)
        found = self._table.lookup(tf.cast(codes, tf.int64))
        return tf.where(found == _ITSELF, spaced, found)
