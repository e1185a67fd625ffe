"""The embedded default: invented notes, a vocabulary learnt from them and a tiny BERT.

What `python -m clinicalbert_tf.pretrain` trains on when it is given no data: the builder and the
trainer for real, small enough for a minute or two on two cores.
"""

import os
import time
from typing import Any

from absl import logging

from clinicalbert_tf import embedded_model
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from tfrecords_builder import schema, synthetic

TRAINING_NOTES = 400
HELD_OUT_NOTES = 40
VOCABULARY_ROWS = 2000
_MAX_SEQ_LENGTH = 64
_MAX_PREDICTIONS = 10
# In the order in which they are made.
_PARTS = ("train", "held_out")
# Making it takes the chief a few seconds; a chief that failed should not be awaited for long.
SECONDS_TO_MAKE = 60
_RUN = {
    "train_batch_size": 32,
    "eval_batch_size": 32,
    "learning_rate": 3e-3,
    "num_train_steps": 1000,
    "num_warmup_steps": 100,
    "save_checkpoints_steps": 250,
    "max_eval_steps": 20,
}


def prepare(given: dict[str, Any]) -> PretrainingSettings:
    """Makes the embedded default's data in the run's output folder, unless it is there.

    Args:
        given: settings that were asked for; they stand above the embedded default's own.

    Returns:
        Settings to train on the notes and to evaluate on held-out ones.
    """
    invented = f"{TRAINING_NOTES} invented notes"
    folder = embedded_model.data_folder(given["output_dir"], invented)
    vocab_file = _vocabulary(folder)
    # A high learning rate and one layer: 1,000 steps are to show the way, not to be useful.
    embedded_model.write_model(folder, num_hidden_layers=1)
    for part in _PARTS:
        _records(folder, part, vocab_file)
    return _settings(folder, given)


def await_chief(given: dict[str, Any]) -> PretrainingSettings:
    """The settings of `prepare`, once the chief of several workers has made the data.

    Raises:
        FileNotFoundError: the data did not come.
    """
    folder = os.path.join(given["output_dir"], "data")
    last = os.path.join(folder, _PARTS[-1])
    deadline = time.monotonic() + SECONDS_TO_MAKE
    while schema.read_manifest(last) is None:
        if time.monotonic() > deadline:
            raise FileNotFoundError(
                f"Expected the chief to make the embedded default's records in {last} within "
                f"{SECONDS_TO_MAKE} s, found none. Give all workers the same --output_dir on a "
                "shared file system, and see the chief's own output."
            )
        time.sleep(0.5)
    return _settings(folder, given)


def _settings(folder: str, given: dict[str, Any]) -> PretrainingSettings:
    made = {
        "input_file": os.path.join(folder, "train"),
        "eval_file": os.path.join(folder, "held_out"),
        "bert_config_file": os.path.join(folder, embedded_model.CONFIG_NAME),
        "vocab_file": os.path.join(folder, schema.VOCABULARY_NAME),
        "do_train": True,
        "do_eval": True,
    }
    return PretrainingSettings(**{**_RUN, **made, **given})


def _notes(folder: str, part: str) -> str:
    """NOTEEVENTS of a part; notes of different seeds are of different patients."""
    path = os.path.join(folder, f"{part}.NOTEEVENTS.csv.gz")
    if not os.path.exists(path):
        count, seed = {"train": (TRAINING_NOTES, 1), "held_out": (HELD_OUT_NOTES, 2)}[part]
        synthetic.write_noteevents(path, count, seed)
    return path


def _vocabulary(folder: str) -> str:
    from tfrecords_builder.notes import reading

    new = not os.path.exists(os.path.join(folder, schema.VOCABULARY_NAME))
    texts = (note.text for note in reading.read_notes(_notes(folder, "train")))
    path = embedded_model.learn_vocabulary(folder, texts, VOCABULARY_ROWS)
    if new:
        logging.info("Learnt a vocabulary from the notes: %s.", path)
    return path


def _records(folder: str, part: str, vocab_file: str) -> None:
    from tfrecords_builder.building import pipeline
    from tfrecords_builder.building.settings import BuilderSettings

    output_dir = os.path.join(folder, part)
    if schema.read_manifest(output_dir) is None:
        manifest = pipeline.build_records(
            BuilderSettings(
                output_dir=output_dir,
                input=(_notes(folder, part),),
                vocab_file=vocab_file,
                do_lower_case=False,
                max_seq_length=_MAX_SEQ_LENGTH,
                max_predictions_per_seq=_MAX_PREDICTIONS,
                num_shards=4,
            )
        )
        logging.info("Built %d records: %s.", manifest.counts["instances"], output_dir)
