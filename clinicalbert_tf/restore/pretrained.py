"""from_pretrained: everything that a released checkpoint is, in one call."""

import dataclasses
import os
import sys

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.restore.checkpoint_files import resolve_checkpoint
from clinicalbert_tf.restore.report import RestoreReport
from tfrecords_builder.tokenization import BertTokenizer, load_vocabulary, vocabulary_is_cased

CONFIG_NAME = "bert_config.json"
VOCABULARY_NAME = "vocab.txt"


@dataclasses.dataclass(frozen=True)
class PretrainedBert:
    """A restored model with all that belongs to it.

    Attributes:
        config: its BertConfig.
        tokenizer: its BertTokenizer, in its casing.
        pretraining_model: {token_ids, segment_ids, padding_mask, mask_positions} -> {mlm_logits,
            nsp_logits}; see modeling.pretraining.
        report: what was restored, initialised and skipped.
    """

    config: BertConfig
    tokenizer: BertTokenizer
    pretraining_model: object
    report: RestoreReport

    @property
    def backbone(self):
        """The keras_nlp BertBackbone inside pretraining_model."""
        return self.pretraining_model.backbone


def from_pretrained(
    path: str | os.PathLike,
    model: str | None = None,
    *,
    do_lower_case: bool | None = None,
    allow_missing_heads: bool = False,
    dtype=None,
) -> PretrainedBert:
    """Restores a released checkpoint: configuration, tokenizer and pretraining model.

    Prints the counts of restored, initialised and skipped variables to stderr.

    Args:
        path: a TF1 checkpoint as directory, prefix or .index file, with its bert_config.json and
            vocab.txt in the same directory.
        model: the name of one model where `path` is a directory that holds several: a folder in
            it, or a checkpoint's prefix in it.
        do_lower_case: the casing; None to tell it from the vocabulary, which is right for every
            released model.
        allow_missing_heads: whether the checkpoint may lack pretraining heads.
        dtype: dtype or Keras dtype policy of the model; None for the global one.

    Returns:
        The model and what belongs to it.

    Raises:
        FileNotFoundError: the checkpoint, bert_config.json or vocab.txt is missing.
        ValueError: the files do not fit each other: names, shapes, vocabulary size, casing. Of
            these errors, CorruptCheckpointError (restore.tf1) means damaged files.
    """
    prefix = resolve_checkpoint(_choose(os.path.expanduser(os.fspath(path)), model))
    directory = os.path.dirname(prefix)
    config = BertConfig.from_json_file(_neighbour(directory, CONFIG_NAME, prefix))
    tokenizer = _tokenizer(_neighbour(directory, VOCABULARY_NAME, prefix), do_lower_case)
    if tokenizer.vocab_size != config.vocab_size:
        raise ValueError(
            f"{tokenizer.vocab_file} has {tokenizer.vocab_size} rows, but {CONFIG_NAME} says "
            f"vocab_size {config.vocab_size}. Use the vocabulary released with {prefix}."
        )
    # Late, so that a wrong path or vocabulary is said at once and not after TensorFlow's start.
    from clinicalbert_tf.modeling import build_pretraining_model
    from clinicalbert_tf.restore.tf1 import restore_checkpoint

    pretraining_model = build_pretraining_model(config, dtype=dtype)
    report = restore_checkpoint(pretraining_model, prefix, allow_missing_heads=allow_missing_heads)
    print(report, file=sys.stderr)
    return PretrainedBert(config, tokenizer, pretraining_model, report)


def _choose(path: str, model: str | None) -> str:
    if model is None:
        return path
    chosen = os.path.join(path, model)
    if os.path.isdir(chosen) or os.path.isfile(chosen + ".index"):
        return chosen
    names = sorted(os.listdir(path)) if os.path.isdir(path) else []
    raise FileNotFoundError(
        f"Expected a folder or checkpoint named {model} in {path}, found "
        f"{', '.join(names) or 'nothing'}. Give one of these names, or no name for a path that "
        "is a checkpoint itself."
    )


def _neighbour(directory: str, name: str, prefix: str) -> str:
    path = os.path.join(directory, name)
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"Expected {name} next to the checkpoint {prefix}, found no file {path}. Add the "
            f"{name} that was released with this checkpoint."
        )
    return path


def _tokenizer(vocab_file: str, do_lower_case: bool | None) -> BertTokenizer:
    cased = vocabulary_is_cased(load_vocabulary(vocab_file))
    if do_lower_case is None:
        if cased is None:
            raise ValueError(
                f"{vocab_file}: expected a vocabulary that shows its casing, received too few "
                "words to tell. Say do_lower_case=True or do_lower_case=False."
            )
        do_lower_case = not cased
    elif cased is not None and do_lower_case == cased:
        raise ValueError(
            f"{vocab_file} is {'cased' if cased else 'uncased'}, but do_lower_case="
            f"{do_lower_case}. Leave do_lower_case out: a wrong casing loses accuracy silently."
        )
    return BertTokenizer(vocab_file, do_lower_case)
