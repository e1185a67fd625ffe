"""A model to use: a checkpoint with what belongs to it, and the default where none is named."""

import dataclasses
import glob
import hashlib
import os

import numpy as np

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.setting_fields import setting

_DEFAULT_RUNS = os.path.join("runs", "pretrain-*")
MASKED_LM_HEAD = "masked LM head"


@dataclasses.dataclass(frozen=True)
class ModelSource:
    """Where a model comes from.

    Attributes:
        checkpoint: anything that clinicalbert_tf.from_pretrained takes.
    """

    checkpoint: str
    model: str | None = setting(None, "The model's name if the checkpoint holds several.")
    bert_config_file: str | None = setting(None, "bert_config.json, if not beside the checkpoint.")
    vocab_file: str | None = setting(None, "vocab.txt, if not beside the checkpoint.")
    do_lower_case: bool | None = setting(
        None,
        "Casing; by default told from the model. One that does not fit it is an error.",
    )


def load_model(source: ModelSource, require_masked_lm: bool = False):
    """Restores a model.

    Args:
        source: where it comes from.
        require_masked_lm: whether the masked language model's head must be there; the pooler and
            the heads may be missing otherwise.

    Returns:
        An object with `config`, `tokenizer`, `backbone`, `pretraining_model` and `report`.

    Raises:
        FileNotFoundError: the checkpoint, its configuration or its vocabulary is missing.
        ValueError: they do not fit each other, or the head is missing.
    """
    from clinicalbert_tf import from_pretrained
    from clinicalbert_tf.checkpoints.source import REQUIRED_PARTS

    return from_pretrained(
        source.checkpoint,
        source.model,
        config_file=source.bert_config_file,
        vocab_file=source.vocab_file,
        do_lower_case=source.do_lower_case,
        require=(*REQUIRED_PARTS, *[MASKED_LM_HEAD] * require_masked_lm),
    )


def default_checkpoint() -> str:
    """The newest folder runs/pretrain-* below the current one that holds a checkpoint.

    Raises:
        FileNotFoundError: there is none; names the command that makes one.
    """
    folders = [
        folder
        for folder in glob.glob(_DEFAULT_RUNS)
        if glob.glob(os.path.join(glob.escape(folder), "*.index"))
    ]
    if not folders:
        raise FileNotFoundError(
            f"Expected --checkpoint, or a pretrained model in {_DEFAULT_RUNS} below "
            "the current folder; found neither. `python -m clinicalbert_tf.pretrain --strategy "
            "mirrored` makes a small one from invented notes within minutes."
        )
    return max(folders, key=os.path.getmtime)


def check_length(max_seq_length: int, config: BertConfig, flag: str = "max_seq_length") -> None:
    """Checks a length against the model's positions.

    Raises:
        ValueError: the model has fewer.
    """
    if max_seq_length > config.max_position_embeddings:
        raise ValueError(
            f"Expected --{flag} of at most {config.max_position_embeddings} tokens, the positions "
            f"of this model, received {max_seq_length}. Lower --{flag}."
        )


def model_digest(bert) -> str:
    """SHA-256 over the encoder's weights, vocabulary, casing and added tokens, in hexadecimal."""
    digest = hashlib.sha256()
    for weight in bert.backbone.weights:
        digest.update(np.ascontiguousarray(weight.numpy()).view(np.uint8))
    digest.update("\n".join(bert.tokenizer.inverse_vocab).encode("utf-8"))
    digest.update(repr((bert.config, bert.tokenizer.do_lower_case)).encode())
    if bert.tokenizer.added_tokens:
        # A model without any keeps the digest that it has had.
        digest.update(repr(bert.tokenizer.added_tokens).encode())
    return digest.hexdigest()
