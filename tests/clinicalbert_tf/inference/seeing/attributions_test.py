"""Integrated gradients: complete, and those of the label that was asked for."""

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.inference.seeing.attributions import IntegratedGradients, merge_windows
from clinicalbert_tf.inference.seeing.windows import text_windows
from tests.clinicalbert_tf.inference.seeing import tiny_classifier as tiny

TEXT = "The patient denies chest pain and fever. No sepsis, no cough."


def attribute(classifier, window, steps, label=1, multi=False):
    return IntegratedGradients(classifier, 0, multi, steps).attribute(window, label)


class IntegratedGradientsTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tokenizer, cls.classifier = tiny.tokenizer(), tiny.classifier()
        cls.window = text_windows(cls.tokenizer, TEXT, 32)[0]

    def test_completeness_gap_shrinks_with_the_steps(self):
        gaps = [
            abs(attribute(self.classifier, self.window, n).completeness_gap) for n in (2, 8, 64)
        ]
        self.assertEqual(gaps, sorted(gaps, reverse=True))
        self.assertGreater(gaps[0], 0.05)
        self.assertLess(gaps[-1], 0.01)

    @parameterized.parameters(False, True)
    def test_score_and_probability_are_the_models(self, multi):
        found = attribute(self.classifier, self.window, 1, label=2, multi=multi)
        logits = np.asarray(self.classifier(self.window.inputs())["logits"][0], np.float64)
        softmax = np.exp(logits) / np.exp(logits).sum()
        expected = 1 / (1 + np.exp(-logits[2])) if multi else softmax[2]
        self.assertAllClose(found.probability, expected, rtol=0, atol=1e-6)
        self.assertAllClose(found.score, np.log(expected / (1 - expected)), rtol=0, atol=1e-5)

    def test_special_tokens_and_padding_have_no_attribution(self):
        values = attribute(self.classifier, self.window, 4).values
        self.assertEqual(values[0], values[-1])
        self.assertEqual(values[-1], 0)
        self.assertTrue((np.abs(values[1:-1]) > 0).all())

    def test_label_that_is_asked_for_decides(self):
        labels = [
            attribute(self.classifier, self.window, 16, label=label).values for label in (0, 2)
        ]
        self.assertFalse(np.allclose(*labels, atol=0.1))

    def test_windows_merge_to_the_whole_text(self):
        windows = text_windows(self.tokenizer, TEXT, 9)
        found = [attribute(self.classifier, window, 2) for window in windows]
        merged = merge_windows(windows, found)
        _, offsets = self.tokenizer.encode_with_offsets(TEXT)
        self.assertEqual([(row["start"], row["end"]) for row in merged], offsets)
        self.assertGreater(len(windows), 1)
        self.assertEqual(merged[-1]["window"], len(windows) - 1)
        self.assertEqual(merged[0]["attribution"], found[0].values[1])

    def test_no_steps_are_refused(self):
        with self.assertRaisesRegex(ValueError, "at least 1"):
            IntegratedGradients(self.classifier, 0, steps=0)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
