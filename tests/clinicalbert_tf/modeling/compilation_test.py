"""The scope that has kernels compiled, on the whole model."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.kernel_compiler import xla_kernel
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.modeling.compilation import compiled, compiled_by
from clinicalbert_tf.training.cluster.strategy import build_strategy

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


def loss_and_gradients(model, compiler):
    for number, state in enumerate(model.non_trainable_variables):
        state.assign([number, 5])

    @tf.function(autograph=False)
    def step():
        with compiled_by(compiler), tf.GradientTape() as tape:
            outputs = model(FEATURES, training=True)
            loss = sum(tf.reduce_mean(tf.square(value)) for value in outputs.values())
        # Outside the scope, as training loops do.
        variables = [variable.value for variable in model.trainable_variables]
        return loss, [tf.convert_to_tensor(x) for x in tape.gradient(loss, variables)]

    return step()


class CompilationTest(tf.test.TestCase):
    @pytest.mark.large
    def test_compiled_step_equals_the_plain_one_dropout_included(self):
        model = build_pretraining_model(CONFIG)
        loss, gradients = loss_and_gradients(model, None)
        compiled_loss, compiled_gradients = loss_and_gradients(model, xla_kernel)
        self.assertAllClose(compiled_loss, loss, rtol=1e-5, atol=0)
        for ours, theirs in zip(compiled_gradients, gradients, strict=True):
            self.assertAllClose(ours, theirs, rtol=0, atol=1e-5)
        self.assertTrue(any(np.abs(gradient).max() > 0.01 for gradient in gradients))

    def test_layers_share_their_kernels_and_gradients_are_compiled_too(self):
        model, asked = build_pretraining_model(CONFIG), []

        @functools.cache
        def count(kernel):
            asked.append(kernel.__name__)
            return kernel

        loss_and_gradients(model, count)
        self.assertLen(asked, len(set(asked)))
        self.assertLessEqual(
            {"gelu_values", "gelu_gradient", "_norm_gradient", "_score_gradient"}, set(asked)
        )

    def test_scope_ends_and_nests(self):
        def kernel():
            return "plain"

        with compiled_by(lambda _: "outer"):
            with compiled_by(None):
                self.assertIs(compiled(kernel), kernel)
            self.assertEqual(compiled(kernel), "outer")
        self.assertIs(compiled(kernel), kernel)

    def test_kernels_run_on_a_strategys_replica(self):
        strategy = build_strategy("mirrored")
        with strategy.scope():
            model = build_pretraining_model(CONFIG)

        @tf.function
        def step():
            with compiled_by(xla_kernel):
                return strategy.run(lambda: model(FEATURES, training=True)["nsp_logits"])

        self.assertTrue(np.isfinite(step()).all())


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
