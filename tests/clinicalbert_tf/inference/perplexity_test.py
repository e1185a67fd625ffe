import math

import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.inference.perplexity import PerplexityScorer, PerplexitySettings, Score
from clinicalbert_tf.texts.rows import Row
from tests import support


def slow_log_likelihood(bert, ids, place):
    """Log probability of one wordpiece of a sequence, masked alone, without padding or batch."""
    masked = list(ids)
    masked[place] = bert.tokenizer.mask_id
    logits = bert.pretraining_model(
        {
            "token_ids": np.array([masked]),
            "segment_ids": np.zeros((1, len(ids)), int),
            "padding_mask": np.ones((1, len(ids)), int),
            "mask_positions": np.array([[place]]),
        }
    )["mlm_logits"]
    logits = np.array(logits[0, 0], np.float64)
    return logits[ids[place]] - np.log(np.exp(logits).sum())


class PerplexityTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bert = support.golden_bert()
        lengths = (30, 0, 12, 60)
        notes = support.golden_notes()
        cls.rows = [Row(note[0], note[2][:n]) for n, note in zip(lengths, notes, strict=False)]

    def test_scores_equal_those_of_one_masked_wordpiece_at_a_time(self):
        settings = PerplexitySettings(max_seq_length=14, stride=5, batch_tokens=100)
        seen = []
        scores = list(PerplexityScorer(self.bert, settings).score(self.rows, seen.append))
        tokenizer = self.bert.tokenizer
        for row, score in zip(self.rows, scores, strict=True):
            ids = tokenizer.encode(row.text)
            self.assertEqual(
                (score.note_id, score.tokens, score.scored_tokens),
                (
                    row.note_id,
                    len(ids),
                    len(ids),
                ),
            )
            expected = 0.0
            starts = [0]
            while starts[-1] + 12 < len(ids):
                starts.append(min(starts[-1] + 5, len(ids) - 12))
            for place in range(len(ids)):
                context = []
                for start in starts:
                    end = min(start + 12, len(ids))
                    left = place - start if start else len(ids)
                    right = end - 1 - place if end < len(ids) else len(ids)
                    context.append(min(left, right) if start <= place < end else -1)
                start = starts[int(np.argmax(context))]
                window = [tokenizer.cls_id, *ids[start : start + 12], tokenizer.sep_id]
                expected += slow_log_likelihood(self.bert, window, place - start + 1)
            self.assertAllClose(
                score.log_likelihood, expected, rtol=0, atol=1e-4 * max(1, len(ids))
            )
            if ids:
                self.assertAllClose(
                    score.pseudo_perplexity, math.exp(-expected / len(ids)), rtol=1e-4, atol=0
                )
        self.assertEqual(sum(seen), sum(score.tokens for score in scores))
        self.assertTrue(math.isnan(scores[1].pseudo_perplexity))

    def test_a_sample_depends_on_seed_and_note_only(self):
        def scores(of_rows, seed=1, sample_tokens=6):
            settings = PerplexitySettings(
                max_seq_length=40, stride=19, sample_tokens=sample_tokens, seed=seed
            )
            return {s.note_id: s for s in PerplexityScorer(self.bert, settings).score(of_rows)}

        first, backwards = scores(self.rows), scores(self.rows[::-1])
        everything = scores(self.rows, sample_tokens=10_000)
        for row in self.rows:
            one, other = first[row.note_id], backwards[row.note_id]
            self.assertEqual(one.scored_tokens, other.scored_tokens)
            self.assertEqual(other.scored_tokens, min(6, one.tokens))
            self.assertAllClose(one.log_likelihood, other.log_likelihood, rtol=0, atol=1e-4)
            self.assertEqual(everything[row.note_id].scored_tokens, one.tokens)
        other_seed = scores(self.rows, seed=2)
        self.assertNotAllClose(
            first[self.rows[0].note_id].log_likelihood,
            other_seed[self.rows[0].note_id].log_likelihood,
            rtol=0,
            atol=1e-3,
        )

    def test_a_pair_scores_neither_of_its_separators(self):
        settings = PerplexitySettings(max_seq_length=40, stride=19)
        (score,) = PerplexityScorer(self.bert, settings).score([Row("0", "chest pain", "no pain")])
        words = self.bert.tokenizer.encode("chest pain no pain")
        self.assertEqual(score.tokens, score.scored_tokens)
        self.assertEqual(score.scored_tokens, len(words))

    def test_together_every_wordpiece_counts_the_same(self):
        both = Score("overall", 0, 0, 0.0) + Score("a", 10, 2, -3.0) + Score("b", 20, 4, -9.0)
        self.assertEqual(both, Score("overall", 30, 6, -12.0))
        self.assertAllClose(both.pseudo_perplexity, math.exp(2), rtol=1e-6, atol=0)

    def test_windows_longer_than_the_positions_are_refused(self):
        with self.assertRaisesRegex(ValueError, "at most 128 tokens"):
            PerplexityScorer(self.bert, PerplexitySettings(max_seq_length=200))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
