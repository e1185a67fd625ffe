"""A run that meets damaged files: of records, of its own checkpoints."""

import dataclasses
import json
import os
import pathlib
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.tasks.pretraining.task import run_pretraining
from clinicalbert_tf.training.states import run_record
from clinicalbert_tf.training.states.checkpoints import (
    newest_state,
    remove_checkpoint,
    saved_states,
)
from tfrecords_builder import schema
from tfrecords_builder.tfrecord_files import CorruptRecordsError

pytestmark = pytest.mark.large

# Four files of forty records, read side by side in windows of sixteen.
RECORDS, BATCH, STEPS = 40, 4, 40


@pytest.fixture(scope="module")
def sound(golden_records, tmp_path_factory):
    """A folder of records as the builder leaves it."""
    folder = tmp_path_factory.mktemp("sound")
    records = list(tf.data.TFRecordDataset(golden_records).take(4 * RECORDS).as_numpy_iterator())
    shards = []
    for part in range(4):
        path = folder / f"part-{part}.tfrecord"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for record in records[part * RECORDS : (part + 1) * RECORDS]:
                writer.write(record)
        shards.append({"file": path.name, "instances": RECORDS, "bytes": path.stat().st_size})
    lengths = {"max_seq_length": 128, "max_predictions_per_seq": 22}
    vocabulary = {"sha256": "of no file", "size": 1200}
    schema.write_manifest(str(folder), schema.Manifest(lengths, vocabulary, [], {}, shards))
    return folder


@pytest.fixture
def records(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "records")


def settings_for(records, small_config, folder):
    config = dataclasses.replace(
        small_config, hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.2
    )
    config.write(str(folder / "bert_config.json"))
    return PretrainingSettings(
        input_file=str(records),
        output_dir=str(folder / "run"),
        bert_config_file=str(folder / "bert_config.json"),
        train_batch_size=BATCH,
        learning_rate=1e-2,
        num_train_steps=STEPS,
        num_warmup_steps=0,
        save_checkpoints_steps=5,
        keep_checkpoint_max=0,
        shuffle_buffer=16,
        report=False,
        peak_tflops=1.0,
    )


@pytest.fixture
def settings(records, small_config, tmp_path):
    return settings_for(records, small_config, tmp_path)


@pytest.fixture(scope="module")
def undisturbed(sound, small_config, tmp_path_factory):
    """The output folder of a whole run on the sound records."""
    settings = settings_for(sound, small_config, tmp_path_factory.mktemp("undisturbed"))
    run_pretraining(settings)
    return settings.output_dir


@pytest.fixture
def finished(undisturbed, sound, settings):
    """The settings of a run that has ended, on records of its own."""
    shutil.copytree(undisturbed, settings.output_dir)
    record = pathlib.Path(settings.output_dir) / "run.json"
    record.write_text(record.read_text().replace(str(sound), settings.input_file))
    return settings


