"""Files of records that are left out: found, named, and known to the run that goes on."""

import dataclasses
import json
import shutil
import threading

import pytest
import tensorflow as tf

from clinicalbert_tf.setting_fields import defaults_of
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.tasks.pretraining.task import PretrainingTask
from clinicalbert_tf.training.states import run_record
from clinicalbert_tf.training.states.damaged_records import (
    as_if_left_out,
    find_sound_inputs,
    wait_until_recorded,
)
from clinicalbert_tf.training.states.resuming import decisive_values
from clinicalbert_tf.training.states.run_description import describe_run
from tfrecords_builder import schema
from tfrecords_builder.tfrecord_files import CorruptRecordsError


@pytest.fixture
def records(golden_records, tmp_path):
    """A folder of three files of five records."""
    folder = tmp_path / "records"
    folder.mkdir()
    rows = list(tf.data.TFRecordDataset(golden_records).take(15).as_numpy_iterator())
    shards = []
    for part in range(3):
        path = folder / f"part-{part}.tfrecord"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for row in rows[5 * part : 5 * part + 5]:
                writer.write(row)
        shards.append({"file": path.name, "instances": 5, "bytes": path.stat().st_size})
    lengths = {"max_seq_length": 128, "max_predictions_per_seq": 22}
    vocabulary = {"sha256": "of no file", "size": 1200}
    schema.write_manifest(str(folder), schema.Manifest(lengths, vocabulary, [], {}, shards))
    return folder


@pytest.fixture
def settings(records, small_config, tmp_path):
    (tmp_path / "run").mkdir()
    small_config.write(str(tmp_path / "bert_config.json"))
    return PretrainingSettings(
        input_file=str(records), output_dir=str(tmp_path / "run"), on_corrupt="skip",
        bert_config_file=str(tmp_path / "bert_config.json"), train_batch_size=2,
    )  # fmt: skip


def sound_inputs(settings, left_out=()):
    return find_sound_inputs(PretrainingTask(settings), settings, left_out)


def described(settings, inputs, replicas):
    return describe_run(PretrainingTask(settings), settings, inputs, replicas)


def decisions(settings):
    """What a resumed run must not change, and the defaults of settings."""
    settings_class = type(settings)
    task = PretrainingTask(settings)
    return decisive_values(task, settings_class), defaults_of(settings_class)


def truncate(path):
    with open(path, "r+b") as file:
        file.truncate(100)


def test_a_batch_beyond_what_is_left_is_refused_with_the_reason(settings, records):
    for part in (0, 2):
        truncate(records / f"part-{part}.tfrecord")
    with pytest.raises(ValueError, match=r"received 5 \(2 damaged files are left out\)"):
        sound_inputs(dataclasses.replace(settings, train_batch_size=6))


@pytest.mark.parametrize("on_corrupt", ["stop", "previous"])
def test_truncated_file_is_an_error_that_names_it_and_both_sizes(settings, records, on_corrupt):
    truncate(records / "part-1.tfrecord")
    with pytest.raises(
        CorruptRecordsError, match=r"part-1\.tfrecord: expected \d+ bytes by .*, it has 100"
    ) as raised:
        sound_inputs(dataclasses.replace(settings, on_corrupt=on_corrupt))
    assert raised.value.path == str(records / "part-1.tfrecord")


def test_files_that_are_cut_off_or_gone_are_left_out_and_counted(settings, records, caplog):
    truncate(records / "part-0.tfrecord")
    (records / "part-2.tfrecord").unlink()
    source = sound_inputs(settings).train_source
    assert source.paths == (str(records / "part-1.tfrecord"),) and source.num_records == 5
    said = [record.getMessage() for record in caplog.records]
    for part, stay in ((0, 5), (2, 5)):
        line = f"part-{part}.tfrecord is left out: 5 records are lost, {stay} stay."
        assert any(message.endswith(line) for message in said)


def test_file_whose_first_record_is_damaged_is_left_out(settings, records):
    path = records / "part-1.tfrecord"
    content = bytearray(path.read_bytes())
    # Inside the first record: without its checksum it might pass for ids of another vocabulary.
    content[200] ^= 0x7F
    path.write_bytes(content)
    source = sound_inputs(settings).train_source
    assert source.left_out == ((str(path), 5),) and source.num_records == 10
    with pytest.raises(CorruptRecordsError, match=r"part-1\.tfrecord: .*checksum of record 0"):
        sound_inputs(dataclasses.replace(settings, on_corrupt="stop"))


def test_nothing_left_is_an_error(settings, records):
    for part in range(3):
        truncate(records / f"part-{part}.tfrecord")
    with pytest.raises(ValueError, match="Expected records in"):
        sound_inputs(settings)


def test_run_that_left_a_file_out_goes_on_without_it(settings, records):
    sound = shutil.copytree(records, records.parent / "sound")
    truncate(records / "part-1.tfrecord")
    inputs = sound_inputs(settings)
    run_record.write_run_record(settings.output_dir, described(settings, inputs, 1))
    with open(f"{settings.output_dir}/model.ckpt-5.state.json", "w", encoding="utf-8") as file:
        json.dump({"global_step": 5}, file)
    shutil.copy(sound / "part-1.tfrecord", records)
    again = sound_inputs(dataclasses.replace(settings, on_corrupt="stop"))
    assert again.train_source == inputs.train_source
    # Another run in another folder reads the file that is sound again.
    other = dataclasses.replace(settings, output_dir=str(records.parent / "other"))
    assert sound_inputs(other).train_source.num_records == 15


def test_earlier_record_is_compared_without_the_files_that_are_left_out_now(settings, records):
    before = described(settings, sound_inputs(settings), 1)
    run_record.write_run_record(settings.output_dir, before)
    truncate(records / "part-1.tfrecord")
    now = described(settings, sound_inputs(settings), 1)
    assert now["inputs"]["records"]["left_out"] == [
        {"file": str(records / "part-1.tfrecord"), "records": 5}
    ]
    with pytest.raises(ValueError, match="num_records was 15, is now 10"):
        run_record.check_resumable(settings.output_dir, now, *decisions(settings))
    run_record.check_resumable(settings.output_dir, now, *decisions(settings), as_if_left_out)
    assert as_if_left_out(before, before) == before


def test_worker_waits_until_the_chief_has_recorded_the_same_files(settings, records, tmp_path):
    whole = sound_inputs(settings)
    assert not wait_until_recorded(settings, whole, 0.1)
    run_record.write_run_record(settings.output_dir, described(settings, whole, 1))
    # The worker has the same files elsewhere.
    elsewhere = shutil.copytree(records, tmp_path / "elsewhere")
    own = dataclasses.replace(settings, input_file=str(elsewhere))
    inputs = sound_inputs(own, [str(elsewhere / "part-1.tfrecord")])
    assert inputs.train_source.num_records == 10
    assert not wait_until_recorded(own, inputs, 0.1)
    of_chief = sound_inputs(settings, [str(records / "part-1.tfrecord")])

    def record():
        run_record.write_run_record(settings.output_dir, described(settings, of_chief, 1))

    chief = threading.Timer(0.5, record)
    chief.start()
    assert wait_until_recorded(own, inputs, 30)
    chief.join()
    other = sound_inputs(own, [str(elsewhere / "part-2.tfrecord")])
    assert not wait_until_recorded(own, other, 0.1)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
