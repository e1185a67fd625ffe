"""A tagging run under the engine: replicas change no number, a stopped run resumes to the bit."""

import json
import os
import signal

import pytest
import tensorflow as tf

from clinicalbert_tf.input_pipeline.dataset import RecordOrder, training_batches
from clinicalbert_tf.modeling.tagger import build_tagger
from clinicalbert_tf.tasks.tagging.inputs import prepare
from clinicalbert_tf.tasks.tagging.task import TaggingTask, run_tagging
from clinicalbert_tf.training.cluster.strategy import build_strategy
from clinicalbert_tf.training.preemption import Interrupted, StopSignals
from clinicalbert_tf.training.step import Stepper
from clinicalbert_tf.training.updates.update_rules import build_optimizer


def predictions(folder, part="test"):
    return [json.loads(line) for line in (folder / f"predictions_{part}.jsonl").open()]


@pytest.mark.large
def test_two_replicas_give_the_same_predictions_in_the_same_order(
    tagging_folder, tagging_run, tagging_settings
):
    run, results = tagging_run
    settings = tagging_settings(
        "replicas",
        do_train=False,
        init_checkpoint=str(run / "best"),
        strategy="mirrored",
        num_replicas=2,
        # 30 sentences in batches of 8: the last one has fillers.
        eval_batch_size=8,
    )
    found = run_tagging(settings)
    for part in ("dev", "test"):
        one, two = (predictions(folder, part) for folder in (run, tagging_folder / "replicas"))
        assert [row["id"] for row in one] == [row["id"] for row in two]
        assert [row["predicted"] for row in one] == [row["predicted"] for row in two]
        expected, other = (r["evaluations"][part] for r in (results, found))
        assert other["loss"] == pytest.approx(expected["loss"], rel=1e-4)
        assert other["f1"] == expected["f1"]


def first_step(settings, strategy):
    settings, prepared = prepare(settings)
    task = TaggingTask(settings, prepared)
    inputs = task.find_inputs(settings)
    tf.keras.utils.set_random_seed(1)
    with strategy.scope():
        model = build_tagger(inputs.config, len(prepared.labels), dropout=0.0, crf=settings.crf)
        optimizer = build_optimizer(settings, model, task.objective)
    stepper = Stepper(strategy, model, task.objective, optimizer, compile_kernels=False)
    dataset = strategy.distribute_datasets_from_function(
        lambda context: training_batches(
            inputs.train_source, RecordOrder(1, 100), 8, 0, context, length_buckets=8
        )
    )
    row = stepper.train(iter(dataset), 1)[0]
    names = (*stepper.sum_names, *stepper.update_names)
    found = dict(zip(names, row.astype(float), strict=True))
    return found["tag_loss"] / found["tag_weight"], found["gradient_norm"]


def test_windows_of_like_lengths_are_looked_for_in_pools_unless_told_otherwise(tagging_settings):
    assert tagging_settings("pools").length_pool == 50
    assert tagging_settings("whole", length_pool=0).length_pool == 0


@pytest.mark.large
def test_loss_and_gradient_are_those_of_the_global_step(tagging_settings):
    settings = tagging_settings("step", crf=True, max_seq_length=8)
    one = build_strategy("one_device")
    two = build_strategy("mirrored", num_replicas=2)
    assert two.num_replicas_in_sync == 2
    assert first_step(settings, two) == pytest.approx(first_step(settings, one), rel=1e-5)


@pytest.mark.large
def test_sigterm_ends_a_run_that_resumes_to_the_bit(
    tagging_folder, tagging_run, tagging_settings, monkeypatch
):
    run, _ = tagging_run
    calls = []
    train = Stepper.train

    def terminated_later(self, *arguments):
        calls.append(arguments)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return train(self, *arguments)

    monkeypatch.setattr(Stepper, "train", terminated_later)
    with pytest.raises(Interrupted), StopSignals() as signals:
        run_tagging(tagging_settings("stopped"), signals)
    stopped = tagging_folder / "stopped"
    assert not (stopped / "metrics.json").exists()
    before = len(calls)
    run_tagging(tagging_settings("stopped"))
    assert before < len(calls)
    for name in ("predictions_dev.jsonl", "predictions_test.jsonl", "metrics.json"):
        assert (stopped / name).read_bytes() == (run / name).read_bytes()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
