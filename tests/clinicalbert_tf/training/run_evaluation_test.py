"""Evaluation while a run trains changes nothing, keeps the best and can end the run."""

import dataclasses
import json
import pathlib
import signal

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.restore.tf1 import list_variables
from clinicalbert_tf.training import evaluation
from clinicalbert_tf.training.preemption import Interrupted, StopSignals
from clinicalbert_tf.training.run import run_pretraining
from clinicalbert_tf.training.settings import PretrainingSettings
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
    assert history["step"] == 12 and history["measured_on"].startswith("3 batches of ")


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
