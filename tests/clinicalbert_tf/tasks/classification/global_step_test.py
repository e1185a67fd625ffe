"""Accumulation, replicas and class weights give the same loss and gradient norm."""

import pytest
import tensorflow as tf

from clinicalbert_tf.input_pipeline.dataset import RecordOrder, training_batches
from clinicalbert_tf.modeling.classifier import build_classifier
from clinicalbert_tf.tasks.classification.objective import ClassificationObjective
from clinicalbert_tf.tasks.classification.run import prepare, read_data
from clinicalbert_tf.tasks.classification.task import ClassificationTask
from clinicalbert_tf.training.cluster.strategy import build_strategy
from clinicalbert_tf.training.step import Stepper
from clinicalbert_tf.training.updates.update_rules import build_optimizer


def first_step(pair_settings, strategy, parts, freeze_layers=0):
    given = {**pair_settings, "output_dir": "out", "freeze_layers": freeze_layers}
    prepared = prepare(given, read_data(given))
    task = ClassificationTask(prepared.settings, prepared.data)
    inputs = task.find_inputs(prepared.settings)
    assert isinstance(task.objective, ClassificationObjective)
    tf.keras.utils.set_random_seed(1)
    config = inputs.config.__class__(
        **{
            **inputs.config.to_dict(),
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
        }
    )
    with strategy.scope():
        model = build_classifier(config, 2, dropout=0.0)
        optimizer = build_optimizer(prepared.settings, model, task.objective)
    stepper = Stepper(
        strategy, model, task.objective, optimizer, parts=parts, compile_kernels=False
    )
    dataset = strategy.distribute_datasets_from_function(
        lambda context: training_batches(
            inputs.train_source, RecordOrder(1, 100), 8, 0, context, length_buckets=8
        )
    )
    row = stepper.train(iter(dataset), 1)[0]
    names = (*stepper.sum_names, *stepper.update_names)
    found = dict(zip(names, row.astype(float), strict=True))
    return found["weighted_loss"] / found["weight"], found["gradient_norm"], optimizer


@pytest.mark.large
def test_loss_and_gradient_are_those_of_the_global_step(pair_settings):
    one = build_strategy("one_device")
    loss, norm, *_ = first_step(pair_settings, one, 1)
    two = build_strategy("mirrored", num_replicas=2)
    assert two.num_replicas_in_sync == 2
    for strategy, parts in ((one, 2), (two, 1)):
        other_loss, other_norm, *_ = first_step(pair_settings, strategy, parts)
        assert other_loss == pytest.approx(loss, rel=1e-5)
        assert other_norm == pytest.approx(norm, rel=1e-5)


def test_frozen_layers_stay_and_have_no_slots(pair_settings):
    one = build_strategy("one_device")
    *_, optimizer = first_step(pair_settings, one, 1, freeze_layers=1)
    assert not any("layer_0/" in name or "embeddings" in name for name in optimizer.slots)
    assert any("layer_1/" in name for name in optimizer.slots)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
