import json
import subprocess
import sys

import pytest

# The flags of the reference's README for SQuAD 2.0, as typed there.
REFERENCE = [
    "--vocab_file=vocab.txt",
    "--bert_config_file=bert_config.json",
    "--init_checkpoint=bert_model.ckpt",
    "--do_train=True",
    "--train_file=train-v2.0.json",
    "--do_predict=True",
    "--predict_file=dev-v2.0.json",
    "--train_batch_size=24",
    "--predict_batch_size=12",
    "--learning_rate=3e-5",
    "--num_train_epochs=2.0",
    "--max_seq_length=384",
    "--doc_stride=128",
    "--output_dir=/tmp/squad",
    "--iterations_per_loop=500",
    "--version_2_with_negative=True",
    "--null_score_diff_threshold=-1.5",
    "--n_best_size=10",
    "--max_answer_length=20",
    "--max_query_length=32",
    "--warmup_proportion=0.2",
    "--verbose_logging",
    "--do_lower_case=False",
]


SCRIPT = """
import dataclasses, json, sys
from absl import flags
from clinicalbert_tf import run_squad
flags.FLAGS(sys.argv)
print(json.dumps(dataclasses.asdict(run_squad.settings_from_flags("out"))))
assert "tensorflow" not in sys.modules
"""


def make_settings(*arguments):
    """Turns flags into settings, in a process of its own: absl's flags exist once per process."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=False
    )


def test_flags_of_the_reference_are_taken_as_typed():
    done = make_settings(*REFERENCE)
    made = json.loads(done.stdout)
    assert made["eval_batch_size"] == 12
    assert (made["num_train_epochs"], made["warmup_proportion"]) == (2.0, 0.2)
    assert (made["steps_per_loop"], made["null_score_diff_threshold"]) == (500, -1.5)
    assert made["do_train"] and made["do_predict"] and made["version_2_with_negative"]
    assert made["do_eval"]
    assert made["num_train_steps"] is None and made["answers"] == "corrected"


def test_wrong_flags_are_refused_before_tensorflow_is_loaded():
    done = make_settings("--train_file=x.json", "--max_query_length=400")
    assert "Expected max_seq_length greater than max_query_length" in done.stderr
    done = make_settings("--do_train", "--bert_config_file=x")
    assert "Expected --train_file with --do_train" in done.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
