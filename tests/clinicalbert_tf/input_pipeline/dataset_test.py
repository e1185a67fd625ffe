"""Which record comes at which place."""

import gzip
import os
import pathlib
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.input_pipeline import record_source
from clinicalbert_tf.input_pipeline.dataset import (
    RecordOrder,
    evaluation_batches,
    number_of_batches,
    training_batches,
)
from clinicalbert_tf.input_pipeline.order import ordered_batches
from clinicalbert_tf.input_pipeline.record_source import RecordSource, find_records
from tests import support
from tests.clinicalbert_tf.input_pipeline import invented_records

COUNTS = (30, 17, 0, 53)
TOTAL = sum(COUNTS)
MASKINGS = ("static", "dynamic")


def numbered(folder):
    """Four shards, one of them empty and one compressed, whose records are their numbers."""
    paths, number = [], 0
    for index, count in enumerate(COUNTS):
        path = os.path.join(folder, f"part-{index}.tfrecord")
        with tf.io.TFRecordWriter(path, options="GZIP" if index == 1 else None) as writer:
            for _ in range(count):
                writer.write(b"%d" % number)
                number += 1
        paths.append(path)
    return RecordSource(
        tuple(paths), (False, True, False, False), COUNTS, (), 128, 22, 0, "fingerprint"
    )


