"""A run on the golden records against the reference's, and every refusal before training."""

import dataclasses
import json
import pathlib
import shutil

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.checkpoints.readers.tf1 import CorruptCheckpointError
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.tasks.pretraining.task import run_pretraining
from clinicalbert_tf.training.cluster.strategy import DeviceError, check_batch_size
from clinicalbert_tf.training.loop import NonFiniteLossError
from clinicalbert_tf.training.states.checkpoints import newest_state, saved_states
from tests.support import GOLDEN
from tfrecords_builder.tfrecord_files import CorruptRecordsError

# Every test here trains, or uses what a fixture has trained.
pytestmark = pytest.mark.large
CHECKPOINT = GOLDEN / "tf1_checkpoint"
EXPECTED = json.loads((GOLDEN / "pretraining_run" / "expected.json").read_text())


@pytest.fixture(scope="module")
def golden_settings(golden_records, tmp_path_factory):
    """The reference's run: 40 steps of 16 records in file order."""
    run = EXPECTED["settings"]
    return PretrainingSettings(
        input_file=golden_records,
        eval_file=golden_records,
        output_dir=str(tmp_path_factory.mktemp("runs") / "golden"),
        init_checkpoint=str(CHECKPOINT / "model.ckpt-150000"),
        do_train=True,
        do_eval=True,
        max_seq_length=128,
        max_predictions_per_seq=22,
        train_batch_size=run["train_batch_size"],
        learning_rate=run["learning_rate"],
        num_train_steps=run["num_train_steps"],
        num_warmup_steps=run["num_warmup_steps"],
        save_checkpoints_steps=20,
        eval_batch_size=50,
        shuffle_buffer=0,
    )


@pytest.fixture(scope="module")
def golden_run(golden_settings):
    """(settings, results, {tag: [values by step]}) of the whole run."""
    results = run_pretraining(golden_settings)
    events = EventAccumulator(golden_settings.output_dir, size_guidance={"scalars": 0}).Reload()
    scalars = {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}
    return golden_settings, results, scalars


def only_train(settings, output_dir, **changes):
    changes = {"do_eval": False, "eval_file": None, "peak_tflops": 1.0, **changes}
    return dataclasses.replace(settings, output_dir=str(output_dir), **changes)


def assert_metrics(results, expected, tolerance):
    assert set(expected) <= set(results)
    for name, value in expected.items():
        assert results[name] == pytest.approx(value, abs=tolerance), name


def test_forty_losses_follow_the_reference(golden_run):
    _, _, scalars = golden_run
    for name in ("loss", "masked_lm_loss", "next_sentence_loss"):
        events = scalars[name]
        assert [event.step for event in events] == list(range(1, 41))
        for event, expected in zip(events, EXPECTED["curve"], strict=True):
            tolerance = 1e-5 if event.step <= 2 else 5e-3
            assert event.value == pytest.approx(expected[name], abs=tolerance), (name, event.step)


def test_metrics_after_the_run_are_the_references(golden_run):
    settings, results, _ = golden_run
    assert_metrics(results["eval"], EXPECTED["eval_after"], 2e-3)
    lines = (pathlib.Path(settings.output_dir) / "eval_results.txt").read_text().splitlines()
    assert [line.split(" = ")[0] for line in lines] == [
        "global_step",
        "loss",
        "masked_lm_accuracy",
        "masked_lm_loss",
        "next_sentence_accuracy",
        "next_sentence_loss",
    ]
    written = {line.split(" = ")[0]: float(line.split(" = ")[1]) for line in lines}
    assert written == {name: pytest.approx(value) for name, value in results["eval"].items()}
    assert written["global_step"] == 40


def test_metrics_before_the_run_are_the_references(golden_settings, tmp_path):
    settings = dataclasses.replace(
        golden_settings, output_dir=str(tmp_path), do_train=False, eval_batch_size=8,
        max_eval_steps=1000,
    )  # fmt: skip
    results = run_pretraining(settings)["eval"]
    assert_metrics(results, EXPECTED["eval_before"], 1e-5)
    assert results["global_step"] == 0


def test_evaluation_takes_no_more_batches_than_asked(golden_settings, tmp_path):
    results = [
        run_pretraining(
            dataclasses.replace(
                golden_settings, output_dir=str(tmp_path / name), do_train=False,
                eval_batch_size=size, max_eval_steps=steps,
            )
        )["eval"]
        for name, size, steps in (("a", 8, 4), ("b", 16, 2), ("c", 8, 5))
    ]  # fmt: skip
    assert results[0] == {name: pytest.approx(value) for name, value in results[1].items()}
    assert results[0]["loss"] != pytest.approx(results[2]["loss"], abs=1e-6)


def test_events_hold_every_scalar_and_the_schedule(golden_run):
    _, _, scalars = golden_run
    for tag in (
        "masked_lm_accuracy",
        "next_sentence_accuracy",
        "learning_rate",
        "gradient_norm",
        "tokens_per_second",
        "steps_per_second",
    ):
        assert scalars[tag], tag
        assert all(event.value >= 0 for event in scalars[tag])
    rates = [event.value for event in scalars["learning_rate"]]
    assert rates[4] == pytest.approx(5e-4 * 4 / 8)
    assert rates[20] == pytest.approx(5e-4 * (1 - 20 / 40))


