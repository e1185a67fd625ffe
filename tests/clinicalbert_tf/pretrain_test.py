"""The command: its flags, its refusals and its embedded default."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf import pretrain
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from tests import processes
from tests.support import ROOT

REFERENCE_FLAGS = (
    "bert_config_file", "input_file", "output_dir", "init_checkpoint", "max_seq_length",
    "max_predictions_per_seq", "do_train", "do_eval", "train_batch_size", "eval_batch_size",
    "learning_rate", "num_train_steps", "num_warmup_steps", "save_checkpoints_steps",
    "iterations_per_loop", "steps_per_loop", "max_eval_steps", "use_tpu", "tpu_name", "tpu_zone",
    "gcp_project",
    "master", "num_tpu_cores",
)  # fmt: skip


def settings_of(*arguments):
    """The settings that a command line asks for."""
    with flagsaver.flagsaver():
        flags.FLAGS.unparse_flags()
        flags.FLAGS(["pretrain", *arguments])
        return pretrain.settings_from_flags("runs/default")


def run(*arguments):
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    return processes.run(["-m", "clinicalbert_tf.pretrain", *arguments], env=environment)


def test_help_lists_the_references_flags_without_loading_tensorflow():
    code = (
        "import sys\nfrom absl import app\nfrom clinicalbert_tf import pretrain\n"
        "sys.argv = ['pretrain', '--help']\n"
        "try:\n    app.run(pretrain.main)\n"
        "finally:\n    print('LOADED', sorted({'tensorflow', 'keras'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "LOADED []" in done.stdout
    listed = run("--help").stdout
    for name in REFERENCE_FLAGS:
        assert f"--{name}:" in listed or f"--[no]{name}:" in listed, name
    assert "(default: '32')" in listed and "Training steps in all." in listed


def test_the_references_command_line_keeps_its_meaning():
    settings = settings_of(
        "--input_file=a.tfrecord", "--output_dir=out", "--do_train=True", "--do_eval=True",
        "--eval_file=b.tfrecord", "--bert_config_file=c.json", "--init_checkpoint=model.ckpt-1",
        "--train_batch_size=16", "--max_seq_length=128", "--max_predictions_per_seq=20",
        "--num_train_steps=20", "--num_warmup_steps=10", "--learning_rate=2e-5",
    )  # fmt: skip
    assert settings.do_train and settings.do_eval
    assert (settings.input_file, settings.eval_file) == ("a.tfrecord", "b.tfrecord")
    assert (settings.train_batch_size, settings.learning_rate) == (16, 2e-5)
    assert (settings.max_seq_length, settings.max_predictions_per_seq) == (128, 20)
    assert settings.strategy == "one_device"


@pytest.mark.parametrize(
    ("given", "do_train", "do_eval"),
    [
        ([], True, False),
        (["--eval_file=b"], True, True),
        (["--eval_file=b", "--do_eval=False"], True, False),
        (["--do_train=True", "--eval_file=b"], True, True),
        (["--do_eval=True"], False, True),
        (["--do_train=False", "--do_eval=True"], False, True),
    ],
)
def test_what_is_done_without_being_asked(given, do_train, do_eval):
    settings = settings_of("--input_file=a", *given)
    assert (settings.do_train, settings.do_eval) == (do_train, do_eval)
    assert settings.output_dir == "runs/default"


def test_use_tpu_chooses_the_tpu():
    settings = settings_of("--input_file=a", "--use_tpu=True", "--tpu_name=t", "--num_tpu_cores=8")
    assert (settings.strategy, settings.tpu_name, settings.num_replicas) == ("tpu", "t", 8)
    settings = settings_of("--input_file=a", "--use_tpu=True", "--master=grpc://host:1")
    assert settings.tpu_name == "grpc://host:1"
    given = ["--strategy=tpu", "--master=grpc://host:1", "--num_tpu_cores=8"]
    settings = settings_of("--input_file=a", *given)
    assert (settings.tpu_name, settings.num_replicas) == ("grpc://host:1", 8)
    with pytest.raises(ValueError, match="tpu with --use_tpu, received --strategy=mirrored"):
        settings_of("--input_file=a", "--use_tpu=True", "--strategy=mirrored")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--do_train=True", "--do_eval=True"], "--eval_file=a"),
        (["--do_train=False"], "at least one of --do_train and --do_eval"),
        (["--strategy=gpu"], "received 'gpu'"),
    ],
)
def test_contradictions_are_said(given, message):
    with pytest.raises(ValueError, match=message):
        settings_of("--input_file=a", *given)


@pytest.mark.parametrize("report", [True, False])
def test_next_lines_are_of_this_run(tmp_path, capsys, report):
    folder = tmp_path / "my notes"
    folder.mkdir()
    (folder / "report.html").write_text("of an earlier start")
    settings = PretrainingSettings(
        input_file=f"{folder}_records", output_dir=str(folder), report=report
    )
    pretrain._say_results(settings, {"train": {}, "step": 5})
    printed = capsys.readouterr().out
    assert f"tensorboard --logdir '{folder}'\n" in printed
    assert f"--output_dir='{folder}' --input_file=HELD_OUT_RECORDS" in printed
    # These are for the embedded default alone.
    assert "RELEASED_CHECKPOINT" not in printed
    assert ("report.html" in printed) == report


def test_data_flags_without_records_are_no_embedded_default():
    with pytest.raises(ValueError, match="Expected --input_file"):
        settings_of("--bert_config_file=c.json")


def test_workers_need_a_folder_that_all_share(monkeypatch):
    cluster = {"worker": ["localhost:1", "localhost:2"]}
    config = {"cluster": cluster, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    monkeypatch.delenv("CLINICALBERT_TF_RUN", raising=False)
    given = ["--strategy=multi_worker", "--input_file=a"]
    with pytest.raises(ValueError, match="Expected --output_dir with --strategy=multi_worker"):
        settings_of(*given)
    assert settings_of(*given, "--output_dir=b").output_dir == "b"
    # Named by what started the workers, the same for all of them.
    monkeypatch.setenv("CLINICALBERT_TF_RUN", "launch-1")
    assert settings_of(*given).output_dir == "runs/default"


@pytest.mark.parametrize("given", [[], ["--strategy=mirrored"]])
def test_workers_that_were_not_told_to_be_some_do_not_train_beside_each_other(monkeypatch, given):
    cluster = {"worker": ["localhost:1", "localhost:2"]}
    config = {"cluster": cluster, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    with pytest.raises(ValueError, match="multi_worker as TF_CONFIG names 2 workers"):
        settings_of("--input_file=a", "--output_dir=b", *given)
    config["cluster"] = {"worker": ["localhost:1"]}
    config["task"]["index"] = 0
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert settings_of("--input_file=a", "--output_dir=b", *given).output_dir == "b"


def test_worker_without_a_cluster_is_told_before_tensorflow_starts(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match=r"Expected TF_CONFIG to name the workers.*SLURM"):
        settings_of("--strategy=multi_worker", "--input_file=a", "--output_dir=b")


@pytest.mark.large
def test_embedded_default_learns_and_says_what_is_next(tmp_path):
    output_dir = tmp_path / "run"
    done = run("--strategy", "mirrored", f"--output_dir={output_dir}")
    assert done.returncode == 0, done.stderr
    assert "embedded default" in done.stdout
    events = EventAccumulator(str(output_dir), size_guidance={"scalars": 0}).Reload()
    losses = [event.value for event in events.Scalars("masked_lm_loss")]
    assert len(losses) == 1000
    # The frequencies of words alone stay above 5.9.
    assert losses[0] > 6.5 and np.mean(losses[-100:]) < 5.0
    results = dict(
        line.split(" = ") for line in (output_dir / "eval_results.txt").read_text().splitlines()
    )
    assert float(results["masked_lm_loss"]) < 5.4
    assert float(results["next_sentence_accuracy"]) > 0.6
    record = json.loads((output_dir / "run.json").read_text())
    assert record["inputs"]["records"]["files"][0].endswith("train/part-00000-of-00004.tfrecord")
    assert record["inputs"]["eval_records"]["files"][0].startswith(str(output_dir / "data"))
    for command in ("tensorboard --logdir", "-m tfrecords_builder --input", "--init_checkpoint"):
        assert command in done.stdout.split("Next:")[1]
    for path in output_dir.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    # Started again there is nothing left to train, and the data are not made again.
    again = run("--strategy", "mirrored", f"--output_dir={output_dir}")
    assert again.returncode == 0 and "Resuming from" in again.stderr
    assert "Built" not in again.stderr


def test_output_folder_alone_resumes_the_run_in_it(tmp_path):
    first = settings_of("--input_file=records", "--num_train_steps=7", "--profile_steps=2,3")
    record = {"settings": {**dataclasses.asdict(first), "of_another_version": 1}}
    (tmp_path / "run.json").write_text(json.dumps(record))
    again = settings_of(f"--output_dir={tmp_path}")
    assert again == dataclasses.replace(first, output_dir=str(tmp_path))
    changed = settings_of(f"--output_dir={tmp_path}", "--keep_checkpoint_max=9")
    assert (changed.keep_checkpoint_max, changed.num_train_steps) == (9, 7)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
