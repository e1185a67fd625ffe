"""The embedded default of run_classifier: invented notes with labels and a tiny BERT.

The label is the kind of the note, which its words tell: enough to see the whole way, from a CSV
file to predictions, in a minute or two on two cores.
"""

import csv
import io
import os
from typing import Any

from clinicalbert_tf.config import BertConfig
from tfrecords_builder import synthetic
from tfrecords_builder.files import make_private_folder, write_private

_NOTES = 900
_VOCABULARY_ROWS = 1500
# Invented notes are long; their beginning tells the kind.
_CHARACTERS = 240
_MODEL = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": 128,
    "type_vocab_size": 2,
    "initializer_range": 0.1,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
_RUN = {
    "task_name": "csv",
    "problem_type": "single",
    "group": "subject",
    "do_split": "0.7,0.15,0.15",
    "max_seq_length": 64,
    "train_batch_size": 32,
    "learning_rate": 1e-3,
    "num_train_epochs": 6.0,
}


def prepare(given: dict[str, Any]) -> dict[str, Any]:
    """Makes the data and the model's shape in the run's folder, if they are not there yet.

    Args:
        given: settings that were asked for; they stand above the embedded default's own.
    """
    folder = make_private_folder(os.path.join(given["output_dir"], "data"))
    print(
        f"No data flags: using the embedded default, {_NOTES} invented notes labelled with their "
        f"kind, a vocabulary learnt from them and a tiny BERT, in {folder}.",
        flush=True,
    )
    table = os.path.join(folder, "notes.csv")
    vocab_file = os.path.join(folder, "vocab.txt")
    config_file = os.path.join(folder, "bert_config.json")
    notes = list(synthetic.generate_notes(_NOTES, seed=3))
    if not os.path.exists(table):
        write_private(table, _as_csv(notes))
    if not os.path.exists(vocab_file):
        _learn_vocabulary(vocab_file, notes)
    with open(vocab_file, encoding="utf-8") as file:
        rows = sum(1 for _ in file)
    BertConfig(vocab_size=rows, **_MODEL).write(config_file)
    made = {"train_file": table, "vocab_file": vocab_file, "bert_config_file": config_file}
    return {**_RUN, **made, **given}


def _as_csv(notes: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "subject", "label", "text"])
    for note in notes:
        if note["TEXT"]:
            start = " ".join(note["TEXT"].split())[:_CHARACTERS]
            writer.writerow([note["ROW_ID"], note["SUBJECT_ID"], note["CATEGORY"], start])
    return text.getvalue()


def _learn_vocabulary(path: str, notes: list[dict[str, str]]) -> None:
    from tfrecords_builder import vocabulary

    texts = (note["TEXT"] for note in notes)
    vocabulary.write_vocabulary(
        path, vocabulary.learn_vocabulary(texts, _VOCABULARY_ROWS, do_lower_case=False)
    )
