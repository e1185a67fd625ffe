"""The training step: the reference's run, any number of replicas, dropout's randomness."""

import dataclasses
import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.checkpoints.names import model_variables
from clinicalbert_tf.checkpoints.readers.tf1 import restore_checkpoint
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.input_pipeline.dataset import (
    RecordOrder,
    evaluation_batches,
    number_of_batches,
    training_batches,
)
from clinicalbert_tf.input_pipeline.record_source import find_records
from clinicalbert_tf.kernel_compiler import xla_kernel
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.tasks.pretraining.objective import PretrainingObjective
from clinicalbert_tf.training.cluster.strategy import build_strategy
from clinicalbert_tf.training.evaluation import evaluate
from clinicalbert_tf.training.objective import ENGINE_SUMS
from clinicalbert_tf.training.step import Stepper
from clinicalbert_tf.training.updates.loss_scaling import DynamicLossScale
from clinicalbert_tf.training.updates.optimizer import AdamWeightDecay, WarmupLinearDecay
from tests import support
from tests.support import GOLDEN

FILE_ORDER = RecordOrder(shuffle_buffer=0)

SUM_NAMES = (*PretrainingObjective().sum_names, *ENGINE_SUMS)


def one_device():
    return build_strategy("one_device")


def two_replicas():
    return build_strategy("mirrored", num_replicas=2)


def make_stepper(
    strategy, config, schedule, checkpoint=None, seed=0, model_options=None, loss_scale=None,
    **options,
):  # fmt: skip
    keras.utils.set_random_seed(1)
    with strategy.scope():
        model = build_pretraining_model(config, **(model_options or {}))
        if checkpoint is not None:
            restore_checkpoint(model, checkpoint)
        variables = [(m.tf1_name, m.variable) for m in model_variables(model)]
        scale = None if loss_scale is None else DynamicLossScale(loss_scale)
        optimizer = AdamWeightDecay(variables, schedule, loss_scale=scale)
    return Stepper(strategy, model, PretrainingObjective(), optimizer, seed, **options)


def train(stepper, source, batch_size, calls, order=FILE_ORDER, first_step=0):
    """Metrics of every step, the calls making so many steps each."""
    dataset = stepper.strategy.distribute_datasets_from_function(
        lambda context: training_batches(source, order, batch_size, first_step, context)
    )
    iterator = iter(dataset)
    rows = np.concatenate([stepper.train(iterator, steps) for steps in calls])
    totals = dict(zip(stepper.sum_names, rows.T.astype(np.float64), strict=False))
    return stepper.objective.metrics(totals), rows


def evaluate_all(stepper, source, batch_size):
    batches = number_of_batches(source, batch_size)
    dataset = stepper.strategy.distribute_datasets_from_function(
        lambda context: evaluation_batches(source, batch_size, batches, context)
    )
    return evaluate(stepper, iter(dataset), batches)


