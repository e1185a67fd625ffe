import ast
import dataclasses
import pathlib

import keras
import keras_nlp
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

import clinicalbert_tf.modeling
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_backbone
from clinicalbert_tf.modeling.activations import activation_function
from clinicalbert_tf.modeling.keyed_dropout import KeyedDropout

CONFIG = BertConfig(
    vocab_size=90,
    hidden_size=24,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=40,
    hidden_dropout_prob=0.3,
    attention_probs_dropout_prob=0.2,
    max_position_embeddings=16,
    type_vocab_size=2,
    initializer_range=0.05,
)
NO_DROPOUT = dataclasses.replace(CONFIG, hidden_dropout_prob=0, attention_probs_dropout_prob=0)


def features(batch=4, length=10):
    random = np.random.default_rng(5)
    padding_mask = np.ones((batch, length), np.int32)
    padding_mask[0, 6:] = 0
    return {
        "token_ids": random.integers(0, 90, (batch, length), dtype=np.int32),
        "segment_ids": random.integers(0, 2, (batch, length), dtype=np.int32),
        "padding_mask": padding_mask,
    }


class BackboneTest(tf.test.TestCase, parameterized.TestCase):
    def test_backbone_is_a_keras_nlp_backbone_with_its_inputs_and_outputs(self):
        backbone = build_backbone(CONFIG)
        self.assertIsInstance(backbone, keras_nlp.models.BertBackbone)
        self.assertEqual(set(backbone.input), {"token_ids", "segment_ids", "padding_mask"})
        outputs = backbone(features())
        self.assertEqual(
            {name: tuple(value.shape) for name, value in outputs.items()},
            {
                "sequence_output": (4, 10, 24),
                "pooled_output": (4, 24),
            },
        )

    def test_outputs_equal_keras_nlps_own_backbone_given_the_same_weights(self):
        ours = build_backbone(NO_DROPOUT)
        theirs = keras_nlp.models.BertBackbone(
            vocabulary_size=90,
            num_layers=2,
            num_heads=3,
            hidden_dim=24,
            intermediate_dim=40,
            dropout=0.0,
            max_sequence_length=16,
            num_segments=2,
        )
        theirs.set_weights(ours.get_weights())
        expected, received = theirs(features()), ours(features())
        for name in expected:
            self.assertAllClose(received[name], expected[name], rtol=0, atol=2e-6)

    def test_hidden_and_attention_dropout_are_honoured_separately(self):
        backbone = build_backbone(CONFIG)
        layers = backbone.transformer_layers
        self.assertEqual([layer.probabilities_dropout.rate for layer in layers], [0.2, 0.2])
        dropouts = [x for x in backbone._flatten_layers() if isinstance(x, KeyedDropout)]
        # Hidden: the embeddings' and two per layer. Attention: one per layer.
        self.assertEqual(sorted(layer.rate for layer in dropouts), [0.2] * 2 + [0.3] * 5)

    @parameterized.parameters("hidden_dropout_prob", "attention_probs_dropout_prob")
    def test_each_dropout_alone_acts_in_training_and_only_there(self, kind):
        backbone = build_backbone(dataclasses.replace(NO_DROPOUT, **{kind: 0.5}))
        inference = np.asarray(backbone(features(), training=False)["sequence_output"])
        again = np.asarray(backbone(features(), training=False)["sequence_output"])
        training = np.asarray(backbone(features(), training=True)["sequence_output"])
        self.assertAllEqual(inference, again)
        self.assertGreater(np.abs(inference - training).max(), 1e-3)

    def test_padded_positions_do_not_change_the_others(self):
        backbone = build_backbone(CONFIG)
        given = features()
        changed = {**given, "token_ids": given["token_ids"].copy()}
        changed["token_ids"][0, 6:] = 1
        expected, received = (np.asarray(backbone(x)["sequence_output"]) for x in (given, changed))
        self.assertAllEqual(received[0, :6], expected[0, :6])
        self.assertGreater(np.abs(received[0, 6:] - expected[0, 6:]).max(), 1e-3)

    def test_initial_weights_follow_the_reference(self):
        keras.utils.set_random_seed(0)
        backbone = build_backbone(CONFIG)
        for weight in backbone.weights:
            value = np.asarray(weight)
            name = weight.path.rsplit("/", 1)[-1]
            if name in ("bias", "beta"):
                self.assertFalse(value.any(), weight.path)
            elif name == "gamma":
                self.assertTrue((value == 1).all(), weight.path)
            else:
                # A truncated normal, cut at two of its standard deviations.
                self.assertGreater(np.abs(value).max(), 0.08, weight.path)
                self.assertLessEqual(np.abs(value).max(), 0.1, weight.path)
                self.assertLess(abs(value.mean()), 0.02, weight.path)
        embeddings = np.asarray(backbone.token_embedding.embeddings)
        # Cutting at two takes the deviation to 0.88 of the nominal one.
        self.assertLess(abs(embeddings.std() / (0.05 * 0.8796) - 1), 0.05)

    def test_same_seed_gives_the_same_weights_and_no_two_kernels_are_equal(self):
        def weights(seed):
            keras.utils.set_random_seed(seed)
            return [np.asarray(weight) for weight in build_backbone(CONFIG).weights]

        first, same, other = weights(1), weights(1), weights(2)
        self.assertTrue(all((a == b).all() for a, b in zip(first, same, strict=True)))
        self.assertFalse((first[0] == other[0]).any())
        kernels = [value for value in first if value.shape == (24, 3, 8)]
        self.assertLen(kernels, 6)
        self.assertLen({value.tobytes() for value in kernels}, 6)

    def test_activations_are_the_ones_named(self):
        x = np.array([-1.0, 0.5, 2.0], np.float32)
        tanh_form = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
        exact_form = [-0.15865526, 0.34573123, 1.9544997]
        self.assertAllClose(activation_function("gelu")(x), tanh_form, rtol=0, atol=1e-6)
        self.assertAllClose(activation_function("gelu_erf")(x), exact_form, rtol=0, atol=1e-6)
        self.assertGreater(np.abs(tanh_form - exact_form).max(), 1e-4)
        self.assertAllClose(activation_function("relu")(x), [0, 0.5, 2], rtol=1e-7, atol=0)
        self.assertAllClose(activation_function("tanh")(x), np.tanh(x), rtol=0, atol=1e-6)
        self.assertAllClose(activation_function("linear")(x), x, rtol=1e-7, atol=0)
        with self.assertRaisesRegex(ValueError, "swish"):
            activation_function("swish")

    def test_configured_activation_reaches_the_layers(self):
        keras.utils.set_random_seed(3)
        backbone = build_backbone(NO_DROPOUT)
        exact = build_backbone(dataclasses.replace(NO_DROPOUT, hidden_act="gelu_erf"))
        exact.set_weights(backbone.get_weights())
        # Small inputs hide the difference of the two forms; larger kernels show it.
        for model in (backbone, exact):
            for layer in model.transformer_layers:
                layer.intermediate_dense.kernel.assign(layer.intermediate_dense.kernel * 10.0)
        difference = np.abs(
            np.asarray(backbone(features())["sequence_output"])
            - np.asarray(exact(features())["sequence_output"])
        ).max()
        self.assertGreater(difference, 1e-6)
        self.assertLess(difference, 1e-2)

    def test_attention_scores_can_be_asked_for_and_leave_out_padding(self):
        layer = build_backbone(CONFIG).transformer_layers[0]
        hidden = np.random.default_rng(1).normal(size=(4, 10, 24)).astype(np.float32)
        mask = features()["padding_mask"]
        output, scores = layer(hidden, padding_mask=mask, return_attention_scores=True)
        self.assertAllClose(output, layer(hidden, padding_mask=mask), rtol=0, atol=1e-6)
        self.assertEqual(tuple(scores.shape), (4, 3, 10, 10))
        self.assertAllClose(np.asarray(scores).sum(-1), np.ones((4, 3, 10)), rtol=0, atol=1e-5)
        self.assertFalse(np.asarray(scores)[0, :, :, 6:].any())

    def test_modeling_is_written_without_tensorflow(self):
        folder = pathlib.Path(clinicalbert_tf.modeling.__file__).parent
        for path in sorted(folder.glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in getattr(node, "names", [])]
                names.append(getattr(node, "module", None) or "")
                self.assertFalse(
                    any(name.split(".")[0] == "tensorflow" for name in names), path.name
                )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
