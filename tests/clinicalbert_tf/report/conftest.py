import json

import pytest

from clinicalbert_tf.training.watching.summaries import Summaries
from tfrecords_builder import schema

STEPS = 40


@pytest.fixture
def run_folder(tmp_path):
    """A finished run's folder: 40 steps in calls of 10, three evaluations, records beside it."""
    folder, records = tmp_path / "run <1>", tmp_path / "records"
    folder.mkdir()
    records.mkdir()
    _write_manifest(records)
    record = {
        "settings": {"num_train_steps": STEPS, "learning_rate": 0.001, "eval_steps": None,
                     "input_file": "a & b.tfrecord", "deterministic": True},
        "bert_config": {"hidden_size": 32, "vocab_size": 28996},
        "inputs": {
            "records": {
                "files": [str(records / "part-00000-of-00001.tfrecord")], "num_records": 1234,
                "max_seq_length": 128, "max_predictions_per_seq": 20, "fingerprint": "f" * 64,
            },
            "eval_records": None,
            "vocabulary": {"path": "vocab.txt", "sha256": "d" * 64},
            "init_checkpoint": {"prefix": "start/model.ckpt-5", "fingerprint": "c" * 64},
        },
        "num_replicas": 2, "devices": ["CPU"], "machine": {"processors": 2},
        "versions": {"tensorflow": "2.21.0"},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record))
    _write_events(folder)
    for step in (20, 40):
        state = {"global_step": step, "files": {"data": 3_000_000, "index": 1000},
                 "records_read": 8 * step, "tokens_seen": 1000 * step}  # fmt: skip
        (folder / f"model.ckpt-{step}.state.json").write_text(json.dumps(state))
    outcome = {"state": "finished", "step": STEPS, "num_train_steps": STEPS, "reason": None}
    (folder / "outcome.json").write_text(json.dumps(outcome))
    return folder


def _write_manifest(folder):
    manifest = schema.Manifest(
        settings={"dupe_factor": 5, "masking": "static"},
        vocabulary={"sha256": "b" * 64, "size": 28996},
        inputs=[{"path": "NOTEEVENTS.csv.gz", "bytes": 9, "sha256": "a" * 64, "notes": 400}],
        counts={"notes": {"read": 400, "filtered": {"marked_as_error": 4}}, "instances": 1234},
        shards=[{"file": "part-00000-of-00001.tfrecord", "instances": 1234, "bytes": 10}],
        failed_notes=[],
        package_version="0.1.0",
    )
    schema.write_manifest(str(folder), manifest)


def _write_events(folder):
    training = Summaries(str(folder))
    for step in range(1, STEPS + 1):
        scalars = {
            "loss": 10.0 - step / 10, "masked_lm_loss": 9.0 - step / 10,
            "masked_lm_accuracy": step / 100, "learning_rate": 1e-5 * step, "gradient_norm": 1.0,
        }  # fmt: skip
        if step % 10 == 0:
            # A slow first call, then 5 steps/s.
            rate = 1.0 if step == 10 else 5.0
            scalars |= {"tokens_per_second": 1000.0 * rate, "steps_per_second": rate,
                        "share_of_peak": rate / 10, "tokens_seen": 1000.0 * step}  # fmt: skip
        training.scalars(step, scalars)
    training.close()
    evaluation = Summaries(str(folder / "eval"))
    for step in (20, 30, 40):
        evaluation.scalars(step, {"loss": 8.0, "masked_lm_loss": 7.0 - step / 40})
    evaluation.close()
