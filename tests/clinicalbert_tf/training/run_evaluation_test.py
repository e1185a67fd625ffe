"""Evaluation while a run trains changes nothing, keeps the best and can end the run."""

import dataclasses
import json
import pathlib
import shutil
import signal
import types

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.checkpoints.readers.tf1 import list_variables
from clinicalbert_tf.input_pipeline.record_source import find_records
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.tasks.pretraining.task import run_pretraining
from clinicalbert_tf.training import evaluation
from clinicalbert_tf.training.preemption import Interrupted, StopSignals
from clinicalbert_tf.training.states.best import BestCheckpoint
from clinicalbert_tf.training.states.checkpoints import newest_state, saved_states

pytestmark = pytest.mark.large

STEPS = 12


@pytest.fixture(scope="module")
def settings(golden_records, small_config, tmp_path_factory):
    """Twelve steps of a tiny model with dropout, records shuffled, evaluated every fourth."""
    folder = tmp_path_factory.mktemp("run")
    config = dataclasses.replace(
        small_config, hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.2
    )
    config.write(str(folder / "bert_config.json"))
    return PretrainingSettings(
        input_file=golden_records,
        eval_file=golden_records,
        output_dir=str(folder / "evaluated"),
        bert_config_file=str(folder / "bert_config.json"),
        do_train=True,
        do_eval=True,
        train_batch_size=8,
        learning_rate=1e-2,
        num_train_steps=STEPS,
        num_warmup_steps=0,
        save_checkpoints_steps=6,
        keep_checkpoint_max=1,
        shuffle_buffer=64,
        eval_batch_size=50,
        max_eval_steps=3,
        eval_steps=4,
        peak_tflops=1.0,
        report=False,
    )


@pytest.fixture(scope="module")
def evaluated(settings):
    return settings, run_pretraining(settings)


def arrays(settings, step=STEPS):
    reader = tf.train.load_checkpoint(str(pathlib.Path(settings.output_dir) / f"model.ckpt-{step}"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name], err_msg=name)


def test_evaluations_of_a_start_that_came_to_nothing_are_taken_back(evaluated, tmp_path):
    shutil.copytree(evaluated[0].output_dir, tmp_path, dirs_exist_ok=True)
    for path in tmp_path.glob("model.ckpt*"):
        path.unlink()
    earlier = dataclasses.replace(evaluated[0], output_dir=str(tmp_path))
    shorter = dataclasses.replace(earlier, num_train_steps=6, eval_steps=None, seed=7)
    run_pretraining(shorter)
    events = EventAccumulator(str(tmp_path / "eval"), size_guidance={"scalars": 0}).Reload()
    assert [event.step for event in events.Scalars("loss")] == [6]


def losses(folder):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return {event.step: event.value for event in events.Scalars("loss")}


def test_evaluations_do_not_change_the_weights(evaluated, settings, tmp_path):
    never = dataclasses.replace(settings, output_dir=str(tmp_path / "never"), eval_steps=None)
    results = run_pretraining(never)
    assert_same(arrays(evaluated[0]), arrays(never))
    assert evaluated[1]["eval"] == results["eval"]
    assert not (tmp_path / "never" / "best").exists()


def test_every_evaluation_is_in_tensorboard_and_the_last_in_eval_results(evaluated):
    settings, results = evaluated
    folder = pathlib.Path(settings.output_dir)
    seen = losses(folder / "eval")
    assert sorted(seen) == [4, 8, 12]
    assert seen[12] == pytest.approx(results["eval"]["loss"], rel=1e-6)
    text = (folder / "eval_results.txt").read_text()
    lines = dict(line.split(" = ") for line in text.splitlines())
    assert lines["global_step"] == "12"
    assert float(lines["loss"]) == pytest.approx(results["eval"]["loss"])


def test_best_checkpoint_is_the_one_of_the_lowest_loss_and_can_be_started_from(evaluated, tmp_path):
    settings, _ = evaluated
    folder = pathlib.Path(settings.output_dir)
    seen = losses(folder / "eval")
    record = json.loads((folder / "best" / "best.json").read_text())
    assert record["step"] == min(seen, key=seen.get)
    assert record["loss"] == pytest.approx(seen[record["step"]], rel=1e-6)
    assert [state.step for state in saved_states(str(folder))] == [12]
    names = list_variables(folder / "best")
    assert not [name for name in names if name.endswith("adam_m")]
    again = dataclasses.replace(
        settings, output_dir=str(tmp_path), do_train=False, init_checkpoint=str(folder / "best"),
        bert_config_file=None, eval_steps=None,
    )  # fmt: skip
    assert run_pretraining(again)["eval"]["loss"] == pytest.approx(record["loss"], rel=1e-5)


def test_history_is_in_the_saved_state(evaluated):
    settings, _ = evaluated
    history = newest_state(settings.output_dir).content["evaluation"]
    assert history["step"] == 12 and history["measured_on"].startswith("150 records of ")


