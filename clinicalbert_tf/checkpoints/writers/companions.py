"""The small files of a model beside its weights: configuration, vocabulary, labels."""

import os
from collections.abc import Sequence

from clinicalbert_tf.checkpoints import task_file
from clinicalbert_tf.checkpoints.model_files import TF1_CONFIG, VOCABULARY
from clinicalbert_tf.checkpoints.readers.huggingface_added_tokens import (
    ADDED_ROWS_KEY,
    added_tokens_decoder,
)
from clinicalbert_tf.checkpoints.readers.huggingface_vocabulary import TOKENIZER_CONFIG_NAME
from clinicalbert_tf.checkpoints.source import CheckpointSource
from clinicalbert_tf.checkpoints.text_files import json_bytes
from tfrecords_builder.files import write_private
from tfrecords_builder.tokenization import AddedToken, portable_vocabulary


def write_companions(source: CheckpointSource, folder: str, vocabulary: bool = True) -> None:
    """Writes bert_config.json and what else belongs to a source.

    vocab.txt holds added tokens as rows. labels.json is written for a fine-tuned source, and
    tokenizer_config.json for one with added tokens, which are found by it.

    Args:
        source: a source whose casing is settled.
        folder: where to.
        vocabulary: whether to write vocab.txt.
    """
    source.config.write(os.path.join(folder, TF1_CONFIG))
    if vocabulary:
        data = portable_vocabulary(source.vocab_file)
        write_private(os.path.join(folder, VOCABULARY), data)
    if source.task is not None:
        task_file.write_task(folder, source.task)
    for name, text in tokenizer_files(source.do_lower_case, source.added_tokens).items():
        write_private(os.path.join(folder, name), text)


def tokenizer_files(
    do_lower_case: bool | None, added_tokens: Sequence[AddedToken]
) -> dict[str, str]:
    """What must lie beside vocab.txt so that added tokens are found: {file name: text}.

    Args:
        do_lower_case: the casing; None if it is not known.
        added_tokens: rows of vocab.txt; the result is empty without any.
    """
    if not added_tokens:
        return {}
    values = {
        "added_tokens_decoder": added_tokens_decoder(added_tokens),
        ADDED_ROWS_KEY: [token.id for token in added_tokens if not token.in_vocabulary],
    }
    if do_lower_case is not None:
        values["do_lower_case"] = do_lower_case
    return {TOKENIZER_CONFIG_NAME: json_bytes(values).decode("utf-8")}
