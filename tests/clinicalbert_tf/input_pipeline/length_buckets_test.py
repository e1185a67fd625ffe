"""Batches of like lengths: the same records, less padding, the same results."""

import collections

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.input_pipeline.dataset import RecordOrder, training_batches
from clinicalbert_tf.input_pipeline.record_source import find_records
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.tasks.pretraining.objective import PretrainingObjective
from clinicalbert_tf.training.objective import ENGINE_SUMS, batch_sums
from tests.clinicalbert_tf.input_pipeline import invented_records

OF_TOKENS = ("token_ids", "padding_mask", "segment_ids")
OF_PREDICTIONS = ("mask_positions", "masked_lm_ids", "masked_lm_weights")
BATCH = 16
MASKINGS = ("static", "dynamic")


def source_of(masking):
    """Masked records, or records that the pipeline masks."""
    masked = masking == "static"
    return find_records(invented_records.short_notes() if masked else invented_records.unmasked())


def batches(source, count, buckets=8, seed=2, shuffle_buffer=100, pool=0, **options):
    order = RecordOrder(seed, shuffle_buffer, pool)
    dataset = training_batches(source, order, BATCH, length_buckets=buckets, **options)
    return list(dataset.take(count).as_numpy_iterator())


def identities(batch):
    """What a record is known by however it is padded: its tokens before any masking."""
    rows = []
    for row in range(len(batch["token_ids"])):
        tokens = batch["token_ids"][row].copy()
        count = int(batch["masked_lm_weights"][row].sum())
        tokens[batch["mask_positions"][row][:count]] = batch["masked_lm_ids"][row][:count]
        rows.append(tuple(tokens[: batch["padding_mask"][row].sum()].tolist()))
    return rows


def padding(buckets, pool=0):
    """The share of positions that are padding, in batches of short notes."""
    source = find_records(invented_records.short_notes())
    masks = [
        batch["padding_mask"]
        for batch in batches(source, 80, buckets, shuffle_buffer=10_000, pool=pool)
    ]
    return 1 - sum(mask.sum() for mask in masks) / sum(mask.size for mask in masks)


class LengthBucketsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(masking=MASKINGS, pool=(0, 1, 50))
    def test_every_epoch_holds_every_record_once(self, masking, pool):
        source = source_of(masking)
        # As many whole batches as hold three epochs, which end within batches and within windows.
        count = -(-3 * source.num_records // BATCH)
        bucketed = [row for batch in batches(source, count, pool=pool) for row in identities(batch)]
        plain = [
            row
            for batch in batches(source, count, 0, shuffle_buffer=0)
            for row in identities(batch)
        ]
        total = source.num_records
        self.assertTrue(total % BATCH)
        self.assertTrue(total % 100)
        for epoch in range(3):
            part = slice(epoch * total, (epoch + 1) * total)
            self.assertEqual(collections.Counter(bucketed[part]), collections.Counter(plain[part]))
        self.assertNotEqual(bucketed[:total], bucketed[total : 2 * total])

    @parameterized.product(masking=MASKINGS, shuffle_buffer=(0, 7, 100), pool=(0, 2))
    @pytest.mark.large
    def test_restart_at_any_step_continues_the_same_batches(self, masking, shuffle_buffer, pool):
        source, options = source_of(masking), {"shuffle_buffer": shuffle_buffer, "pool": pool}
        undisturbed = batches(source, 30, **options)
        for first_step in (1, 5, 29):
            resumed = batches(source, 1, first_step=first_step, **options)
            for name, values in resumed[0].items():
                self.assertAllEqual(values, undisturbed[first_step][name], msg=name)

    @parameterized.product(
        ({"pipelines": 1, "replicas": 2}, {"pipelines": 2, "replicas": 4}), masking=MASKINGS
    )
    def test_replicas_share_batches_and_shapes(self, pipelines, replicas, masking):
        source = source_of(masking)
        whole = batches(source, 4)
        parts = [
            batches(
                source, 4 * replicas // pipelines,
                context=tf.distribute.InputContext(pipelines, index, replicas),
            )
            for index in range(pipelines)
        ]  # fmt: skip
        own = replicas // pipelines
        for step, batch in enumerate(whole):
            pieces = [piece for part in parts for piece in part[step * own : (step + 1) * own]]
            for name, values in batch.items():
                self.assertEqual({piece[name].shape[1:] for piece in pieces}, {values.shape[1:]})
                self.assertAllEqual(np.concatenate([p[name] for p in pieces]), values)

    @parameterized.parameters(*MASKINGS)
    def test_batches_are_cut_to_their_longest_record_and_lose_no_prediction(self, masking):
        source = source_of(masking)
        shapes = set()
        for batch in batches(source, 60):
            longest = batch["padding_mask"].sum(axis=1).max()
            most = batch["masked_lm_weights"].sum(axis=1).max()
            length = min(-(-longest // 8) * 8, source.max_seq_length)
            columns = min(-(-most // 4) * 4, source.max_predictions_per_seq)
            self.assertEqual({batch[name].shape for name in OF_TOKENS}, {(BATCH, length)})
            self.assertEqual(
                {batch[name].shape for name in OF_PREDICTIONS}, {(BATCH, int(columns))}
            )
            shapes.add(length)
        self.assertGreater(len(shapes), 2)

    @parameterized.product(masking=MASKINGS, buckets=(1, 8, 1000))
    def test_cut_batches_equal_the_padded_ones(self, masking, buckets):
        source = source_of(masking)
        pairs = zip(
            batches(source, 20, 0, shuffle_buffer=0),
            batches(source, 20, buckets, shuffle_buffer=0),
            strict=True,
        )
        for padded, cut in pairs:
            for name, values in cut.items():
                if values.ndim == 1:
                    self.assertAllEqual(values, padded[name])
                    continue
                width = values.shape[1]
                self.assertAllEqual(values, padded[name][:, :width], msg=name)
                self.assertFalse(padded[name][:, width:].any(), name)

    def test_padding_of_short_notes_is_below_a_tenth(self):
        self.assertGreater(padding(0), 0.2)
        self.assertLess(padding(8), 0.1)

    def test_smaller_pools_have_more_padding(self):
        whole, quarters, single = (padding(8, pool) for pool in (0, 50, 1))
        self.assertLess(whole, quarters)
        self.assertLess(quarters, single)
        self.assertLess(single, padding(0))

    def test_pools_of_one_batch_are_the_batches_of_the_plain_order(self):
        source = source_of("static")
        count = source.num_records // BATCH
        pools, plain = (
            [sorted(identities(batch)) for batch in batches(source, count, **options)]
            for options in (
                {"shuffle_buffer": 10_000, "pool": 1},
                {"shuffle_buffer": 10_000, "buckets": 0},
            )
        )
        self.assertNotEqual(pools, plain)
        self.assertCountEqual(map(tuple, pools), map(tuple, plain))

    def test_losses_and_gradients_equal_those_of_padded_batches(self):
        source = find_records(invented_records.short_notes())
        model = build_pretraining_model(
            BertConfig(
                vocab_size=1200, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                intermediate_size=64, max_position_embeddings=128, type_vocab_size=2,
                hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=0.1,
            )
        )  # fmt: skip
        objective = PretrainingObjective()

        def results(batch):
            batch = {name: tf.constant(values) for name, values in batch.items()}
            inputs = {name: batch[name] for name in objective.model_inputs}
            with tf.GradientTape() as tape:
                outputs = model(inputs, training=True)
                loss, sums = objective.loss_and_sums(outputs, batch, objective.normalizers(batch))
            gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
            return float(loss), sums.numpy(), [tf.convert_to_tensor(g).numpy() for g in gradients]

        positions = ENGINE_SUMS.index("positions")
        for padded, cut in zip(
            batches(source, 3, 0, shuffle_buffer=0),
            batches(source, 3, 8, shuffle_buffer=0),
            strict=True,
        ):
            loss, sums, gradients = results(cut)
            expected_loss, expected_sums, expected_gradients = results(padded)
            self.assertAllClose(loss, expected_loss, rtol=0, atol=1e-5)
            self.assertAllClose(sums, expected_sums, rtol=1e-5, atol=0)
            self.assertEqual(batch_sums(cut)[positions], cut["token_ids"].size)
            self.assertEqual(batch_sums(padded)[positions], BATCH * 128)
            for gradient, expected in zip(gradients, expected_gradients, strict=True):
                self.assertAllClose(gradient, expected, rtol=0, atol=1e-5)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
