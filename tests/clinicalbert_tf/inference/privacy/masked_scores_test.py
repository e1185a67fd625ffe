import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.inference.privacy.masked_scores import MaskedScorer
from tests import support


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


class MaskedScoresTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bert = support.golden_bert()
        cls.scorer = MaskedScorer(cls.bert)

    def test_scores_are_those_of_one_sequence_at_a_time(self):
        contexts = [
            self.scorer.pieces(text) for text in ("Mr A B is a patient with", "pain", "", "fever")
        ]
        targets = [
            self.scorer.pieces(text) for text in ("chest pain", "fever", "pneumonia of the lung")
        ]
        self.assertGreater(len({len(target) for target in targets}), 1)
        found = self.scorer.scores(contexts, targets)
        expected = [[slow_score(self.bert, c, t) for t in targets] for c in contexts]
        self.assertAllClose(found, expected, rtol=0, atol=1e-4)

    def test_masks_are_as_many_as_wordpieces(self):
        self.assertEqual(
            self.scorer.masks("chest pain"),
            (self.bert.tokenizer.mask_id,) * len(self.scorer.pieces("chest pain")),
        )

    def test_templates_beyond_the_positions_are_an_error_without_the_text(self):
        long = self.scorer.pieces("pain " * self.bert.config.max_position_embeddings)
        with self.assertRaisesRegex(ValueError, "Shorten the conditions") as raised:
            self.scorer.scores([long], [self.scorer.pieces("fever")])
        self.assertNotIn("pain", str(raised.exception))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
