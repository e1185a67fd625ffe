"""The embedded default of commands that train nothing: invented notes, and a tiny BERT of them.

`python -m clinicalbert_tf.search` and the like show the whole way if they are given no data. No
patient stands behind any of the notes.
"""

import json
import os
import random
import sys
import time

from tfrecords_builder import synthetic
from tfrecords_builder.files import make_private_folder, write_private

_NOTES = 60
STEPS = 300
_PRIVATE_NOTES = 20
# Notes as they are before anybody has removed anything.
_LETTER = (
    "Patient: {name}\nMRN: {number}\nDate: {month:02}/{day:02}/2151\n\n"
    "Dear Dr. {doctor},\n\n{title} {name} was seen on {month:02}/{day:02}/2151 for {complaint}. "
    "Call {area}-555-{line:04} or write to {mail}@clinic.example.\n"
)
_NAMES = ("Quinlan", "Abernathy", "Okafor", "Lindqvist", "Moreau", "Castellano")
_COMPLAINTS = ("chest pain", "shortness of breath", "a swollen leg", "cough and fever")


def output_folder(command: str) -> str:
    """Makes the private folder of a call without data, runs/COMMAND-DATE-TIME; returns it."""
    name = f"{command}-{time.strftime('%Y%m%d-%H%M%S')}"
    return make_private_folder(os.path.join("runs", name))


def notes_file(folder: str) -> str:
    """Writes invented notes as JSON lines with note_id and text; returns their path."""
    rows = synthetic.generate_notes(_NOTES, seed=7)
    notes = [{"note_id": row["ROW_ID"], "text": row["TEXT"]} for row in rows]
    path = _write_lines(folder, notes)
    _say(f"No data flags: using the embedded default, {_NOTES} invented notes in {path}.")
    return path


def private_notes_file(folder: str) -> str:
    """Writes invented letters with names, dates and numbers as JSON lines; returns their path."""
    rng = random.Random(7)
    notes = []
    for number in range(_PRIVATE_NOTES):
        text = _LETTER.format(
            name=rng.choice(_NAMES),
            doctor=rng.choice(_NAMES),
            title=rng.choice(("Mr.", "Mrs.")),
            number=rng.randrange(10**6, 10**7),
            month=rng.randint(1, 12),
            day=rng.randint(1, 28),
            complaint=rng.choice(_COMPLAINTS),
            area=rng.randint(201, 989),
            line=rng.randrange(10**4),
            mail=rng.choice(_NAMES).lower(),
        )
        notes.append({"note_id": str(number), "text": text})
    path = _write_lines(folder, notes)
    _say(f"No data flags: using the embedded default, {_PRIVATE_NOTES} invented letters in {path}.")
    return path


def checkpoint_here() -> str:
    """The newest folder runs/pretrain-* here, or a tiny BERT that is trained now.

    A model of so few steps shows how a command works, not how well.
    """
    from clinicalbert_tf.inference.loading import default_checkpoint

    try:
        found = default_checkpoint()
    except FileNotFoundError:
        found = _train()
    _say(f"No checkpoint was named: using {found}.")
    return found


def train_classifier(folder: str, signals) -> None:
    """Trains run_classifier's embedded default; a finished run in the folder stays as it is.

    Args:
        folder: the run's folder.
        signals: stop signals of the command, as run_training takes them.
    """
    from clinicalbert_tf import embedded_classification
    from clinicalbert_tf.tasks.classification.run import prepare, read_data, run_classification

    given = embedded_classification.prepare({"output_dir": folder})
    run_classification(prepare(given, read_data(given)), signals=signals)


def _train() -> str:
    from clinicalbert_tf import embedded_default
    from clinicalbert_tf.tasks.pretraining.task import run_pretraining

    folder = os.path.join("runs", "pretrain-embedded")
    _say(f"No checkpoint was named and none is in runs/: training a tiny BERT into {folder}.")
    asked = {"output_dir": folder, "num_train_steps": STEPS, "num_warmup_steps": STEPS // 10}
    settings = embedded_default.prepare({**asked, "do_eval": False})
    run_pretraining(settings)
    return folder


def _write_lines(folder: str, rows: list[dict[str, str]]) -> str:
    path = os.path.join(folder, "notes.jsonl")
    write_private(path, "".join(json.dumps(row) + "\n" for row in rows))
    return path


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