def numbers(source, order, position, count, batch_size=5):
    batches = ordered_batches(source, order, batch_size, position).take(-(-count // batch_size))
    return [int(record) for (batch,) in batches.as_numpy_iterator() for record in batch][:count]


def contexts(pipelines, replicas):
    return [
        tf.distribute.InputContext(
            num_input_pipelines=pipelines, input_pipeline_id=i, num_replicas_in_sync=replicas
        )
        for i in range(pipelines)
    ]


def batches_of(dataset, count):
    return list(dataset.take(count).as_numpy_iterator())


class DatasetTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = support.class_folder(cls)
        cls.records = support.golden_records(folder)
        cls.numbered = numbered(folder)

    def source(self, masking):
        """Masked records, or records that the pipeline masks."""
        return find_records(self.records if masking == "static" else invented_records.unmasked())

    def test_buffer_zero_reads_in_file_order_epoch_after_epoch(self):
        order = RecordOrder(seed=1, shuffle_buffer=0)
        self.assertEqual(numbers(self.numbered, order, 0, 250), [i % TOTAL for i in range(250)])
        self.assertEqual(
            numbers(self.numbered, order, 130, 100), [i % TOTAL for i in range(130, 230)]
        )

    @parameterized.parameters(7, 64, 1000)
    def test_every_epoch_holds_every_record_once_in_another_order(self, shuffle_buffer):
        order = RecordOrder(seed=3, shuffle_buffer=shuffle_buffer)
        records = numbers(self.numbered, order, 0, 3 * TOTAL)
        epochs = [records[i * TOTAL : (i + 1) * TOTAL] for i in range(3)]
        self.assertTrue(all(sorted(epoch) == list(range(TOTAL)) for epoch in epochs))
        self.assertNotEqual(epochs[0], epochs[1])
        self.assertNotEqual(epochs[1], epochs[2])
        self.assertNotEqual(epochs[2], epochs[0])
        self.assertNotEqual(epochs[0], list(range(TOTAL)))

    @parameterized.product(shuffle_buffer=[0, 7, 64], position=[1, 100, 164])
    def test_restart_at_any_position_continues_the_same_order(self, shuffle_buffer, position):
        order = RecordOrder(seed=5, shuffle_buffer=shuffle_buffer)
        undisturbed = numbers(self.numbered, order, 0, position + 150)
        self.assertEqual(numbers(self.numbered, order, position, 150), undisturbed[position:])

    def test_order_follows_the_seed_and_not_tensorflows_global_one(self):
        tf.random.set_seed(1)
        first = numbers(self.numbered, RecordOrder(seed=5, shuffle_buffer=64), 0, 150)
        tf.random.set_seed(2)
        self.assertEqual(
            numbers(self.numbered, RecordOrder(seed=5, shuffle_buffer=64), 0, 150), first
        )
        self.assertNotEqual(
            numbers(self.numbered, RecordOrder(seed=6, shuffle_buffer=64), 0, 150), first
        )

    def test_large_window_mixes_the_whole_epoch(self):
        records = numbers(self.numbered, RecordOrder(seed=0, shuffle_buffer=TOTAL), 0, TOTAL)
        # A uniform shuffle has no rank correlation; 0.35 is 3.5 standard deviations.
        self.assertLess(abs(np.corrcoef(records, np.arange(TOTAL))[0, 1]), 0.35)

    @parameterized.product(
        [
            {"pipelines": pipelines, "replicas": replicas}
            for pipelines, replicas in ((1, 2), (2, 2), (2, 4), (1, 6))
        ],
        masking=MASKINGS,
    )
    def test_global_batches_are_the_same_for_any_number_of_replicas_and_workers(
        self, pipelines, replicas, masking
    ):
        source = self.source(masking)
        order = RecordOrder(seed=9, shuffle_buffer=50)
        whole = training_batches(source, order, 12, first_step=78)
        parts = [
            iter(training_batches(source, order, 12, first_step=78, context=context))
            for context in contexts(pipelines, replicas)
        ]
        for batch in whole.take(4):
            own = [next(part) for part in parts for _ in range(replicas // pipelines)]
            for name, values in batch.items():
                together = np.concatenate([piece[name] for piece in own])
                self.assertAllEqual(together, values, msg=name)

    def test_features_have_keras_names_static_shapes_and_the_records_values(self):
        source = find_records(self.records)
        dataset = training_batches(source, RecordOrder(shuffle_buffer=0), 4)
        shapes = {
            name: (spec.dtype.name, *spec.shape) for name, spec in dataset.element_spec.items()
        }
        self.assertEqual(
            shapes,
            {
                "token_ids": ("int32", 4, 128),
                "padding_mask": ("int32", 4, 128),
                "segment_ids": ("int32", 4, 128),
                "mask_positions": ("int32", 4, 22),
                "masked_lm_ids": ("int32", 4, 22),
                "masked_lm_weights": ("float32", 4, 22),
                "next_sentence_labels": ("int32", 4),
            },
        )
        batch = next(iter(dataset))
        record = next(iter(tf.data.TFRecordDataset(self.records).skip(3).take(1))).numpy()
        feature = tf.train.Example.FromString(record).features.feature
        self.assertAllEqual(batch["token_ids"][3], feature["input_ids"].int64_list.value)
        self.assertAllEqual(batch["padding_mask"][3], feature["input_mask"].int64_list.value)
        self.assertAllEqual(
            batch["mask_positions"][3], feature["masked_lm_positions"].int64_list.value
        )
        self.assertAllEqual(
            batch["masked_lm_weights"][3], feature["masked_lm_weights"].float_list.value
        )
        self.assertEqual(
            [int(batch["next_sentence_labels"][3])],
            feature["next_sentence_labels"].int64_list.value,
        )

    @parameterized.product(masking=MASKINGS, replicas=(1, 2))
    def test_every_shape_is_static(self, masking, replicas):
        source = self.source(masking)
        (context,) = contexts(1, replicas)
        for dataset in (
            training_batches(source, RecordOrder(), 8, context=context),
            evaluation_batches(source, 8, 2, context),
        ):
            rows = 8 // replicas
            for name, spec in dataset.element_spec.items():
                self.assertTrue(spec.shape.is_fully_defined(), name)
                self.assertEqual(spec.shape[0], rows, name)
                width = {
                    "token_ids": source.max_seq_length,
                    "mask_positions": source.max_predictions_per_seq,
                }.get(name)
                self.assertTrue(width is None or spec.shape == (rows, width))

    def test_workers_parse_and_mask_only_their_own_records(self):
        parsed = []
        parse = record_source.parse_records

        def counting(serialized, *widths):
            parsed.append(int(serialized.shape[0]))
            return parse(serialized, *widths)

        self.enter_context(mock.patch.object(record_source, "parse_records", counting))
        source = find_records(invented_records.unmasked())
        for context in contexts(4, 4):
            iter(training_batches(source, RecordOrder(), 32, context=context))
        self.assertEqual(parsed, [8] * 4)

    def test_unmasked_records_get_a_fresh_mask_each_epoch_and_the_same_again_when_resumed(self):
        source = find_records(invented_records.unmasked())
        size = next(n for n in range(20, source.num_records) if source.num_records % n == 0)
        an_epoch = source.num_records // size
        order = RecordOrder(seed=4, shuffle_buffer=0)
        undisturbed = batches_of(training_batches(source, order, size), an_epoch + 3)
        first, again = undisturbed[0], undisturbed[an_epoch]
        self.assertAllEqual(first["padding_mask"], again["padding_mask"])
        self.assertAllEqual(first["segment_ids"], again["segment_ids"])
        self.assertGreater(
            (first["mask_positions"] != again["mask_positions"]).any(axis=1).mean(), 0.9
        )
        resumed = batches_of(training_batches(source, order, size, an_epoch + 1), 2)
        for batch, expected in zip(resumed, undisturbed[an_epoch + 1 :], strict=True):
            for name, values in batch.items():
                self.assertAllEqual(values, expected[name], msg=name)
        (other,) = batches_of(training_batches(source, RecordOrder(5, 0), size), 1)
        self.assertTrue((other["mask_positions"] != first["mask_positions"]).any())

    def test_evaluation_masks_a_record_alike_whatever_the_batch(self):
        source = find_records(invented_records.unmasked())
        total = source.num_records

        def everything(size, replicas=1):
            (context,) = contexts(1, replicas)
            count = number_of_batches(source, size)
            pieces = batches_of(evaluation_batches(source, size, count, context), count * replicas)
            return {name: np.concatenate([p[name] for p in pieces])[:total] for name in pieces[0]}

        expected = everything(64)
        self.assertGreater(expected["masked_lm_weights"].sum(), total)
        for other in (everything(100), everything(64, replicas=2)):
            for name, values in other.items():
                self.assertAllEqual(values, expected[name], msg=name)

    @parameterized.parameters(1, 4)
    def test_last_partial_evaluation_batch_is_filled_with_weightless_records(self, replicas):
        source = find_records(self.records)
        (context,) = contexts(1, replicas)
        self.assertEqual(number_of_batches(source, 40), 24)
        self.assertEqual(number_of_batches(source, 40, at_most=5), 5)
        batches = list(evaluation_batches(source, 40, 24, context))
        self.assertLen(batches, 24 * replicas)
        weights = np.concatenate([batch["example_weights"] for batch in batches])
        self.assertEqual(weights.tolist(), [1.0] * 948 + [0.0] * 12)
        tokens = np.concatenate([batch["token_ids"] for batch in batches])
        self.assertEqual(tokens.shape, (960, 128))
        self.assertAllEqual(tokens[948:], np.repeat(tokens[947:948], 12, axis=0))

    def test_compressed_records_give_the_same_batches(self):
        compressed = pathlib.Path(self.get_temp_dir(), "cased_128.tfrecord.gz")
        with open(self.records, "rb") as file:
            compressed.write_bytes(gzip.compress(file.read()))
        order = RecordOrder(seed=2, shuffle_buffer=100)
        plain = next(iter(training_batches(find_records(self.records), order, 16)))
        other = next(iter(training_batches(find_records(str(compressed)), order, 16)))
        for name in plain:
            self.assertAllEqual(plain[name], other[name])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
