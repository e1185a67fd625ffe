"""WordPiece in TensorFlow's own operators: greedy longest match first, all words at once."""

import tensorflow as tf

from tfrecords_builder.tokenization import CONTINUATION, MAX_WORD_CHARACTERS, BertTokenizer

_NONE = -1


class GraphWordpieces(tf.Module):
    """Words to ids.

    Args:
        tokenizer: its wordpieces; rows of added tokens alone are none.

    Source: BERT (Devlin et al. 2018), WordpieceTokenizer of tokenization.py.
    """

    def __init__(self, tokenizer: BertTokenizer):
        super().__init__(name="wordpieces")
        pieces = tokenizer.wordpieces()
        initializer = tf.lookup.KeyValueTensorInitializer(
            tf.constant(list(pieces), tf.string), tf.constant(list(pieces.values()), tf.int64)
        )
        self._table = tf.lookup.StaticHashTable(initializer, _NONE)
        self._unknown = tokenizer.unk_id
        self._longest = max(len(piece.removeprefix(CONTINUATION)) for piece in pieces)

    def encode(self, words):
        """string [n] -> int32 ragged tensor [n, pieces]."""
        lengths = tf.strings.length(words, unit="UTF8_CHAR")
        count = tf.shape(words, tf.int64)[0]
        rows, ids, failed = self._match(words, lengths)
        failed |= lengths > MAX_WORD_CHARACTERS
        known = tf.logical_not(tf.gather(failed, rows))
        unknown_rows = tf.cast(tf.where(failed)[:, 0], tf.int32)
        rows = tf.concat([tf.boolean_mask(rows, known), unknown_rows], axis=0)
        ids = tf.concat(
            [tf.boolean_mask(ids, known), tf.fill(tf.shape(unknown_rows), self._unknown)], axis=0
        )
        # Pieces come in rounds, the first of all words first: a stable sort brings them together.
        order = tf.argsort(rows, stable=True)
        rows = tf.cast(tf.gather(rows, order), tf.int64)
        return tf.RaggedTensor.from_value_rowids(tf.gather(ids, order), rows, nrows=count)

    def _match(self, words, lengths):
        """One piece of every unfinished word a round.

        Returns:
            rows, ids: int32 [pieces], the word and the id of each piece found.
            failed: bool [n], words with a part that is in no row.
        """
        empty = tf.zeros([0], tf.int32)
        state = (
            tf.range(tf.shape(words)[0]),
            tf.zeros_like(lengths),
            empty,
            empty,
            tf.zeros_like(lengths, tf.bool),
        )
        shapes = tuple(tf.TensorShape([None]) for _ in state)

        def one_round(active, starts, rows, ids, failed):
            piece, size = self._longest_pieces(
                tf.gather(words, active), starts, tf.gather(lengths, active)
            )
            found = size > 0
            rows = tf.concat([rows, tf.boolean_mask(active, found)], axis=0)
            ids = tf.concat([ids, tf.boolean_mask(piece, found)], axis=0)
            lost = tf.boolean_mask(active, tf.logical_not(found))
            failed = tf.tensor_scatter_nd_update(
                failed, lost[:, tf.newaxis], tf.ones_like(lost, tf.bool)
            )
            starts = starts + size
            goes_on = found & (starts < tf.gather(lengths, active))
            return (
                tf.boolean_mask(active, goes_on),
                tf.boolean_mask(starts, goes_on),
                rows,
                ids,
                failed,
            )

        _, _, rows, ids, failed = tf.while_loop(
            lambda active, *_: tf.size(active) > 0, one_round, state, shape_invariants=shapes
        )
        return rows, ids, failed

    def _longest_pieces(self, words, starts, lengths):
        """The longest piece at the start of the rest of each word: its id and its characters."""
        sizes = tf.range(1, self._longest + 1)[tf.newaxis, :]
        fits = starts[:, tf.newaxis] + sizes <= lengths[:, tf.newaxis]
        places = tf.broadcast_to(starts[:, tf.newaxis], tf.shape(fits))
        parts = tf.strings.substr(
            tf.broadcast_to(words[:, tf.newaxis], tf.shape(fits)),
            places,
            tf.broadcast_to(sizes, tf.shape(fits)),
            unit="UTF8_CHAR",
        )
        prefix = tf.where(places > 0, CONTINUATION, "")
        ids = tf.cast(self._table.lookup(tf.strings.join([prefix, parts])), tf.int32)
        size = tf.reduce_max(tf.where(fits & (ids != _NONE), sizes, 0), axis=1)
        piece = tf.gather(ids, tf.maximum(size - 1, 0), axis=1, batch_dims=1)
        return piece, size
