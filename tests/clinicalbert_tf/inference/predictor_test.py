import os
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.inference import predictor
from clinicalbert_tf.inference.predictor import Predictor
from clinicalbert_tf.modeling.backbone import build_backbone
from clinicalbert_tf.tool_command import one_core_per_batch

_CONFIG = BertConfig(
    vocab_size=50,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=32,
)


def random_sequences(count, seed=3):
    chance = np.random.default_rng(seed)
    lengths = chance.integers(2, 20, count)
    return [chance.integers(1, 50, length).astype(np.int32) for length in lengths]


class PredictorTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        tf.keras.utils.set_random_seed(5)
        self.backbone = build_backbone(_CONFIG)
        self.shapes = []

    def encode(self, inputs):
        names = ("token_ids", "segment_ids", "padding_mask")
        outputs = self.backbone({name: inputs[name] for name in names}, training=False)
        return {"hidden": outputs["sequence_output"], "pooled": outputs["pooled_output"]}

    def one_by_one(self, tokens, second=None):
        """The slow, obviously right way: every sequence in a batch of its own."""
        segments = np.arange(len(tokens)) >= (len(tokens) if second is None else second)
        inputs = {
            "token_ids": tokens[None],
            "segment_ids": segments[None].astype(np.int32),
            "padding_mask": np.ones_like(tokens)[None],
        }
        return {name: values[0].numpy() for name, values in self.encode(inputs).items()}

    @parameterized.parameters(1, 2)
    def test_outputs_are_those_of_each_sequence_alone_in_the_given_order(self, at_once):
        sequences = random_sequences(60)
        seconds = [len(tokens) // 2 for tokens in sequences]
        self.enter_context(mock.patch.object(predictor, "batches_at_once", lambda: at_once))
        run = Predictor(self.encode, 64, per_token=("hidden",))
        found = run.predict(sequences, seconds)
        self.assertLen(found["hidden"], 60)
        for place, (tokens, second) in enumerate(zip(sequences, seconds, strict=True)):
            expected = self.one_by_one(tokens, second)
            self.assertEqual(found["hidden"][place].shape, (len(tokens), 16))
            self.assertAllClose(found["hidden"][place], expected["hidden"], atol=1e-5, rtol=0)
            self.assertAllClose(found["pooled"][place], expected["pooled"], atol=1e-5, rtol=0)

    def noting(self, inputs):
        tf.py_function(
            lambda tokens: self.shapes.append(tuple(tokens.shape)), [inputs["token_ids"]], []
        )
        return {"first": inputs["token_ids"][:, 0]}

    def test_equal_sequences_are_computed_once_and_get_the_same_bits(self):
        sequences = random_sequences(7)
        run = Predictor(lambda inputs: {"pooled": self.encode(inputs)["pooled"]}, 64)
        found = run.predict([*sequences, *reversed(sequences)])["pooled"]
        self.assertAllEqual(found[:7], found[7:][::-1])
        run = Predictor(self.noting, 64)
        self.assertAllEqual(
            run.predict(sequences * 3)["first"], [tokens[0] for tokens in sequences] * 3
        )
        self.assertEqual(sum(rows for rows, _ in self.shapes), 7)

    def test_sequences_that_differ_in_an_extra_or_a_segment_are_different(self):
        tokens = np.array([2, 5, 5, 3], np.int32)
        run = Predictor(
            lambda inputs: {
                "sum": inputs["extra"] + 10 * tf.reduce_sum(inputs["segment_ids"], axis=1)
            },
            extras=("extra",),
        )
        found = run.predict([tokens] * 4, [4, 4, 2, 4], extra=[1, 2, 1, 1])["sum"]
        self.assertAllEqual(found, [1, 2, 21, 1])

    def test_a_batch_holds_the_budget_and_the_largest_come_first(self):
        self.enter_context(mock.patch.object(predictor, "batches_at_once", lambda: 1))
        run = Predictor(self.noting, 64)
        same = [np.full(16, number, np.int32) for number in range(1, 4 * 8 + 1)]
        run.predict([*random_sequences(3), *same])
        self.assertEqual(self.shapes[:8], [(4, 16)] * 8)
        self.assertLessEqual(max(rows * length for rows, length in self.shapes), 64)

    @parameterized.parameters(
        (1, {}, 1, "1"),
        (2, {}, 2, "1"),
        (4, {}, 4, "1"),
        (16, {}, 2, None),
        (16, {"TF_NUM_INTRAOP_THREADS": "1"}, 16, "1"),
        (4, {"TF_NUM_INTRAOP_THREADS": "3"}, 2, "3"),
    )
    def test_few_cores_run_a_batch_each(self, cores, environment, at_once, threads):
        self.enter_context(mock.patch.dict("os.environ", environment, clear=True))
        self.enter_context(mock.patch("os.cpu_count", lambda: cores))
        one_core_per_batch()
        self.assertEqual(os.environ.get("TF_NUM_INTRAOP_THREADS"), threads)
        self.assertEqual(predictor.batches_at_once(), at_once)

    def test_an_error_in_a_batch_reaches_the_caller(self):
        run = Predictor(lambda inputs: {"kept": tf.ensure_shape(inputs["token_ids"], [1, None])}, 8)
        with self.assertRaises(tf.errors.InvalidArgumentError):
            run.predict(random_sequences(20))

    def test_wrong_inputs_are_refused(self):
        run = Predictor(self.noting)
        with self.assertRaisesRegex(ValueError, "at least one sequence"):
            run.predict([])
        with self.assertRaisesRegex(ValueError, r"Expected \[\], received \['other'\]"):
            run.predict([np.array([1])], other=[1])


if __name__ == "__main__":
    tf.test.main()
