"""The embedded default of run_readmission: invented admissions and notes, and a tiny BERT.

What the notes say of a patient tells how likely a return is; notes that tell the outcome itself are
planted where no prediction may read. The data is made as from MIMIC's own tables.
"""

import os
from typing import Any

from clinicalbert_tf.config import BertConfig
from tfrecords_builder import synthetic
from tfrecords_builder.files import make_private_folder

_NOTES, _SEED = 4000, 11
_VOCABULARY_ROWS = 2000
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
    folder = make_private_folder(os.path.join(given["output_dir"], "data"))
    print(
        f"No data flags: using the embedded default, {_NOTES} invented notes of invented "
        f"admissions, a vocabulary learnt from them and a tiny BERT, in {folder}.",
        flush=True,
    )
    diagnosis = given.get("task_name") == "diagnosis"
    of_data = os.path.join(folder, "diagnosis") if diagnosis else folder
    if not os.path.exists(os.path.join(of_data, "accounting.json")):
        _build(folder, diagnosis)
    vocab_file = os.path.join(folder, "vocab.txt")
    with open(vocab_file, encoding="utf-8") as file:
        rows = sum(1 for _ in file)
    config_file = os.path.join(folder, "bert_config.json")
    BertConfig(vocab_size=rows, **_MODEL).write(config_file)
    made = {"data_dir": folder, "vocab_file": vocab_file, "bert_config_file": config_file}
    run = _RUN | ({"num_train_epochs": 4.0} if diagnosis else {})
    return {**run, **made, **given, "max_seq_length": _MODEL["max_position_embeddings"]}


def _build(folder: str, diagnosis: bool) -> None:
    from clinicalbert_tf.datasets.diagnosis import building as diagnosis_building
    from clinicalbert_tf.datasets.readmission.building import build
    from clinicalbert_tf.datasets.readmission.settings import ReadmissionSettings

    tables = synthetic.write_admissions(os.path.join(folder, "NOTEEVENTS.csv.gz"), _NOTES, _SEED)
    settings = ReadmissionSettings(
        tables["ADMISSIONS"],
        (tables["NOTEEVENTS"],),
        folder,
        max_seq_length=_MODEL["max_position_embeddings"],
        dev_fraction=0.15,
        test_fraction=0.25,
    )
    make_tokenizer = lambda texts: _learn_vocabulary(os.path.join(folder, "vocab.txt"), texts)
    if diagnosis:
        codes = diagnosis_building.CodeSettings(tables["DIAGNOSES_ICD"], num_codes=20)
        diagnosis_building.build(settings, codes, make_tokenizer)
    else:
        build(settings, make_tokenizer)


def _learn_vocabulary(path: str, texts):
    from tfrecords_builder import vocabulary
    from tfrecords_builder.tokenization import BertTokenizer

    tokens = vocabulary.learn_vocabulary(texts, _VOCABULARY_ROWS, do_lower_case=True)
    vocabulary.write_vocabulary(path, tokens)
    return BertTokenizer(path, do_lower_case=True)
