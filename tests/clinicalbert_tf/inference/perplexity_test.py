import math

import numpy as np
import pytest

from clinicalbert_tf.inference.perplexity import PerplexityScorer, PerplexitySettings, Score
from clinicalbert_tf.texts.rows import Row


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


@pytest.fixture(scope="module")
def rows(notes):
    lengths = (30, 0, 12, 60)
    return [Row(note[0], note[2][:n]) for n, note in zip(lengths, notes, strict=False)]


def test_scores_equal_those_of_one_masked_wordpiece_at_a_time(bert, rows):
    settings = PerplexitySettings(max_seq_length=14, stride=5, batch_tokens=100)
    seen = []
    scores = list(PerplexityScorer(bert, settings).score(rows, seen.append))
    tokenizer = bert.tokenizer
    for row, score in zip(rows, scores, strict=True):
        ids = tokenizer.encode(row.text)
        assert (score.note_id, score.tokens, score.scored_tokens) == (
            row.note_id,
            len(ids),
            len(ids),
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
            expected += slow_log_likelihood(bert, window, place - start + 1)
        assert score.log_likelihood == pytest.approx(expected, abs=1e-4 * max(1, len(ids)))
        if ids:
            assert score.pseudo_perplexity == pytest.approx(
                math.exp(-expected / len(ids)), rel=1e-4
            )
    assert sum(seen) == sum(score.tokens for score in scores)
    assert math.isnan(scores[1].pseudo_perplexity)


def test_a_sample_depends_on_seed_and_note_only(bert, rows):
    def scores(of_rows, seed=1, sample_tokens=6):
        settings = PerplexitySettings(
            max_seq_length=40, stride=19, sample_tokens=sample_tokens, seed=seed
        )
        return {s.note_id: s for s in PerplexityScorer(bert, settings).score(of_rows)}

    first, backwards = scores(rows), scores(rows[::-1])
    everything = scores(rows, sample_tokens=10_000)
    for row in rows:
        one, other = first[row.note_id], backwards[row.note_id]
        assert one.scored_tokens == other.scored_tokens == min(6, one.tokens)
        assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-4)
        assert everything[row.note_id].scored_tokens == one.tokens
    other_seed = scores(rows, seed=2)
    assert first[rows[0].note_id].log_likelihood != pytest.approx(
        other_seed[rows[0].note_id].log_likelihood, abs=1e-3
    )


def test_a_pair_scores_neither_of_its_separators(bert):
    settings = PerplexitySettings(max_seq_length=40, stride=19)
    (score,) = PerplexityScorer(bert, settings).score([Row("0", "chest pain", "no pain")])
    words = bert.tokenizer.encode("chest pain no pain")
    assert score.tokens == score.scored_tokens == len(words)


def test_together_every_wordpiece_counts_the_same():
    both = Score("overall", 0, 0, 0.0) + Score("a", 10, 2, -3.0) + Score("b", 20, 4, -9.0)
    assert both == Score("overall", 30, 6, -12.0)
    assert both.pseudo_perplexity == pytest.approx(math.exp(2))


def test_windows_longer_than_the_positions_are_refused(bert):
    with pytest.raises(ValueError, match="at most 128 tokens"):
        PerplexityScorer(bert, PerplexitySettings(max_seq_length=200))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
