"""A model to use: a checkpoint with what belongs to it, and the default where none is named."""

import contextlib
import dataclasses
import glob
import hashlib
import io
import os
import sys
import tempfile

from clinicalbert_tf.config import BertConfig
from tfrecords_builder.tokenization import BertTokenizer

_DEFAULT_RUNS = os.path.join("runs", "pretrain-*")
MASKED_LM_HEAD = "masked LM head"


@dataclasses.dataclass(frozen=True)
class ModelSource:
    """Where a model comes from.

    Attributes:
        checkpoint: anything that clinicalbert_tf.from_pretrained takes.
        model: the name of one model where the checkpoint holds several.
        bert_config_file: a bert_config.json that is not beside a TF1 checkpoint, or None.
        vocab_file: a vocab.txt that is not beside a TF1 checkpoint, or None.
        do_lower_case: the casing, or None to tell it from the model.
    """

    checkpoint: str
    model: str | None = None
    bert_config_file: str | None = None
    vocab_file: str | None = None
    do_lower_case: bool | None = None


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

    options = {
        "do_lower_case": source.do_lower_case,
        "require": (*REQUIRED_PARTS, *[MASKED_LM_HEAD] * require_masked_lm),
    }
    if source.bert_config_file is None and source.vocab_file is None:
        return from_pretrained(source.checkpoint, source.model, **options)
    return _load_from_separate_files(source, options)


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
    """SHA-256 over the encoder's weights, vocabulary and casing, in hexadecimal."""
    digest = hashlib.sha256()
    for weight in bert.backbone.weights:
        digest.update(weight.numpy().tobytes())
    digest.update("\n".join(bert.tokenizer.inverse_vocab).encode("utf-8"))
    digest.update(repr((bert.config, bert.tokenizer.do_lower_case)).encode())
    return digest.hexdigest()


def _load_from_separate_files(source: ModelSource, options: dict):
    """Lays configuration, vocabulary and a TF1 checkpoint into one folder, as it was released."""
    from clinicalbert_tf import from_pretrained
    from clinicalbert_tf.checkpoints.checkpoint_files import resolve_checkpoint

    path = os.path.join(source.checkpoint, source.model) if source.model else source.checkpoint
    prefix = resolve_checkpoint(path)
    beside = os.path.dirname(prefix)
    config_file = source.bert_config_file or os.path.join(beside, "bert_config.json")
    vocab_file = source.vocab_file or os.path.join(beside, "vocab.txt")
    with tempfile.TemporaryDirectory() as folder:
        for name, given in (("bert_config.json", config_file), ("vocab.txt", vocab_file)):
            if not os.path.isfile(given):
                raise FileNotFoundError(
                    f"Expected a {name}, found no file {given}. Give it with --bert_config_file "
                    "or --vocab_file, or put it beside the checkpoint."
                )
            os.symlink(os.path.abspath(given), os.path.join(folder, name))
        for given in glob.glob(glob.escape(prefix) + ".*"):
            os.symlink(os.path.abspath(given), os.path.join(folder, os.path.basename(given)))
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                bert = from_pretrained(os.path.join(folder, os.path.basename(prefix)), **options)
        except ValueError as error:
            message = str(error).replace(os.path.join(folder, "vocab.txt"), vocab_file)
            message = message.replace(os.path.join(folder, "bert_config.json"), config_file)
            raise ValueError(message.replace(folder, beside)) from None
        finally:
            # The user knows the files by their own places.
            sys.stderr.write(said.getvalue().replace(folder, beside))
    tokenizer = BertTokenizer(vocab_file, bert.tokenizer.do_lower_case)
    return dataclasses.replace(bert, tokenizer=tokenizer)
