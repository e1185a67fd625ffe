import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.modeling.heads import gather_positions
from tests.support import ROOT

CONFIG = BertConfig(
    vocab_size=70,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=12,
    type_vocab_size=2,
    initializer_range=0.2,
)


def features(batch=3, length=9, predictions=4):
    random = np.random.default_rng(8)
    mask = np.ones((batch, length), np.int32)
    mask[1, 5:] = 0
    return {
        "token_ids": random.integers(0, 70, (batch, length), dtype=np.int32),
        "segment_ids": random.integers(0, 2, (batch, length), dtype=np.int32),
        "padding_mask": mask,
        "mask_positions": random.integers(0, length, (batch, predictions), dtype=np.int32),
    }


ON_JAX = """
import jax, keras, numpy as np
from clinicalbert_tf import from_pretrained
assert keras.backend.backend() == "jax"
golden = np.load("tests/golden/tf1_checkpoint/expected_outputs.npz")
names = {"token_ids": "input_ids", "segment_ids": "segment_ids", "padding_mask": "input_mask",
         "mask_positions": "masked_lm_positions"}
model = from_pretrained("tests/golden/tf1_checkpoint").pretraining_model
forward = jax.jit(lambda weights, x: model.stateless_call(weights, state, x, training=False)[0])
state = [v.value for v in model.non_trainable_variables]
features = {ours: golden["input_" + theirs] for ours, theirs in names.items()}
outputs = forward([v.value for v in model.trainable_variables], features)
for name, key in (("mlm_logits", "masked_lm_log_probs"), ("nsp_logits", "next_sentence_log_probs")):
    received = np.asarray(jax.nn.log_softmax(outputs[name]))
    np.testing.assert_allclose(received.reshape(golden[key].shape), golden[key], atol=1e-5)
print("equal")
"""