def test_output_folder_holds_what_the_next_stage_needs(golden_run):
    settings, _, _ = golden_run
    folder = pathlib.Path(settings.output_dir)
    assert [state.step for state in saved_states(str(folder))] == [20, 40]
    shapes = dict(tf.train.list_variables(str(folder / "model.ckpt-40")))
    expected = dict(json.loads((CHECKPOINT / "variables.json").read_text()))
    assert shapes == {name: list(shape) for name, shape in expected.items()}
    assert (folder / "vocab.txt").read_bytes() == (CHECKPOINT / "vocab.txt").read_bytes()
    config = json.loads((folder / "bert_config.json").read_text())
    assert config == json.loads((CHECKPOINT / "bert_config.json").read_text())
    record = json.loads((folder / "run.json").read_text())
    assert record["settings"]["train_batch_size"] == 16
    assert record["inputs"]["records"]["num_records"] == 948
    # Events hold scalars alone; the command's umask covers them.
    for path in set(folder.rglob("*")) - set(folder.rglob("events.*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_finished_run_is_not_trained_again(golden_run, capfd):
    settings, _, _ = golden_run
    before = newest_state(settings.output_dir)
    results = run_pretraining(dataclasses.replace(settings, do_eval=False, eval_file=None))
    assert results["train"] == {}
    assert newest_state(settings.output_dir) == before


def test_changed_settings_are_refused_with_both_values(golden_run):
    settings, _, _ = golden_run
    with pytest.raises(ValueError, match=r"learning_rate was 0\.0005, is now 0\.001"):
        run_pretraining(dataclasses.replace(settings, learning_rate=1e-3))
    with pytest.raises(ValueError, match=r"num_train_steps was 40, is now 60.*--init_checkpoint="):
        run_pretraining(dataclasses.replace(settings, num_train_steps=60))


def test_damaged_checkpoint_is_named(golden_run, tmp_path):
    settings, _, _ = golden_run
    shutil.copytree(settings.output_dir, tmp_path / "run")
    data = tmp_path / "run" / "model.ckpt-40.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 0xFF
    data.write_bytes(content)
    with pytest.raises(CorruptCheckpointError, match=r"model\.ckpt-40"):
        run_pretraining(only_train(settings, tmp_path / "run"))


def test_oldest_checkpoints_go_and_the_newest_stay(golden_settings, tmp_path):
    settings = only_train(
        golden_settings, tmp_path / "run", num_train_steps=6, num_warmup_steps=0,
        save_checkpoints_steps=1, keep_checkpoint_max=2,
    )  # fmt: skip
    run_pretraining(settings)
    assert [state.step for state in saved_states(settings.output_dir)] == [5, 6]
    assert tf.train.latest_checkpoint(settings.output_dir).endswith("model.ckpt-6")


def test_loss_that_is_not_finite_stops_the_run(golden_settings, tmp_path):
    settings = only_train(
        golden_settings, tmp_path / "run", learning_rate=1e30, num_warmup_steps=0,
        save_checkpoints_steps=1,
    )  # fmt: skip
    with pytest.raises(NonFiniteLossError, match=r"at step \d+\. .*model\.ckpt-\d+"):
        run_pretraining(settings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_seq_length": 64}, r"128.*64|64.*128"),
        ({"train_batch_size": 1000}, r"--train_batch_size=1000, received 948"),
        ({"max_predictions_per_seq": 20}, r"20.*22|22.*20"),
        ({"vocab_file": str(GOLDEN / "vocab" / "downstream_cased.txt")}, r"1500.*1200|1200.*1500"),
        ({"input_file": "no_such_folder/*.tfrecord"}, "no_such_folder"),
    ],
)
def test_records_that_do_not_fit_are_refused_before_training(
    golden_settings, tmp_path, changes, message
):
    settings = only_train(golden_settings, tmp_path / "run", **changes)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        run_pretraining(settings)
    assert not list(tmp_path.rglob("model.ckpt*"))


def test_sequences_longer_than_the_models_positions_are_refused(golden_settings, tmp_path):
    config = json.loads((CHECKPOINT / "bert_config.json").read_text())
    path = tmp_path / "bert_config.json"
    path.write_text(json.dumps({**config, "max_position_embeddings": 64}))
    settings = only_train(
        golden_settings, tmp_path / "run", bert_config_file=str(path), init_checkpoint=None,
        vocab_file=str(CHECKPOINT / "vocab.txt"),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"(?s)128.*64|64.*128"):
        run_pretraining(settings)


def test_replicas_beyond_the_devices_are_refused(golden_settings, tmp_path):
    settings = only_train(golden_settings, tmp_path / "run", strategy="mirrored", num_replicas=64)
    with pytest.raises(DeviceError, match="num_replicas is 64 but this machine"):
        run_pretraining(settings)


def test_batch_that_replicas_do_not_divide_is_refused():
    check_batch_size("train_batch_size", 32, 2)
    with pytest.raises(ValueError, match=r"train_batch_size is 33 .* 2 replicas.*such as 32"):
        check_batch_size("train_batch_size", 33, 2)


def test_evaluation_on_training_records_must_be_asked_for_twice(golden_settings):
    with pytest.raises(ValueError, match="Expected --eval_file"):
        dataclasses.replace(golden_settings, eval_file=None)


def test_truncated_records_are_named(golden_settings, golden_records, tmp_path):
    path = tmp_path / "short.tfrecord"
    content = pathlib.Path(golden_records).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    settings = only_train(golden_settings, tmp_path / "run", input_file=str(path))
    with pytest.raises(ValueError, match=r"short\.tfrecord"):
        run_pretraining(settings)


def test_damaged_record_stops_the_training_and_names_the_file(
    golden_settings, golden_records, tmp_path
):
    path = tmp_path / "flipped.tfrecord"
    content = bytearray(pathlib.Path(golden_records).read_bytes())
    content[5000] ^= 0x10
    path.write_bytes(content)
    settings = only_train(golden_settings, tmp_path / "run", input_file=str(path))
    match = r"flipped\.tfrecord.*record \d+ \(from 0, of 948\) damaged"
    with pytest.raises(CorruptRecordsError, match=match):
        run_pretraining(settings)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