def flip(path):
    """Changes a byte in the middle of a file."""
    content = bytearray(pathlib.Path(path).read_bytes())
    content[len(content) // 2] ^= 0x10
    pathlib.Path(path).write_bytes(content)


def arrays(output_dir, step=STEPS):
    reader = tf.train.load_checkpoint(str(pathlib.Path(output_dir) / f"model.ckpt-{step}"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name], err_msg=name)


def with_output(settings, name, **changes):
    folder = os.path.join(os.path.dirname(settings.output_dir), name)
    return dataclasses.replace(settings, output_dir=folder, **changes)


def remove_states(settings, beyond):
    for state in saved_states(settings.output_dir):
        if state.step > beyond:
            remove_checkpoint(state.prefix)


def left_out(settings):
    record = run_record.read_run_record(settings.output_dir)
    return [(entry["file"], entry["records"]) for entry in record["inputs"]["records"]["left_out"]]


def test_damaged_file_stops_the_run_and_its_checkpoints_stay_usable(
    settings, records, sound, undisturbed
):
    flip(records / "part-2.tfrecord")
    settings = dataclasses.replace(settings, on_corrupt="previous")
    with pytest.raises(
        CorruptRecordsError, match=r"part-2\.tfrecord: .*record \d+ \(from 0, of 40\)"
    ):
        run_pretraining(settings)
    # Batches are read ahead, so the run ends some steps before the damage.
    steps = [state.step for state in saved_states(settings.output_dir)]
    assert steps and max(steps) <= 25
    # The file is copied again, and the run goes on as if nothing had happened.
    shutil.copy(sound / "part-2.tfrecord", records)
    run_pretraining(settings)
    assert_same(arrays(settings.output_dir), arrays(undisturbed))


def test_skipped_file_is_left_out_from_the_last_state_on_and_named(settings, records, caplog):
    caplog.set_level("INFO", logger="absl")
    skipping = dataclasses.replace(settings, on_corrupt="skip")
    flip(records / "part-2.tfrecord")
    assert run_pretraining(skipping)["step"] == STEPS
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "part-2.tfrecord is left out: 40 records are lost" in said and "120 stay" in said
    assert left_out(skipping) == [(str(records / "part-2.tfrecord"), RECORDS)]
    # The same as a run that goes on from the last state before, without the file from there on.
    (before,) = [int(step) for step in re.findall(r"Resuming from \S*model\.ckpt-(\d+)\.", said)]
    resumed = with_output(skipping, "resumed")
    shutil.copytree(skipping.output_dir, resumed.output_dir)
    remove_states(resumed, beyond=before)
    run_pretraining(resumed)
    assert_same(arrays(resumed.output_dir), arrays(skipping.output_dir))


def test_resumed_run_leaves_out_what_it_left_out_before(settings, records, sound, caplog):
    """Also without the flag, and when the file is sound again: the order depends on it."""
    skipping = dataclasses.replace(settings, on_corrupt="skip")
    flip(records / "part-2.tfrecord")
    run_pretraining(skipping)
    expected = arrays(skipping.output_dir)
    shutil.copy(sound / "part-2.tfrecord", records)
    caplog.clear()
    remove_states(settings, beyond=STEPS - 1)
    run_pretraining(settings)
    assert any("is left out" in record.getMessage() for record in caplog.records)
    assert_same(arrays(settings.output_dir), expected)


def test_file_that_is_damaged_before_the_first_save_starts_the_run_again(settings, records):
    skipping = dataclasses.replace(settings, on_corrupt="skip", save_checkpoints_steps=100)
    flip(records / "part-1.tfrecord")
    run_pretraining(skipping)
    others = ",".join(str(records / f"part-{part}.tfrecord") for part in (0, 2, 3))
    never_there = with_output(settings, "never", save_checkpoints_steps=100, input_file=others)
    run_pretraining(never_there)
    assert_same(arrays(skipping.output_dir), arrays(never_there.output_dir))


def losses(folder):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return [(event.step, event.value) for event in events.Scalars("loss")]


def test_run_that_starts_again_without_a_file_tells_every_step_once(settings, records, sound):
    skipping = dataclasses.replace(
        settings, on_corrupt="skip", save_checkpoints_steps=100, do_eval=True,
        eval_file=str(sound), eval_steps=4, max_eval_steps=2,
    )  # fmt: skip
    flip(records / "part-1.tfrecord")
    run_pretraining(skipping)
    folder = pathlib.Path(skipping.output_dir)
    assert len(list((folder / "eval").glob("events.*"))) == 2
    evaluated = losses(folder / "eval")
    assert [step for step, _ in evaluated] == list(range(4, STEPS + 1, 4))
    assert [step for step, _ in losses(folder)] == list(range(1, STEPS + 1))
    best = json.loads((folder / "best" / "best.json").read_text())
    assert (best["step"], pytest.approx(best["loss"])) == min(evaluated, key=lambda row: row[1])


def test_truncated_file_is_found_at_the_start_and_left_out(settings, records):
    with open(records / "part-0.tfrecord", "r+b") as file:
        file.truncate(1000)
    with pytest.raises(CorruptRecordsError, match=r"part-0\.tfrecord: expected \d+ bytes"):
        run_pretraining(settings)
    assert not os.path.exists(settings.output_dir)
    skipping = dataclasses.replace(settings, on_corrupt="skip")
    run_pretraining(skipping)
    assert left_out(skipping) == [(str(records / "part-0.tfrecord"), RECORDS)]


def test_file_damaged_between_two_runs_is_left_out_of_the_second(finished, records):
    remove_states(finished, beyond=20)
    with open(records / "part-3.tfrecord", "r+b") as file:
        file.truncate(1000)
    run_pretraining(dataclasses.replace(finished, on_corrupt="skip"))
    assert left_out(finished) == [(str(records / "part-3.tfrecord"), RECORDS)]
    assert newest_state(finished.output_dir).step == STEPS


def test_other_records_are_still_refused_when_one_is_left_out(finished, records):
    with open(records / "part-3.tfrecord", "r+b") as file:
        file.truncate(1000)
    manifest = schema.read_manifest(str(records))
    schema.write_manifest(str(records), dataclasses.replace(manifest, package_version="other"))
    with pytest.raises(ValueError, match="fingerprint was"):
        run_pretraining(dataclasses.replace(finished, on_corrupt="skip"))


def test_damaged_evaluation_file_is_left_out_too(settings, records, sound):
    held_out = shutil.copytree(sound, pathlib.Path(settings.output_dir).parent / "held_out")
    flip(held_out / "part-1.tfrecord")
    evaluating = dataclasses.replace(
        settings, eval_file=str(held_out), do_eval=True, eval_steps=20,
        on_corrupt="skip",
    )  # fmt: skip
    results = run_pretraining(evaluating)
    record = run_record.read_run_record(settings.output_dir)
    assert record["inputs"]["eval_records"]["num_records"] == 120
    assert record["inputs"]["records"]["left_out"] == []
    best = json.loads((pathlib.Path(settings.output_dir) / "best" / "best.json").read_text())
    assert best["measured_on"].startswith("120 records of ")
    alone = with_output(
        evaluating, "alone", do_train=False, init_checkpoint=f"{settings.output_dir}/model.ckpt-40",
        eval_steps=None,
    )  # fmt: skip
    assert run_pretraining(alone)["eval"]["loss"] == pytest.approx(results["eval"]["loss"])


def test_run_goes_on_from_the_checkpoint_before_a_damaged_one(finished):
    expected = arrays(finished.output_dir)
    flip(pathlib.Path(finished.output_dir) / "model.ckpt-40.data-00000-of-00001")
    run_pretraining(dataclasses.replace(finished, on_corrupt="previous"))
    assert_same(arrays(finished.output_dir), expected)
    assert os.listdir(os.path.join(finished.output_dir, "damaged")) == ["model.ckpt-40"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
