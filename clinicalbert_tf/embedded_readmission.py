"""The embedded default of run_readmission: invented admissions and notes, and a tiny BERT.

What the notes say of a patient tells how likely a return is; notes that tell the outcome itself are
planted where no prediction may read. The data is made as from MIMIC's own tables.
"""

import functools
import os
from collections.abc import Iterable
from typing import Any

from clinicalbert_tf import embedded_model
from tfrecords_builder import synthetic
from tfrecords_builder.tokenization import BertTokenizer

_NOTES, _SEED = 4000, 11
_VOCABULARY_ROWS = 2000
_RUN = {
    "train_batch_size": 32,
    "eval_batch_size": 64,
    "learning_rate": 1e-3,
    "num_train_epochs": 2.0,
}


def prepare(given: dict[str, Any]) -> dict[str, Any]:
    """Makes the data and the model's shape in the run's folder, if they are not there yet.

    Args:
        given: settings that were asked for; they stand above the embedded default's own.
    """
    invented = f"{_NOTES} invented notes of invented admissions"
    folder = embedded_model.data_folder(given["output_dir"], invented)
    diagnosis = given.get("task_name") == "diagnosis"
    of_data = os.path.join(folder, "diagnosis") if diagnosis else folder
    if not os.path.exists(os.path.join(of_data, "accounting.json")):
        _build(folder, diagnosis)
    made = {"data_dir": folder, **embedded_model.write_model(folder)}
    run = _RUN | ({"num_train_epochs": 4.0} if diagnosis else {})
    return {**run, **made, **given, "max_seq_length": embedded_model.POSITIONS}


def _build(folder: str, diagnosis: bool) -> None:
    from clinicalbert_tf.datasets.diagnosis import building as diagnosis_building
    from clinicalbert_tf.datasets.readmission.building import build
    from clinicalbert_tf.datasets.readmission.settings import ReadmissionSettings

    tables = synthetic.write_admissions(os.path.join(folder, "NOTEEVENTS.csv.gz"), _NOTES, _SEED)
    settings = ReadmissionSettings(
        tables["ADMISSIONS"],
        (tables["NOTEEVENTS"],),
        folder,
        max_seq_length=embedded_model.POSITIONS,
        dev_fraction=0.15,
        test_fraction=0.25,
    )
    make_tokenizer = functools.partial(_learn_tokenizer, folder)
    if diagnosis:
        codes = diagnosis_building.CodeSettings(tables["DIAGNOSES_ICD"], num_codes=20)
        diagnosis_building.build(settings, codes, make_tokenizer)
    else:
        build(settings, make_tokenizer)


def _learn_tokenizer(folder: str, texts: Iterable[str]) -> BertTokenizer:
    path = embedded_model.learn_vocabulary(folder, texts, _VOCABULARY_ROWS, do_lower_case=True)
    return BertTokenizer(path, do_lower_case=True)
