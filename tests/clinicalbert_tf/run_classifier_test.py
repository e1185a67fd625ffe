"""The command: the reference's flags as typed, features without a model, clear errors."""

import json
import os
import subprocess
import sys

import pytest

from tests.support import GOLDEN

# As in the reference's run_classifier.sh; the model is a folder with a configuration alone.
REFERENCE = [
    "--data_dir=DATA", "--bert_model=clinical_bert", "--model_loc", "MODEL", "--task_name",
    "mednli", "--do_train", "--do_eval", "--do_test", "--output_dir=OUT", "--num_train_epochs",
    "4", "--learning_rate", "2e-5", "--train_batch_size", "32", "--max_seq_length", "150",
    "--gradient_accumulation_steps", "2", "--warmup_proportion", "0.1", "--seed", "42",
]  # fmt: skip
SCRIPT = """
import dataclasses, json, sys
from absl import flags
from clinicalbert_tf import run_classifier
from clinicalbert_tf.classifier_command import ClassifierCommand
flags.FLAGS(sys.argv)
asked = ClassifierCommand()
print("SETTINGS" + json.dumps(dataclasses.asdict(asked.settings("out"))))
assert "tensorflow" not in sys.modules
"""


def run(arguments, **kwargs):
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=300, **kwargs
    )


def mednli(folder):
    for split, count in (("train", 64), ("dev", 3), ("test", 3)):
        labels = ("entailment", "contradiction", "neutral")
        rows = [
            {"pairID": str(n), "sentence1": f"{split} {n}", "sentence2": f"{n}",
             "gold_label": labels[n % 3]}
            for n in range(count)
        ]  # fmt: skip
        path = folder / f"mli_{split}_v1.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_flags_of_the_reference_as_typed(tmp_path):
    mednli(tmp_path)
    typed = [part.replace("DATA", str(tmp_path)) for part in REFERENCE]
    made = run(["-c", SCRIPT, *typed])
    assert made.returncode == 0, made.stderr
    settings = json.loads(made.stdout.split("SETTINGS")[1])
    assert (settings["init_checkpoint"], settings["output_dir"]) == ("MODEL", "OUT")
    assert (settings["do_train"], settings["do_eval"], settings["do_test"]) == (True, True, True)
    # The batch size is the effective one: 64 examples in batches of 32, four times.
    assert (settings["train_batch_size"], settings["gradient_accumulation_steps"]) == (32, 2)
    assert (settings["num_train_steps"], settings["num_warmup_steps"]) == (8, 0)
    assert (settings["max_seq_length"], settings["seed"]) == (150, 42)
    assert settings["learning_rate"] == 2e-5
    assert "train: 64 examples" in made.stdout
    # --output_dir alone means the run that lies there, not the embedded default.
    folder = tmp_path / "run"
    folder.mkdir()
    settings["output_dir"] = str(folder)
    (folder / "run.json").write_text(json.dumps({"settings": settings}))
    resumed = run(["-c", SCRIPT, f"--output_dir={folder}"])
    assert json.loads(resumed.stdout.split("SETTINGS")[1]) == settings, resumed.stderr
    assert os.listdir(folder) == ["run.json"]
    # Several runs are not told by one's settings.
    (tmp_path / "several" / "seed-1").mkdir(parents=True)
    (folder / "run.json").rename(tmp_path / "several" / "seed-1" / "run.json")
    refused = run(["-c", SCRIPT, f"--output_dir={tmp_path / 'several'}"])
    assert refused.returncode != 0 and "Repeat the whole command" in refused.stderr
    assert os.listdir(tmp_path / "several") == ["seed-1"]


def test_features_need_a_vocabulary_alone(tmp_path):
    command = [
        "-m", "clinicalbert_tf.run_classifier", "--task_name=gad",
        f"--data_dir={GOLDEN / 'relation' / 'input' / 'biobert_gad'}",
        f"--vocab_file={GOLDEN / 'vocab' / 'downstream_cased.txt'}", "--do_lower_case=False",
        "--max_seq_length=48", f"--write_features={tmp_path / 'features'}",
    ]  # fmt: skip
    made = run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert made.returncode == 0, made.stderr
    assert sorted(os.listdir(tmp_path)) == ["features"]
    without = run(["-m", "clinicalbert_tf.run_classifier", "--write_features=out"])
    assert without.returncode == 1 and "Expected --vocab_file (with" in without.stderr
    assert sorted(os.listdir(tmp_path / "features")) == [
        "dev.tfrecord", "test.tfrecord", "train.tfrecord",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--data_dir=nowhere"], "--task_name"),
        (["--task_name=mednli", "--data_dir=nowhere"], "--data_dir"),
        (["--task_name=mednli", "--bert_model=bert-base-cased"], "nothing is downloaded"),
        (["--do_predict"], "--init_checkpoint"),
    ],
)
def test_wrong_flags_are_one_message(tmp_path, flags, said):
    made = run(["-m", "clinicalbert_tf.run_classifier", *flags, f"--output_dir={tmp_path / 'out'}"])
    assert made.returncode == 1
    assert said in made.stderr and "Traceback" not in made.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
