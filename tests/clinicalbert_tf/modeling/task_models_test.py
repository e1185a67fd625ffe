"""Classifier, tagger and span model: what they compute, drop, start from and are saved as."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_classifier, build_span_model, build_tagger

CONFIG = BertConfig(
    vocab_size=70,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=12,
    type_vocab_size=2,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
    initializer_range=0.2,
)
BUILDERS = {
    "classifier": lambda config=CONFIG, **settings: build_classifier(config, 3, **settings),
    "tagger": lambda config=CONFIG, **settings: build_tagger(config, 5, **settings),
    "span": lambda config=CONFIG, **settings: build_span_model(config, **settings),
}
NAMES = [(name, name) for name in BUILDERS]


def features(batch=3, length=9):
    random = np.random.default_rng(8)
    mask = np.ones((batch, length), np.int32)
    mask[1, 5:] = 0
    return {
        "token_ids": random.integers(0, 70, (batch, length), dtype=np.int32),
        "segment_ids": random.integers(0, 2, (batch, length), dtype=np.int32),
        "padding_mask": mask,
        "labels": np.zeros(batch, np.int32),
    }


class TaskModelsTest(tf.test.TestCase, parameterized.TestCase):
    def test_classifier_is_a_dense_layer_on_the_pooled_output(self):
        model = BUILDERS["classifier"]()
        model.head.bias.assign([0.5, -1.0, 2.0])
        pooled = np.asarray(model.backbone(features())["pooled_output"])
        expected = pooled @ np.asarray(model.head.kernel) + [0.5, -1.0, 2.0]
        outputs = model(features())
        self.assertEqual(list(outputs), ["logits"])
        self.assertAllClose(outputs["logits"], expected, atol=1e-5)

    def test_tagger_is_a_dense_layer_on_every_position(self):
        model = BUILDERS["tagger"]()
        model.head.bias.assign(np.arange(5.0))
        sequence = np.asarray(model.backbone(features())["sequence_output"])
        outputs = model(features())
        self.assertEqual(list(outputs), ["logits"])
        self.assertEqual(outputs["logits"].shape, (3, 9, 5))
        for row in range(3):
            for position in range(9):
                expected = sequence[row, position] @ np.asarray(model.head.kernel) + np.arange(5.0)
                self.assertAllClose(outputs["logits"][row, position], expected, atol=1e-5)

    def test_span_models_first_column_is_the_start(self):
        model = BUILDERS["span"]()
        model.head.bias.assign([1.0, -1.0])
        sequence = np.asarray(model.backbone(features())["sequence_output"])
        both = sequence @ np.asarray(model.head.kernel) + [1.0, -1.0]
        outputs = model(features())
        self.assertAllClose(outputs["start_logits"], both[..., 0], atol=1e-5)
        self.assertAllClose(outputs["end_logits"], both[..., 1], atol=1e-5)

    @parameterized.named_parameters(*NAMES)
    def test_heads_start_as_the_references(self, name):
        config = BertConfig(**{**CONFIG.to_dict(), "hidden_size": 512, "initializer_range": 0.02})
        keras.utils.set_random_seed(3)
        head = BUILDERS[name](config).head
        kernel = np.asarray(head.kernel)
        # A truncated normal: nothing beyond two standard deviations.
        self.assertLess(np.abs(kernel).max(), 0.04)
        self.assertBetween(kernel.std(), 0.015, 0.02)
        self.assertAllEqual(head.bias, np.zeros(kernel.shape[1]))

    @parameterized.named_parameters(*NAMES)
    def test_logits_are_float32_under_mixed_precision(self, name):
        model = BUILDERS[name](dtype="mixed_bfloat16")
        for logits in model(features()).values():
            self.assertEqual(logits.dtype, tf.float32)
        self.assertEqual(model.backbone(features())["pooled_output"].dtype, tf.bfloat16)

    def test_a_dtype_that_the_layers_do_not_compute_in_is_refused(self):
        with self.assertRaisesRegex(ValueError, "float32, bfloat16, float16, received 'float64'"):
            build_classifier(CONFIG, 3, dtype="float64")

    def test_only_training_drops_and_a_key_repeats_it(self):
        model = build_classifier(CONFIG, 3, dropout=0.5)
        state = model.head_dropout.seed_generator.state
        evaluated = model(features(), training=False)["logits"]
        start = np.asarray(state)
        first = model(features(), training=True)["logits"]
        second = model(features(), training=True)["logits"]
        state.assign(start)
        again = model(features(), training=True)["logits"]
        self.assertNotAllClose(evaluated, first)
        self.assertNotAllClose(first, second)
        self.assertAllEqual(first, again)

    def test_dropout_is_the_references_unless_said_otherwise(self):
        rates = {name: build().head_dropout.rate for name, build in BUILDERS.items()}
        self.assertEqual(rates, {"classifier": 0.1, "tagger": 0.1, "span": 0.0})

    @parameterized.named_parameters(*NAMES)
    def test_model_says_its_head_and_comes_back_from_its_configuration(self, name):
        model = BUILDERS[name]()
        self.assertEqual(model.heads, (name,))
        again = type(model).from_config(model.get_config())
        again.set_weights(model.get_weights())
        for key, logits in model(features()).items():
            self.assertAllEqual(again(features())[key], logits)
        self.assertEqual(again.head_dropout.rate, model.head_dropout.rate)

    @parameterized.parameters(0, -1, 2.0, "3", True)
    def test_number_of_labels_is_a_positive_whole_number(self, number):
        for build in (build_classifier, build_tagger):
            with self.assertRaisesRegex(ValueError, "num_labels to be a positive whole number"):
                build(CONFIG, number)


if __name__ == "__main__":
    tf.test.main()
