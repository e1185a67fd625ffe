"""Activations computed again: the same numbers, less memory."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_backbone, build_pretraining_model
from tests import processes

CONFIG = BertConfig(
    vocab_size=50,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=8,
    hidden_dropout_prob=0.3,
    attention_probs_dropout_prob=0.2,
    initializer_range=0.2,
)
RANDOM = np.random.default_rng(4)
FEATURES = {
    "token_ids": RANDOM.integers(0, 50, (4, 8), dtype=np.int32),
    "segment_ids": RANDOM.integers(0, 2, (4, 8), dtype=np.int32),
    "padding_mask": np.ones((4, 8), np.int32),
    "mask_positions": RANDOM.integers(0, 8, (4, 3), dtype=np.int32),
}
PEAK_MEMORY = """
import re, sys
import numpy as np, tensorflow as tf
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_backbone
config = BertConfig(vocab_size=50, hidden_size=256, num_hidden_layers=3, num_attention_heads=4,
                    intermediate_size=1024, max_position_embeddings=128)
model = build_backbone(config, recompute=sys.argv[1] == "True")
ones = np.ones((64, 128), np.int32)
variables = [variable.value for variable in model.trainable_variables]

@tf.function(autograph=False)
def step():
    with tf.GradientTape() as tape:
        outputs = model({name: ones for name in model.input}, training=True)
        loss = tf.reduce_mean(outputs["sequence_output"])
    gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
    return sum(tf.reduce_sum(tf.convert_to_tensor(gradient)) for gradient in gradients)

step()
# Not getrusage: its peak is that of the process that started this one, where that was larger.
with open("/proc/self/status") as file:
    print(int(re.search(r"VmHWM:\\s*(\\d+) kB", file.read())[1]) // 1024)
"""


def loss_and_gradients(model):
    for number, state in enumerate(model.non_trainable_variables):
        state.assign([number, 5])

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            outputs = model(FEATURES, training=True)
            loss = sum(tf.reduce_mean(tf.square(value)) for value in outputs.values())
        variables = [variable.value for variable in model.trainable_variables]
        return loss, [tf.convert_to_tensor(x) for x in tape.gradient(loss, variables)]

    return step()


class RecomputeTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(("float32", 1e-6), ("mixed_bfloat16", 1e-6))
    @pytest.mark.large
    def test_gradients_are_the_same_dropout_included(self, dtype, tolerance):
        kept = build_pretraining_model(CONFIG, dtype=dtype)
        again = build_pretraining_model(CONFIG, dtype=dtype, recompute=True)
        again.set_weights(kept.get_weights())
        loss, gradients = loss_and_gradients(kept)
        other_loss, other_gradients = loss_and_gradients(again)
        self.assertAllClose(other_loss, loss, rtol=tolerance, atol=0)
        for ours, theirs in zip(other_gradients, gradients, strict=True):
            self.assertAllClose(ours, theirs, rtol=0, atol=tolerance)
        self.assertTrue(any(np.abs(gradient).max() > 0.01 for gradient in gradients))

    def test_inference_is_the_same(self):
        kept, again = build_backbone(CONFIG), build_backbone(CONFIG, recompute=True)
        again.set_weights(kept.get_weights())
        features = {name: FEATURES[name] for name in kept.input}
        self.assertAllEqual(again(features)["sequence_output"], kept(features)["sequence_output"])

    def test_choice_is_kept_in_the_configuration(self):
        backbone = build_backbone(dataclasses.replace(CONFIG, num_hidden_layers=1), recompute=True)
        made = type(backbone).from_config(backbone.get_config())
        self.assertTrue(made.recompute)
        self.assertTrue(made.transformer_layers[0].recompute)

    @pytest.mark.large
    def test_peak_memory_falls(self):
        kept, again = (
            int(processes.run(["-c", PEAK_MEMORY, str(recompute)], check=True).stdout)
            for recompute in (False, True)
        )
        # In MiB; half of what was measured.
        self.assertLess(again, kept - 150, (kept, again))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