SCHEDULE = WarmupLinearDecay(1e-2, 100, 2)
DROPOUT = {"hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.2}


def after_steps(records, config, strategy=None, steps=4, **options):
    """(rows of every step, the weights after them) of batches of 8."""
    stepper = make_stepper(strategy or one_device(), config, SCHEDULE, **options)
    _, rows = train(stepper, find_records(records), 8, [steps])
    return rows, [variable.numpy() for variable in stepper.optimizer.variables]


@functools.cache
def plain_steps(records, config):
    """after_steps on one device without any option, once for all that compare with it."""
    return after_steps(records, config)


class StepTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = support.class_folder(cls)
        cls.records = support.golden_records(folder)
        cls.config = support.small_config()

    @pytest.mark.large
    def test_two_replicas_follow_the_reference_over_twenty_steps(self):
        expected = json.loads((GOLDEN / "pretraining_run" / "expected.json").read_text())
        settings = expected["settings"]
        config = BertConfig.from_json_file(GOLDEN / "tf1_checkpoint" / "bert_config.json")
        schedule = WarmupLinearDecay(
            settings["learning_rate"], settings["num_train_steps"], settings["num_warmup_steps"]
        )
        checkpoint = GOLDEN / "tf1_checkpoint" / "model.ckpt-150000"
        stepper = make_stepper(two_replicas(), config, schedule, checkpoint)
        source = find_records(self.records)
        metrics, _ = train(stepper, source, settings["train_batch_size"], calls=[1, 19])
        for name in ("loss", "masked_lm_loss", "next_sentence_loss"):
            curve = [step[name] for step in expected["curve"][:20]]
            self.assertAllClose(metrics[name], curve, rtol=0, atol=5e-3, msg=name)
            self.assertAllClose(metrics[name][:2], curve[:2], rtol=0, atol=1e-5)

    @pytest.mark.large
    def test_unequal_mask_counts_on_the_replicas_leave_the_global_loss(self):
        source = find_records(self.records)
        first = next(iter(training_batches(source, FILE_ORDER, 4)))
        halves = first["masked_lm_weights"].numpy().reshape(2, -1).sum(axis=1)
        self.assertNotEqual(halves[0], halves[1])
        schedule = WarmupLinearDecay(1e-2, 100, 0)
        one, one_rows = train(make_stepper(one_device(), self.config, schedule), source, 4, [20])
        two, two_rows = train(make_stepper(two_replicas(), self.config, schedule), source, 4, [20])
        self.assertAllClose(two["loss"], one["loss"], rtol=0, atol=1e-5)
        self.assertAllClose(two_rows[:, -1], one_rows[:, -1], rtol=1e-4, atol=0)
        self.assertLess(one["loss"][-1], one["loss"][0])

    @pytest.mark.large
    def test_steps_do_not_depend_on_how_many_a_call_makes(self):
        source, schedule = find_records(self.records), WarmupLinearDecay(1e-3, 20, 5)
        _, whole = train(make_stepper(one_device(), self.config, schedule), source, 4, [7])
        _, parts = train(make_stepper(one_device(), self.config, schedule), source, 4, [1, 4, 2])
        self.assertAllEqual(whole, parts)
        rates = [1e-3 * step / 5 for step in range(5)] + [1e-3 * (1 - step / 20) for step in (5, 6)]
        self.assertAllClose(whole[:, -2], rates, rtol=1e-6, atol=0)

    @pytest.mark.large
    def test_dropout_is_a_function_of_seed_and_step(self):
        config = dataclasses.replace(self.config, hidden_dropout_prob=0.5)
        # A rate of zero: the weights stay, so that only dropout can differ.
        source, schedule = find_records(self.records), lambda step: tf.constant(0.0)

        def losses(seed, first_step, steps):
            stepper = make_stepper(one_device(), config, schedule, seed=seed)
            stepper.optimizer.step.assign(first_step)
            # The same records at every step: what differs is dropout.
            return [train(stepper, source, 4, [1])[0]["loss"][0] for _ in range(steps)]

        undisturbed = losses(seed=3, first_step=0, steps=4)
        self.assertLen(set(undisturbed), 4)
        self.assertEqual(losses(seed=3, first_step=2, steps=2), undisturbed[2:])
        self.assertNotEqual(losses(seed=4, first_step=0, steps=1)[0], undisturbed[0])

    def test_replicas_draw_different_dropout(self):
        config = dataclasses.replace(self.config, hidden_dropout_prob=0.5)
        stepper = make_stepper(two_replicas(), config, WarmupLinearDecay(1e-9, 100, 0))
        record = next(iter(training_batches(find_records(self.records), FILE_ORDER, 1)))

        def replica_loss(batch):
            counts = stepper.objective.normalizers(batch)
            draw = stepper.seeds.draw(tf.constant(5, tf.int64))
            *_, sums = stepper._forward_backward(None, batch, counts, draw)
            return sums[0]

        result = tf.function(lambda: stepper.strategy.run(replica_loss, args=(record,)))()
        first, second = (
            float(value) for value in stepper.strategy.experimental_local_results(result)
        )
        self.assertNotEqual(first, second)

    def test_evaluation_counts_every_record_once_whatever_the_batch(self):
        source = find_records(self.records)
        stepper = make_stepper(one_device(), self.config, WarmupLinearDecay(1e-3, 20, 5))
        replicated = make_stepper(two_replicas(), self.config, WarmupLinearDecay(1e-3, 20, 5))
        whole = evaluate_all(stepper, source, 158)
        self.assertAllClose(evaluate_all(stepper, source, 100), whole, rtol=1e-5, atol=0)
        self.assertAllClose(evaluate_all(replicated, source, 100), whole, rtol=1e-5, atol=0)
        self.assertAllClose(
            whole["loss"], whole["masked_lm_loss"] + whole["next_sentence_loss"], rtol=1e-6, atol=0
        )

    def assert_same_training(self, received, expected, atol=1e-5):
        self.assertAllClose(received[0], expected[0], rtol=1e-4, atol=atol)
        for ours, theirs in zip(received[1], expected[1], strict=True):
            self.assertAllClose(ours, theirs, rtol=0, atol=atol)

    @parameterized.parameters((4, 1), (2, 2))
    @pytest.mark.large
    def test_parts_of_a_batch_make_the_update_of_the_whole(self, parts, replicas):
        strategy = one_device() if replicas == 1 else two_replicas()
        whole = plain_steps(self.records, self.config)
        self.assert_same_training(
            after_steps(self.records, self.config, strategy, parts=parts), whole
        )
        # Weights that do not move would be equal as well.
        self.assertGreater(np.abs(whole[1][0]).max(), 0.04)

    @pytest.mark.large
    def test_every_part_draws_its_own_dropout_and_the_same_in_every_run(self):
        config = dataclasses.replace(self.config, **DROPOUT)
        first = after_steps(self.records, config, parts=2)
        self.assert_same_training(after_steps(self.records, config, parts=2), first, atol=0)
        whole = plain_steps(self.records, config)
        self.assertGreater(np.abs(whole[0][0, 0] - first[0][0, 0]), 1e-3)
        stepper = make_stepper(one_device(), config, SCHEDULE, parts=2)
        record = next(iter(training_batches(find_records(self.records), FILE_ORDER, 4)))
        twice = {name: tf.concat([values, values], axis=0) for name, values in record.items()}
        counts = stepper.objective.normalizers(twice)

        def loss(batch, parts, draw):
            stepper.parts = parts
            *_, sums = stepper._gradients_of_batch(batch, counts, tf.constant(draw, tf.int64))
            return float(sums[0])

        # Draw 7 of two parts each is draws 14 and 15 of the parts.
        parts = [loss(record, 1, draw) for draw in (14, 15)]
        self.assertNotEqual(parts[0], parts[1])
        self.assertAllClose(loss(twice, 2, 7), sum(parts), rtol=1e-6, atol=0)

    @parameterized.parameters(1, 2)
    @pytest.mark.large
    def test_xla_gives_the_same_numbers_dropout_included(self, replicas):
        config = dataclasses.replace(self.config, **DROPOUT)
        if replicas == 1:
            strategy, expected = one_device(), plain_steps(self.records, config)
        else:
            strategy = two_replicas()
            expected = after_steps(self.records, config, strategy)
        received = after_steps(self.records, config, strategy, jit_compile=True)
        self.assert_same_training(received, expected)

    @pytest.mark.large
    def test_xla_takes_batches_of_several_lengths(self):
        source = find_records(self.records)
        (batch,) = training_batches(source, FILE_ORDER, 4).take(1)
        short = {
            name: values[:, :64] if values.shape[1:] == [128] else values
            for name, values in batch.items()
        }
        short["mask_positions"] = tf.minimum(short["mask_positions"], 63)
        results = []
        for jit_compile in (False, True):
            stepper = make_stepper(one_device(), self.config, SCHEDULE, jit_compile=jit_compile)
            signature = {
                name: tf.TensorSpec([None] * values.shape.rank, values.dtype)
                for name, values in batch.items()
            }
            dataset = tf.data.Dataset.from_generator(
                lambda: iter([batch, short, batch]), output_signature=signature
            )
            results.append(stepper.train(iter(dataset), 3))
        self.assertAllClose(results[1], results[0], rtol=1e-4, atol=1e-5)
        tokens = SUM_NAMES.index("tokens")
        self.assertEqual(results[0][1, tokens], float(tf.reduce_sum(short["padding_mask"])))
        self.assertLessEqual(float(tf.reduce_sum(short["padding_mask"])), 4 * 64)

    @parameterized.parameters(({},), ({"parts": 2},), ({"jit_compile": True},))
    @pytest.mark.large
    def test_recomputed_activations_change_nothing(self, options):
        config = dataclasses.replace(self.config, num_hidden_layers=2, **DROPOUT)
        kept = after_steps(self.records, config, **options)
        model_options = {"recompute": True}
        again = after_steps(self.records, config, model_options=model_options, **options)
        self.assert_same_training(again, kept)

    @parameterized.parameters(("mixed_bfloat16", None), ("mixed_float16", 2.0**12))
    @pytest.mark.large
    def test_half_precision_trains_float32_weights(self, precision, loss_scale):
        expected, _ = plain_steps(self.records, self.config)
        rows, weights = after_steps(
            self.records, self.config, model_options={"dtype": precision}, loss_scale=loss_scale
        )
        self.assertTrue(all(value.dtype == np.float32 for value in weights))
        self.assertAllClose(rows[:, 0], expected[:, 0], rtol=2e-3, atol=0)
        norm = len(SUM_NAMES) + 1
        self.assertAllClose(rows[:, norm], expected[:, norm], rtol=0.05, atol=0)
        self.assertTrue((rows[:, 0] != expected[:, 0]).any())

    @pytest.mark.large
    def test_float16_skips_overflows_until_the_scale_fits(self):
        stepper = make_stepper(
            one_device(), self.config, SCHEDULE, model_options={"dtype": "mixed_float16"},
            loss_scale=2.0**40,
        )  # fmt: skip
        self.assertEqual(stepper.update_names[-2:], ("loss_scale", "skipped_steps"))
        initial = [variable.numpy() for variable in stepper.optimizer.variables]
        _, rows = train(stepper, find_records(self.records), 8, [6])
        self.assertAllEqual(rows[:, -2], 2.0 ** np.arange(40, 34, -1))
        self.assertAllEqual(rows[:, -1], np.arange(1, 7))
        self.assertTrue(np.isfinite(rows).all())
        for variable, value in zip(stepper.optimizer.variables, initial, strict=True):
            self.assertAllEqual(variable, value)
        self.assertEqual(int(stepper.optimizer.step), 6)
        stepper.optimizer.loss_scale.scale.assign(2.0**10)
        _, rows = train(stepper, find_records(self.records), 8, [1])
        self.assertEqual(rows[0, -1], 6)
        self.assertTrue((stepper.optimizer.variables[0].numpy() != initial[0]).any())

    def test_elementwise_kernels_are_compiled_unless_everything_is(self):
        made = []
        for jit_compile in (False, True):
            stepper = make_stepper(one_device(), self.config, SCHEDULE, jit_compile=jit_compile)
            made.append(stepper._kernel_compiler)
        self.assertEqual(made, [xla_kernel, None])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