class PretrainingModelTest(tf.test.TestCase, parameterized.TestCase):
    def test_gather_positions_picks_rows_of_the_same_instance(self):
        sequence = np.arange(2 * 5 * 3, dtype=np.float32).reshape(2, 5, 3)
        positions = np.array([[4, 0, 0], [1, 1, 3]], np.int32)
        expected = [[sequence[b, p] for p in row] for b, row in enumerate(positions)]
        self.assertAllEqual(gather_positions(sequence, positions), expected)

    def test_heads_compute_what_the_reference_does(self):
        model = build_pretraining_model(CONFIG)
        random = np.random.default_rng(2)
        # Weights that start at zero or one could be left out unseen.
        for weight in model.weights:
            if weight.path.rsplit("/", 1)[-1] in ("bias", "beta", "gamma"):
                weight.assign(weight + random.normal(size=weight.shape))
        given = features()
        encoded = {name: np.asarray(value) for name, value in model.backbone(given).items()}
        transform = model.masked_lm_transform
        rows = np.take_along_axis(
            encoded["sequence_output"], given["mask_positions"][..., None], axis=1
        )
        hidden = rows @ np.asarray(transform.dense.kernel) + np.asarray(transform.dense.bias)
        hidden = 0.5 * hidden * (1 + np.tanh(np.sqrt(2 / np.pi) * (hidden + 0.044715 * hidden**3)))
        mean, variance = hidden.mean(-1, keepdims=True), hidden.var(-1, keepdims=True)
        hidden = (hidden - mean) / np.sqrt(variance + 1e-12)
        hidden = hidden * np.asarray(transform.layer_norm.gamma) + np.asarray(
            transform.layer_norm.beta
        )
        embeddings = np.asarray(model.backbone.token_embedding.embeddings)
        mlm_logits = hidden @ embeddings.T + np.asarray(model.masked_lm_output_bias.bias)
        head = model.next_sentence_head
        nsp_logits = encoded["pooled_output"] @ np.asarray(head.kernel) + np.asarray(head.bias)

        outputs = model(given)
        self.assertEqual(set(outputs), {"mlm_logits", "nsp_logits"})
        self.assertAllClose(outputs["mlm_logits"], mlm_logits, rtol=0, atol=2e-4)
        self.assertAllClose(outputs["nsp_logits"], nsp_logits, rtol=0, atol=1e-5)

    def test_output_projection_is_the_token_embedding_itself(self):
        model = build_pretraining_model(CONFIG)
        self.assertEqual(sum(tuple(weight.shape) == (70, 16) for weight in model.weights), 1)
        before = np.asarray(model(features())["mlm_logits"])
        unseen = max(set(range(70)) - set(features()["token_ids"].ravel().tolist()))
        rows = np.asarray(model.backbone.token_embedding.embeddings).copy()
        rows[unseen] += 1.0
        model.backbone.token_embedding.embeddings.assign(rows)
        changed = np.abs(np.asarray(model(features())["mlm_logits"]) - before).max(axis=(0, 1))
        self.assertEqual(changed.argmax(), unseen)
        self.assertEqual(np.delete(changed, unseen).max(), 0)

    def test_fresh_model_starts_with_zero_biases_and_repeats_with_its_seed(self):
        models = []
        for seed in (4, 4, 5):
            keras.utils.set_random_seed(seed)
            models.append(build_pretraining_model(CONFIG))
        first, same, other = models
        self.assertFalse(np.asarray(first.masked_lm_output_bias.bias).any())
        self.assertFalse(np.asarray(first.next_sentence_head.bias).any())
        kernel = np.asarray(first.next_sentence_head.kernel)
        self.assertGreater(np.abs(kernel).max(), 0)
        self.assertLessEqual(np.abs(kernel).max(), 0.4)
        outputs = [np.asarray(model(features())["mlm_logits"]) for model in (first, same, other)]
        self.assertAllEqual(outputs[0], outputs[1])
        self.assertGreater(np.abs(outputs[0] - outputs[2]).max(), 0.01)

    @parameterized.parameters(("mixed_bfloat16", 0.2), ("mixed_float16", 0.02))
    def test_logits_and_variables_are_float32_under_mixed_precision(self, policy, tolerance):
        reference = build_pretraining_model(CONFIG)
        model = build_pretraining_model(CONFIG, dtype=policy)
        self.assertEqual({weight.dtype for weight in model.weights}, {"float32"})
        self.assertEqual(
            model.backbone.transformer_layers[0].intermediate_dense.compute_dtype, policy[6:]
        )
        model.set_weights(reference.get_weights())
        outputs, expected = model(features()), reference(features())
        for name, value in outputs.items():
            self.assertEqual(keras.backend.standardize_dtype(value.dtype), "float32")
            difference = np.abs(np.asarray(value) - np.asarray(expected[name])).max()
            self.assertGreater(difference, 0)
            self.assertLess(difference, tolerance)

    def test_global_policy_is_used_where_none_is_given(self):
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            model = build_pretraining_model(CONFIG)
        finally:
            keras.config.set_dtype_policy(before)
        self.assertEqual(model.masked_lm_transform.compute_dtype, "bfloat16")
        self.assertEqual(
            keras.backend.standardize_dtype(model(features())["mlm_logits"].dtype), "float32"
        )

    def test_batch_and_length_may_vary_between_calls(self):
        model = build_pretraining_model(CONFIG)
        outputs = model(features(batch=2, length=12, predictions=1))
        self.assertEqual(tuple(outputs["mlm_logits"].shape), (2, 1, 70))
        self.assertEqual(tuple(outputs["nsp_logits"].shape), (2, 2))

    def test_further_entries_of_a_batch_are_left_out_and_a_missing_one_is_named(self):
        model = build_pretraining_model(CONFIG)
        given = features()
        expected = model(given)["nsp_logits"]
        labels = {"a_label": np.zeros((3, 4), np.int32), "next_sentence_labels": np.ones((3, 1))}
        self.assertAllEqual(model({**labels, **given})["nsp_logits"], expected)
        # mask_positions sorts before padding_mask: Keras alone would take the one for the other.
        pooled = model.backbone(given)["pooled_output"]
        del given["mask_positions"]
        self.assertAllEqual(pooled, model.backbone(given)["pooled_output"])
        with self.assertRaisesRegex(ValueError, r"Missing data.*mask_positions"):
            model(given)

    def test_keras_file_keeps_the_model(self):
        path = f"{self.get_temp_dir()}/model.keras"
        model = build_pretraining_model(CONFIG, dtype="mixed_bfloat16")
        model.save(path)
        loaded = keras.saving.load_model(path)
        self.assertEqual(loaded.backbone.attention_dropout, 0.1)
        self.assertEqual(loaded.masked_lm_transform.compute_dtype, "bfloat16")
        for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
            self.assertAllEqual(ours, theirs)
        self.assertAllEqual(model(features())["mlm_logits"], loaded(features())["mlm_logits"])

    @pytest.mark.large
    @pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="jax is not installed")
    def test_model_compiles_on_the_jax_backend_with_the_references_outputs(self):
        result = subprocess.run(
            [sys.executable, "-c", ON_JAX],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "KERAS_BACKEND": "jax"},
            timeout=180,
        )
        self.assertEqual(result.stdout.strip(), "equal", result.stderr[-2000:])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
