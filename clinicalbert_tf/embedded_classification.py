"""The embedded default of run_classifier: invented notes with labels and a tiny BERT.

The label is the kind of the note, which its words tell: enough to see the whole way, from a CSV
file to predictions, in a minute or two on two cores.
"""

import csv
import io
import os
from typing import Any

from clinicalbert_tf import embedded_model
from tfrecords_builder import synthetic
from tfrecords_builder.files import write_private

_NOTES = 900
_VOCABULARY_ROWS = 1500
# Invented notes are long; their beginning tells the kind.
_CHARACTERS = 240
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
    # A few notes are empty, as in a hospital's tables.
    notes = [note for note in synthetic.generate_notes(_NOTES, seed=3) if note["TEXT"]]
    invented = f"{len(notes)} invented notes labelled with their kind"
    folder = embedded_model.data_folder(given["output_dir"], invented)
    table = os.path.join(folder, "notes.csv")
    if not os.path.exists(table):
        write_private(table, _as_csv(notes))
    embedded_model.learn_vocabulary(folder, (note["TEXT"] for note in notes), _VOCABULARY_ROWS)
    return {**_RUN, "train_file": table, **embedded_model.write_model(folder), **given}


def _as_csv(notes: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "subject", "label", "text"])
    for note in notes:
        start = " ".join(note["TEXT"].split())[:_CHARACTERS]
        writer.writerow([note["ROW_ID"], note["SUBJECT_ID"], note["CATEGORY"], start])
    return text.getvalue()
