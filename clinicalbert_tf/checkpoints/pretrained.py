"""from_pretrained: everything that a released or fine-tuned checkpoint is, in one call."""

import dataclasses
import os

from absl import logging

from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.into_model import (
    build_task_model,
    check_parts,
    restore_head,
    restore_into,
)
from clinicalbert_tf.checkpoints.restore_report import RestoreReport
from clinicalbert_tf.checkpoints.source import REQUIRED_PARTS, CheckpointSource, check_tensors
from clinicalbert_tf.checkpoints.task_file import TaskDescription
from clinicalbert_tf.checkpoints.vocabulary_check import check_vocabulary, settle_casing
from clinicalbert_tf.config import BertConfig
from tfrecords_builder.tokenization import BertTokenizer


@dataclasses.dataclass(frozen=True)
class PretrainedBert:
    """A restored model with all that belongs to it.

    Attributes:
        config: its BertConfig.
        tokenizer: its BertTokenizer, in its casing.
        pretraining_model: {token_ids, segment_ids, padding_mask, mask_positions} -> {mlm_logits,
            nsp_logits}; see modeling.pretraining.
        report: what was restored, initialised and skipped.
        source: what was read: format, path, task, remarks.
        task_model: the classifier, tagger or span model of a fine-tuned source, on the same
            backbone; None without a task head.
    """

    config: BertConfig
    tokenizer: BertTokenizer
    pretraining_model: object
    report: RestoreReport
    source: CheckpointSource
    task_model: object | None = None

    @property
    def backbone(self):
        """The keras_nlp BertBackbone inside pretraining_model."""
        return self.pretraining_model.backbone

    @property
    def task(self) -> TaskDescription | None:
        """What a fine-tuned source is for; None for a pretrained one."""
        return self.source.task

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of task_model's outputs in id order; () without a task or labels."""
        return self.source.labels


def from_pretrained(
    path: str | os.PathLike,
    model: str | None = None,
    *,
    config_file: str | os.PathLike | None = None,
    vocab_file: str | os.PathLike | None = None,
    do_lower_case: bool | None = None,
    cache_dir: str | os.PathLike | None = None,
    require: tuple[str, ...] = REQUIRED_PARTS,
    dtype=None,
) -> PretrainedBert:
    """Restores a checkpoint of any known format: configuration, tokenizer and model.

    What starts fresh because the source lacks it, and what a user should know of the source, is
    logged as a warning.

    Args:
        path: an archive (.tar.gz, .zip, also one of archives such as pretrained_bert_tf.tar.gz),
            a folder, or a checkpoint's prefix or .index file: TF1 (BERT, BioBERT, clinicalBERT,
            BlueBERT, this software's own runs), Hugging Face, Keras preset, TF2 object-based,
            TF-Hub module.
        model: the name of one model if `path` holds several; without it they are listed.
        config_file: the configuration, if it does not lie beside the weights.
        vocab_file: the vocabulary, if it does not lie beside the weights.
        do_lower_case: the casing; None to take it from the model's own files and vocabulary. One
            that contradicts them is used, with a warning.
        cache_dir: where archives are unpacked; None for $CLINICALBERT_TF_CACHE or
            ~/.cache/clinicalbert_tf.
        require: parts (checkpoints.source.PARTS) that must be there; embeddings and encoder at
            least.
        dtype: dtype or Keras dtype policy of the model; None for the global one.

    Returns:
        The model and what belongs to it.

    Raises:
        FileNotFoundError: the checkpoint, its configuration or vocabulary is missing.
        ValueError: the files are damaged or do not fit each other: names, shapes, vocabulary
            size, casing; a weight is NaN or infinite; or a required part is missing.
    """
    source = open_checkpoint(
        path, model, config_file=config_file, vocab_file=vocab_file, cache_dir=cache_dir
    )
    check_parts(source, check_tensors(source), require)
    check_vocabulary(source)
    source = settle_casing(source, do_lower_case)
    tokenizer = source.tokenizer()
    # Late, so that a wrong path or vocabulary is said at once and not after TensorFlow's start.
    from clinicalbert_tf.modeling import build_pretraining_model

    pretraining_model = build_pretraining_model(source.config, dtype=dtype)
    report = restore_into(pretraining_model, source, require=require)
    task_model = None
    if source.task is not None:
        task_model = build_task_model(pretraining_model.backbone, source.task, dtype)
        report = restore_head(task_model, source, report)
    for remark in source.remarks:
        logging.warning("%s", remark)
    return PretrainedBert(source.config, tokenizer, pretraining_model, report, source, task_model)
