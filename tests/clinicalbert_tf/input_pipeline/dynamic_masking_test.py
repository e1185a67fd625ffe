"""Masks of unmasked records: the reference's rules, and the same on any hardware."""

import collections
import os
import random

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicalbert_tf.input_pipeline.dynamic_masking import DynamicMasker, take_while_they_fit
from clinicalbert_tf.input_pipeline.masking_rule import MaskingRule
from tests import support
from tests.tfrecords_builder.pairing.plain_pairing import Masker
from tfrecords_builder.pairing.masking import SpecialIds

LENGTH = 128
WORDS, CONTINUATIONS = 400, 200
PAD, UNK, CLS, SEP, MASK = range(5)
FIRST = 5
VOCABULARY = FIRST + WORDS + CONTINUATIONS


def rule(vocab_file, predictions=20, prob=0.15, whole_words=False):
    return MaskingRule(vocab_file, predictions, prob, whole_words)


def make_rows(count, seed=0, shortest=5, longest=LENGTH):
    """`[CLS] A [SEP] B [SEP]` of random lengths, four of ten tokens continuing a word."""
    rng = np.random.default_rng(seed)
    tokens = np.zeros((count, LENGTH), np.int32)
    lengths = rng.integers(shortest, longest + 1, count)
    for row, length in zip(tokens, lengths, strict=True):
        words = FIRST + rng.integers(0, WORDS, length)
        ends = FIRST + WORDS + rng.integers(0, CONTINUATIONS, length)
        row[:length] = np.where(rng.random(length) < 0.4, ends, words)
        row[0], row[length - 1] = CLS, SEP
        row[rng.integers(2, length - 2)] = SEP
    return tokens, lengths


def mask(masker, tokens, lengths, position=0):
    features = {
        "token_ids": tf.constant(tokens),
        "padding_mask": tf.constant((np.arange(LENGTH) < lengths[:, None]).astype(np.int32)),
    }
    masked = masker.mask(features, tf.constant(position, tf.int64))
    return {name: values.numpy() for name, values in masked.items()}


def words_of(row, length):
    """Lists of positions, a list a word, by the reference's rule."""
    words = []
    for position in range(length):
        if row[position] in (CLS, SEP):
            continue
        if words and row[position] >= FIRST + WORDS:
            words[-1].append(position)
        else:
            words.append([position])
    return words


def limit(length, predictions=20, prob=0.15):
    return min(predictions, max(1, round(length * prob)))


def builders_masks(vocab_file, tokens, lengths, whole_words):
    """(words by size, predictions by record) of the builder's static masking."""
    starts_word = np.arange(VOCABULARY) < FIRST + WORDS
    masker = Masker(
        SpecialIds(CLS, SEP, MASK), starts_word.tolist(), 0.15, 20, whole_words, random.Random(7)
    )
    for row, length in zip(tokens.tolist(), lengths, strict=True):
        ids = row[:length]
        _, positions = masker.mask(ids, ids.index(SEP))
        yield positions


class DynamicMaskingTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        tokens += [f"word{i}" for i in range(WORDS)] + [f"##end{i}" for i in range(CONTINUATIONS)]
        folder = support.class_folder(cls)
        cls.vocab_file = os.path.join(folder, "vocab.txt")
        with open(cls.vocab_file, "w", encoding="utf-8") as file:
            file.write("\n".join(tokens) + "\n")

    @parameterized.parameters(False, True)
    def test_what_is_noted_is_what_stood_there_and_nothing_else_is_changed(self, whole_words):
        tokens, lengths = make_rows(400)
        masked = mask(
            DynamicMasker(rule(self.vocab_file, 20, 0.15, whole_words), LENGTH, "a"),
            tokens,
            lengths,
        )
        self.assertEqual(masked["mask_positions"].shape, (400, 20))
        for row in range(400):
            count = int(masked["masked_lm_weights"][row].sum())
            positions = masked["mask_positions"][row]
            chosen = positions[:count]
            self.assertTrue((np.diff(chosen) > 0).all())
            self.assertFalse({CLS, SEP, PAD} & set(tokens[row][chosen].tolist()))
            self.assertAllEqual(masked["masked_lm_ids"][row][:count], tokens[row][chosen])
            for name in ("mask_positions", "masked_lm_ids", "masked_lm_weights"):
                self.assertFalse(masked[name][row][count:].any(), name)
            others = np.setdiff1d(np.arange(LENGTH), chosen)
            self.assertAllEqual(masked["token_ids"][row][others], tokens[row][others])

    def test_number_of_predictions_is_the_references(self):
        # 30 * 0.15 = 4.5 and 50 * 0.15 = 7.5 are rounded to even.
        tokens, lengths = make_rows(300, seed=1, shortest=5)
        masked = mask(DynamicMasker(rule(self.vocab_file), LENGTH, "a"), tokens, lengths)
        counts = masked["masked_lm_weights"].sum(axis=1).astype(int)
        self.assertEqual(counts.tolist(), [limit(length) for length in lengths])
        limits = rule(self.vocab_file).limits(LENGTH)
        self.assertEqual([limits[length] for length in (5, 30, 50, 128)], [1, 4, 8, 19])
        few = mask(DynamicMasker(rule(self.vocab_file, 7), LENGTH, "a"), tokens, lengths)
        self.assertEqual(few["masked_lm_weights"].sum(axis=1).max(), 7)
        # Where nearly all is to be predicted, the candidates run out.
        most = mask(DynamicMasker(rule(self.vocab_file, 200, 1.0), LENGTH, "a"), tokens, lengths)
        self.assertEqual(most["mask_positions"].shape, (300, 200))
        specials = (tokens == CLS).sum(axis=1) + (tokens == SEP).sum(axis=1)
        self.assertAllEqual(most["masked_lm_weights"].sum(axis=1), lengths - specials)

    @parameterized.parameters(False, True)
    def test_statistics_over_many_tokens(self, whole_words):
        tokens, lengths = make_rows(6500, seed=2, shortest=100)
        masker = DynamicMasker(rule(self.vocab_file, 20, 0.15, whole_words), LENGTH, "b")
        masked = mask(masker, tokens, lengths)
        chosen = masked["masked_lm_weights"] > 0
        self.assertGreater(chosen.sum(), 100_000)
        self.assertAllClose(chosen.sum() / lengths.sum(), 0.15, rtol=0, atol=0.005)
        rows = np.nonzero(chosen)[0]
        labels = masked["masked_lm_ids"][chosen]
        now = masked["token_ids"][rows, masked["mask_positions"][chosen]]
        self.assertAllClose((now == MASK).mean(), 0.8, rtol=0, atol=0.01)
        self.assertAllClose((now == labels).mean(), 0.1, rtol=0, atol=0.01)
        at_random = now[(now != MASK) & (now != labels)]
        self.assertAllClose(len(at_random) / len(labels), 0.1, rtol=0, atol=0.01)
        # Every row of the vocabulary is drawn alike, specials included.
        drawn = np.bincount(at_random, minlength=VOCABULARY) / len(at_random)
        self.assertLess(drawn.max(), 2.5 / VOCABULARY)
        self.assertGreater(np.delete(drawn, MASK).min(), 0.2 / VOCABULARY)

    def test_every_place_is_chosen_alike(self):
        tokens, lengths = make_rows(1, seed=3, shortest=LENGTH)
        masker = DynamicMasker(rule(self.vocab_file), LENGTH, "c")
        count = 20_000
        masked = mask(masker, np.repeat(tokens, count, axis=0), np.repeat(lengths, count))
        positions = masked["mask_positions"][masked["masked_lm_weights"] > 0]
        shares = np.bincount(positions, minlength=LENGTH) / count
        candidates = (tokens[0] != CLS) & (tokens[0] != SEP)
        self.assertFalse(shares[~candidates].any())
        expected = 19 / candidates.sum()
        # Four and a half standard deviations.
        bound = 4.5 * np.sqrt(expected * (1 - expected) / count)
        self.assertLess(np.abs(shares[candidates] - expected).max(), bound)

    def test_whole_words_are_whole_and_none_that_would_fit_is_left(self):
        tokens, lengths = make_rows(500, seed=4)
        masked = mask(
            DynamicMasker(rule(self.vocab_file, 20, 0.15, True), LENGTH, "d"), tokens, lengths
        )
        for row in range(500):
            count = int(masked["masked_lm_weights"][row].sum())
            chosen = set(masked["mask_positions"][row][:count].tolist())
            left = limit(lengths[row]) - count
            self.assertGreaterEqual(left, 0)
            for word in words_of(tokens[row], lengths[row]):
                part = chosen & set(word)
                self.assertIn(part, (set(), set(word)))
                self.assertTrue(part or len(word) > left)

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.tuples(st.lists(st.integers(1, 6), min_size=1, max_size=12), st.integers(1, 9)),
            min_size=1,
            max_size=4,
        )
    )
    def test_words_are_taken_as_one_after_the_other(self, rows):
        width = max(len(sizes) for sizes, _ in rows)
        padded = [sizes + [0] * (width - len(sizes)) for sizes, _ in rows]
        taken = take_while_they_fit(tf.constant(padded), tf.constant([left for _, left in rows]))
        for (sizes, left), row in zip(rows, taken.numpy(), strict=True):
            for place, size in enumerate(sizes):
                self.assertEqual(row[place], size <= left)
                left -= size if size <= left else 0
            self.assertFalse(row[len(sizes) :].any())

    @parameterized.parameters(False, True)
    def test_distribution_is_that_of_the_builders_static_masking(self, whole_words):
        tokens, lengths = make_rows(3000, seed=5)
        masked = mask(
            DynamicMasker(rule(self.vocab_file, 20, 0.15, whole_words), LENGTH, "e"),
            tokens,
            lengths,
        )
        counts = masked["masked_lm_weights"].sum(axis=1).astype(int)
        ours = [row[:n].tolist() for row, n in zip(masked["mask_positions"], counts, strict=True)]
        theirs = list(builders_masks(self.vocab_file, tokens, lengths, whole_words))

        def statistics(masks):
            sizes = collections.Counter()
            for row, length, positions in zip(tokens, lengths, masks, strict=True):
                chosen = set(positions)
                sizes.update(len(w) for w in words_of(row, length) if chosen >= set(w))
            total = sum(sizes.values())
            return [
                np.mean([len(positions) for positions in masks]),
                np.mean([place / n for p, n in zip(masks, lengths, strict=True) for place in p]),
                *(sizes[size] / total for size in (1, 2, 3)),
            ]

        self.assertAllClose(statistics(ours), statistics(theirs), rtol=0.01, atol=0.02)
        if not whole_words:
            self.assertEqual([len(p) for p in ours], [len(p) for p in theirs])

    @parameterized.parameters(False, True)
    def test_mask_is_a_function_of_the_records_place(self, whole_words):
        tokens, lengths = make_rows(12, seed=6)
        masker = DynamicMasker(rule(self.vocab_file, 20, 0.15, whole_words), LENGTH, "f")
        place = 5_000_000_000
        together = mask(masker, tokens, lengths, place)
        for first, last in ((0, 1), (3, 8), (11, 12)):
            part = mask(masker, tokens[first:last], lengths[first:last], place + first)
            for name, values in part.items():
                self.assertAllEqual(values, together[name][first:last], msg=name)
        elsewhere = mask(masker, tokens, lengths, place + 12)
        self.assertTrue(
            (elsewhere["mask_positions"] != together["mask_positions"]).any(axis=1).all()
        )
        other = DynamicMasker(rule(self.vocab_file, 20, 0.15, whole_words), LENGTH, "g")
        self.assertTrue(
            (mask(other, tokens, lengths, place)["token_ids"] != together["token_ids"]).any()
        )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
