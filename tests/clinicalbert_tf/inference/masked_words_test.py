import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.inference.masked_words import MaskFiller, log_probabilities
from tests import support
from tests.support import GOLDEN


class MaskedWordsTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bert = support.golden_bert()
        cls.filler = MaskFiller(cls.bert)

    def test_log_probabilities_equal_the_reference(self):
        with np.load(GOLDEN / "tf1_checkpoint" / "expected_outputs.npz") as outputs:
            names = {
                "token_ids": "input_ids",
                "segment_ids": "segment_ids",
                "padding_mask": "input_mask",
                "mask_positions": "masked_lm_positions",
            }
            inputs = {name: outputs[f"input_{theirs}"] for name, theirs in names.items()}
            expected = outputs["masked_lm_log_probs"].reshape(16, 22, 1200)
        found = log_probabilities(self.bert.pretraining_model, inputs).numpy()
        self.assertAllClose(found, expected, rtol=0, atol=1e-5)

    def test_each_mask_gets_its_most_probable_words(self):
        text = "Given [MASK] for pain, [MASK]ed and sent home."
        found = self.filler.fill(text, 4)
        tokenizer = self.bert.tokenizer
        ids = [tokenizer.cls_id, *tokenizer.encode("Given"), tokenizer.mask_id]
        ids += [*tokenizer.encode("for pain,"), tokenizer.mask_id]
        ids += [*tokenizer.encode("ed and sent home."), tokenizer.sep_id]
        positions = [place for place, row in enumerate(ids) if row == tokenizer.mask_id]
        outputs = self.bert.pretraining_model(
            {
                "token_ids": np.array([ids]),
                "segment_ids": np.zeros((1, len(ids)), int),
                "padding_mask": np.ones((1, len(ids)), int),
                "mask_positions": np.array([positions]),
            }
        )
        logits = np.array(outputs["mlm_logits"][0], np.float64)
        probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        self.assertLen(found, len(positions))
        self.assertLen(positions, 2)
        for candidates, expected in zip(found, probabilities, strict=True):
            best = np.argsort(-expected)[:4]
            self.assertEqual(
                [c.token for c in candidates], tokenizer.convert_ids_to_tokens(best.tolist())
            )
            self.assertAllClose(
                [c.probability for c in candidates], expected[best], rtol=1e-4, atol=0
            )

    def test_all_probabilities_sum_to_one(self):
        (candidates,) = self.filler.fill("[MASK]", 1200)
        self.assertAllClose(
            sum(candidate.probability for candidate in candidates), 1, rtol=0, atol=1e-5
        )

    def test_many_texts_are_filled_as_each_alone_in_their_order(self):
        texts = [
            "Sent [MASK].",
            "[MASK] and [MASK] for pain.",
            "No [MASK] was given.",
            "Sent [MASK].",
        ]
        together = self.filler.fill_all(texts, 3)
        self.assertEqual([len(masks) for masks in together], [1, 2, 1, 1])
        for text, masks in zip(texts, together, strict=True):
            for candidates, alone in zip(masks, self.filler.fill(text, 3), strict=True):
                self.assertEqual([c.token for c in candidates], [c.token for c in alone])
                self.assertAllClose(
                    [c.probability for c in candidates],
                    [c.probability for c in alone],
                    rtol=0,
                    atol=1e-5,
                )

    @parameterized.parameters(
        ("Confidential pain", 5, "received one of 17 characters without it"),
        ("Confidential [mask]", 5, "Write .MASK., upper case"),
        ("Confidential " * 130 + "[MASK]", 5, "at most 128 tokens, the positions of this model"),
        ("Confidential [MASK]", 0, "top_k from 1 to 1200, .* received 0"),
        ("Confidential [MASK]", 1201, "received 1201"),
    )
    def test_what_cannot_be_filled_is_refused_without_showing_it(self, text, top_k, message):
        with self.assertRaisesRegex(ValueError, message) as caught:
            self.filler.fill(text, top_k)
        self.assertNotIn("Confidential", str(caught.exception))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