def test_training_ends_when_patience_runs_out_and_is_done_when_started_again(
    settings, tmp_path, caplog
):
    caplog.set_level("INFO", logger="absl")
    # With no learning to speak of it gets no better.
    impatient = dataclasses.replace(
        settings, output_dir=str(tmp_path / "run"), learning_rate=1e-30, eval_steps=2,
        early_stopping_patience=2,
    )  # fmt: skip
    results = run_pretraining(impatient)
    assert results["step"] == 6 and results["eval"]["global_step"] == 6
    assert newest_state(impatient.output_dir).step == 6
    said = [record.getMessage() for record in caplog.records]
    assert any("Stopped at step 6: no evaluation loss below" in line for line in said)
    caplog.clear()
    again = run_pretraining(impatient)
    assert again["train"] == {} and again["step"] == 6
    assert any("The run is done" in record.getMessage() for record in caplog.records)
    patient = dataclasses.replace(impatient, early_stopping_patience=3)
    assert run_pretraining(patient)["step"] == 8


def test_run_that_is_stopped_while_it_evaluates_ends_as_if_nothing_had_happened(
    evaluated, settings, tmp_path, monkeypatch
):
    signals, begun, original = StopSignals(), [], evaluation.evaluate

    def evaluate(*arguments):
        begun.append(True)
        if len(begun) == 2:
            signals.received = signal.SIGTERM
        return original(*arguments)

    monkeypatch.setattr(evaluation, "evaluate", evaluate)
    stopped = dataclasses.replace(settings, output_dir=str(tmp_path / "run"))
    with pytest.raises(Interrupted):
        run_pretraining(stopped, signals)
    monkeypatch.undo()
    state = newest_state(stopped.output_dir)
    assert state.step == 8 and state.content["evaluation"]["step"] == 4
    results = run_pretraining(stopped)
    assert_same(arrays(stopped), arrays(settings))
    assert results["eval"] == evaluated[1]["eval"]
    folder = pathlib.Path(stopped.output_dir)
    ours, theirs = losses(folder / "eval"), losses(pathlib.Path(settings.output_dir) / "eval")
    assert ours == theirs
    best = json.loads((folder / "best" / "best.json").read_text())
    expected = pathlib.Path(settings.output_dir) / "best" / "best.json"
    assert best == json.loads(expected.read_text())


class Killed(BaseException):
    """What kill -9 leaves behind, without ending the test's process."""


def killed_at(step, monkeypatch):
    """The run dies after the evaluation at a step, before its state could be saved."""
    offer = BestCheckpoint.offer

    def offer_or_die(best, at, *arguments):
        kept = offer(best, at, *arguments)
        if at == step:
            raise Killed
        return kept

    monkeypatch.setattr(BestCheckpoint, "offer", offer_or_die)


def test_run_that_starts_again_from_nothing_keeps_nothing_of_the_one_before(
    settings, tmp_path, monkeypatch
):
    first = dataclasses.replace(settings, output_dir=str(tmp_path), save_checkpoints_steps=100)
    killed_at(8, monkeypatch)
    with pytest.raises(Killed):
        run_pretraining(first)
    monkeypatch.undo()
    assert newest_state(first.output_dir) is None
    before = json.loads((tmp_path / "best" / "best.json").read_text())
    # So slow that its losses all are above the one that was kept.
    results = run_pretraining(dataclasses.replace(first, learning_rate=1e-30))
    seen = losses(tmp_path / "eval")
    assert sorted(seen) == [4, 8, 12] and min(seen.values()) > before["loss"]
    record = json.loads((tmp_path / "best" / "best.json").read_text())
    assert record["loss"] == pytest.approx(min(seen.values()), rel=1e-6)
    assert results["eval"]["loss"] == pytest.approx(seen[12], rel=1e-6)
    assert json.loads((tmp_path / "best" / "run.json").read_text())["settings"][
        "learning_rate"
    ] == pytest.approx(1e-30)
    steps = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0}).Reload().Scalars("loss")
    assert [event.step for event in steps] == list(range(1, STEPS + 1))


@pytest.mark.parametrize(("batch_size", "batches"), [(50, 3), (25, 6), (75, 2)])
def test_losses_on_the_same_records_count_alike_in_any_batches(settings, batch_size, batches):
    stepper = types.SimpleNamespace(strategy=tf.distribute.get_strategy())
    source = find_records(settings.eval_file)
    of = evaluation.Evaluator(stepper, source, batch_size, batches).measured_on
    assert of == f"150 records of {source.fingerprint}"
    more = evaluation.Evaluator(stepper, source, batch_size, batches + 1).measured_on
    assert more == f"{150 + batch_size} records of {source.fingerprint}"
    assert evaluation.Evaluator(stepper, source, batch_size, 1000).measured_on.startswith("948 ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"do_eval": False, "eval_file": None}, "Expected --eval_file with --eval_steps, received"),
        (
            {"eval_steps": None, "early_stopping_patience": 2},
            "Expected --eval_steps with --early_stopping_patience, received",
        ),
    ],
)
def test_flags_that_need_each_other_are_asked_for(settings, changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(settings, **changes)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
