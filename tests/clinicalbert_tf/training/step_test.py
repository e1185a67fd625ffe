"""The training step: the reference's run, any number of replicas, dropout's randomness."""

import dataclasses
import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.input_pipeline.dataset import (
    RecordOrder,
    evaluation_batches,
    number_of_batches,
    training_batches,
)
from clinicalbert_tf.input_pipeline.shards import find_records
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.restore.tf1 import restore_checkpoint
from clinicalbert_tf.restore.variable_names import pretraining_variables
from clinicalbert_tf.training.evaluation import evaluate
from clinicalbert_tf.training.losses import PretrainingObjective
from clinicalbert_tf.training.optimizer import AdamWeightDecay, WarmupLinearDecay
from clinicalbert_tf.training.step import Stepper
from clinicalbert_tf.training.strategy import build_strategy

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "golden"
FILE_ORDER = RecordOrder(shuffle_buffer=0)


def one_device():
    return build_strategy("one_device")


def two_replicas():
    return build_strategy("mirrored", num_replicas=2)


def make_stepper(strategy, config, schedule, checkpoint=None, seed=0):
    keras.utils.set_random_seed(1)
    with strategy.scope():
        model = build_pretraining_model(config)
        if checkpoint is not None:
            restore_checkpoint(model, checkpoint)
        variables = [(m.tf1_name, m.variable) for m in pretraining_variables(model)]
        optimizer = AdamWeightDecay(variables, schedule)
    return Stepper(strategy, model, PretrainingObjective(), optimizer, seed)


def train(stepper, source, batch_size, calls, order=FILE_ORDER, first_step=0):
    """Metrics of every step, the calls making so many steps each."""
    dataset = stepper.strategy.distribute_datasets_from_function(
        lambda context: training_batches(source, order, batch_size, first_step, context)
    )
    iterator = iter(dataset)
    rows = np.concatenate([stepper.train(iterator, steps) for steps in calls])
    return stepper.objective.metrics(rows[:, : len(stepper.objective.sum_names)]), rows


def evaluate_all(stepper, source, batch_size):
    batches = number_of_batches(source, batch_size)
    dataset = stepper.strategy.distribute_datasets_from_function(
        lambda context: evaluation_batches(source, batch_size, batches, context)
    )
    return evaluate(stepper, iter(dataset), batches)


@pytest.mark.large
def test_two_replicas_follow_the_reference_over_twenty_steps(golden_records):
    expected = json.loads((GOLDEN / "pretraining_run" / "expected.json").read_text())
    settings = expected["settings"]
    config = BertConfig.from_json_file(GOLDEN / "tf1_checkpoint" / "bert_config.json")
    schedule = WarmupLinearDecay(
        settings["learning_rate"], settings["num_train_steps"], settings["num_warmup_steps"]
    )
    checkpoint = GOLDEN / "tf1_checkpoint" / "model.ckpt-150000"
    stepper = make_stepper(two_replicas(), config, schedule, checkpoint)
    source = find_records(golden_records)
    metrics, _ = train(stepper, source, settings["train_batch_size"], calls=[1, 19])
    for name in ("loss", "masked_lm_loss", "next_sentence_loss"):
        curve = [step[name] for step in expected["curve"][:20]]
        np.testing.assert_allclose(metrics[name], curve, rtol=0, atol=5e-3, err_msg=name)
        np.testing.assert_allclose(metrics[name][:2], curve[:2], rtol=0, atol=1e-5)


def test_unequal_mask_counts_on_the_replicas_leave_the_global_loss(golden_records, small_config):
    source = find_records(golden_records)
    first = next(iter(training_batches(source, FILE_ORDER, 4)))
    halves = first["masked_lm_weights"].numpy().reshape(2, -1).sum(axis=1)
    assert halves[0] != halves[1]
    schedule = WarmupLinearDecay(1e-2, 100, 0)
    one, one_rows = train(make_stepper(one_device(), small_config, schedule), source, 4, [6])
    two, two_rows = train(make_stepper(two_replicas(), small_config, schedule), source, 4, [6])
    np.testing.assert_allclose(two["loss"], one["loss"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(two_rows[:, -1], one_rows[:, -1], rtol=1e-4)
    assert one["loss"][-1] < one["loss"][0]


def test_steps_do_not_depend_on_how_many_a_call_makes(golden_records, small_config):
    source, schedule = find_records(golden_records), WarmupLinearDecay(1e-3, 20, 5)
    _, whole = train(make_stepper(one_device(), small_config, schedule), source, 4, [7])
    _, parts = train(make_stepper(one_device(), small_config, schedule), source, 4, [1, 4, 2])
    np.testing.assert_array_equal(whole, parts)
    rates = [1e-3 * step / 5 for step in range(5)] + [1e-3 * (1 - step / 20) for step in (5, 6)]
    np.testing.assert_allclose(whole[:, -2], rates, rtol=1e-6)


def test_dropout_is_a_function_of_seed_and_step(golden_records, small_config):
    config = dataclasses.replace(small_config, hidden_dropout_prob=0.5)
    # A rate of zero: the weights stay, so that only dropout can differ.
    source, schedule = find_records(golden_records), lambda step: tf.constant(0.0)

    def losses(seed, first_step, steps):
        stepper = make_stepper(one_device(), config, schedule, seed=seed)
        stepper.optimizer.step.assign(first_step)
        # The same records at every step: what differs is dropout.
        return [train(stepper, source, 4, [1])[0]["loss"][0] for _ in range(steps)]

    undisturbed = losses(seed=3, first_step=0, steps=4)
    assert len(set(undisturbed)) == 4
    assert losses(seed=3, first_step=2, steps=2) == undisturbed[2:]
    assert losses(seed=4, first_step=0, steps=1)[0] != undisturbed[0]


def test_replicas_draw_different_dropout(golden_records, small_config):
    config = dataclasses.replace(small_config, hidden_dropout_prob=0.5)
    stepper = make_stepper(two_replicas(), config, WarmupLinearDecay(1e-9, 100, 0))
    record = next(iter(training_batches(find_records(golden_records), FILE_ORDER, 1)))

    def replica_loss(batch):
        counts = stepper.objective.counts(batch)
        _, sums = stepper._forward_backward(
            batch, counts, stepper.seeds.draw(tf.constant(5, tf.int64))
        )
        return sums[0]

    result = tf.function(lambda: stepper.strategy.run(replica_loss, args=(record,)))()
    first, second = (float(value) for value in stepper.strategy.experimental_local_results(result))
    assert first != second


def test_evaluation_counts_every_record_once_whatever_the_batch(golden_records, small_config):
    source = find_records(golden_records)
    stepper = make_stepper(one_device(), small_config, WarmupLinearDecay(1e-3, 20, 5))
    replicated = make_stepper(two_replicas(), small_config, WarmupLinearDecay(1e-3, 20, 5))
    whole = evaluate_all(stepper, source, 158)
    assert evaluate_all(stepper, source, 100) == pytest.approx(whole, rel=1e-5)
    assert evaluate_all(replicated, source, 100) == pytest.approx(whole, rel=1e-5)
    assert whole["loss"] == pytest.approx(whole["masked_lm_loss"] + whole["next_sentence_loss"])
