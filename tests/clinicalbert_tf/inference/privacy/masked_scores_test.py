import numpy as np
import pytest

from clinicalbert_tf.inference.privacy.masked_scores import MaskedScorer


@pytest.fixture(scope="module")
def scorer(bert):
    return MaskedScorer(bert)


def slow_score(bert, context, target):
    """One sequence through the model, one wordpiece after the other."""
    tokenizer = bert.tokenizer
    ids = [tokenizer.cls_id, *context, *[tokenizer.mask_id] * len(target), tokenizer.sep_id]
    places = range(1 + len(context), 1 + len(context) + len(target))
    logits = bert.pretraining_model(
        {
            "token_ids": np.array([ids]),
            "segment_ids": np.zeros((1, len(ids)), int),
            "padding_mask": np.ones((1, len(ids)), int),
            "mask_positions": np.array([places]),
        }
    )["mlm_logits"].numpy()[0]
    values = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return np.mean([values[place, piece] for place, piece in enumerate(target)])


def test_scores_are_those_of_one_sequence_at_a_time(bert, scorer):
    contexts = [scorer.pieces(text) for text in ("Mr A B is a patient with", "pain", "", "fever")]
    targets = [scorer.pieces(text) for text in ("chest pain", "fever", "pneumonia of the lung")]
    assert len({len(target) for target in targets}) > 1
    found = scorer.scores(contexts, targets)
    expected = [[slow_score(bert, c, t) for t in targets] for c in contexts]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_masks_are_as_many_as_wordpieces(bert, scorer):
    assert scorer.masks("chest pain") == (bert.tokenizer.mask_id,) * len(
        scorer.pieces("chest pain")
    )


def test_templates_beyond_the_positions_are_an_error_without_the_text(bert, scorer):
    long = scorer.pieces("pain " * bert.config.max_position_embeddings)
    with pytest.raises(ValueError, match="Shorten the conditions") as raised:
        scorer.scores([long], [scorer.pieces("fever")])
    assert "pain" not in str(raised.value)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
