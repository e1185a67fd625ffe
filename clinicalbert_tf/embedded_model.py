"""What the embedded defaults of all commands share: a folder, a vocabulary and a tiny BERT."""

import os
from collections.abc import Iterable
from typing import Any

from clinicalbert_tf.config import BertConfig
from tfrecords_builder.files import make_private_folder
from tfrecords_builder.schema import VOCABULARY_NAME
from tfrecords_builder.tokenization import load_vocabulary

CONFIG_NAME = "bert_config.json"
# Wider initial weights than BERT's 0.02 and no dropout: from fresh weights a small model would
# else spend its few steps on the frequencies of words alone.
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
POSITIONS = _MODEL["max_position_embeddings"]


def data_folder(output_dir: str, invented: str) -> str:
    """Makes the run's folder of invented data and says so.

    Args:
        output_dir: the run's folder.
        invented: what is invented, for the message.
    """
    folder = make_private_folder(os.path.join(output_dir, "data"))
    print(
        f"No data flags: using the embedded default, {invented}, a vocabulary learnt from them and "
        f"a tiny BERT, in {folder}.",
        flush=True,
    )
    return folder


def learn_vocabulary(
    folder: str, texts: Iterable[str], rows: int, do_lower_case: bool = False
) -> str:
    """Learns a vocabulary, unless the folder has one; returns its path.

    Args:
        folder: where vocab.txt goes.
        texts: read only if there is no vocabulary.
        rows: wordpieces at most.
        do_lower_case: the casing.
    """
    from tfrecords_builder import vocabulary

    path = os.path.join(folder, VOCABULARY_NAME)
    if not os.path.exists(path):
        vocabulary.write_vocabulary(path, vocabulary.learn_vocabulary(texts, rows, do_lower_case))
    return path


def write_model(folder: str, **changes: Any) -> dict[str, str]:
    """Writes the model's shape for the folder's vocabulary.

    Args:
        folder: with vocab.txt.
        changes: keys of bert_config.json that differ from the tiny BERT's.

    Returns:
        The settings "vocab_file" and "bert_config_file".
    """
    vocab_file, config_file = (
        os.path.join(folder, name) for name in (VOCABULARY_NAME, CONFIG_NAME)
    )
    rows = len(load_vocabulary(vocab_file))
    BertConfig(vocab_size=rows, **{**_MODEL, **changes}).write(config_file)
    return {"vocab_file": vocab_file, "bert_config_file": config_file}
