"""from_pretrained: everything that a released checkpoint is, in one call."""

import dataclasses
import os
import sys

from clinicalbert_tf.checkpoints.detect import open_source
from clinicalbert_tf.checkpoints.restore_report import RestoreReport
from clinicalbert_tf.checkpoints.source import (
    PARTS,
    REFERENCE_LAYER_NORM_EPSILON,
    REQUIRED_PARTS,
    CheckpointSource,
    check_tensors,
)
from clinicalbert_tf.checkpoints.vocabulary_check import check_vocabulary, resolve_casing
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
        source: what was read: format, path, labels, remarks.
    """

    config: BertConfig
    tokenizer: BertTokenizer
    pretraining_model: object
    report: RestoreReport
    source: CheckpointSource

    @property
    def backbone(self):
        """The keras_nlp BertBackbone inside pretraining_model."""
        return self.pretraining_model.backbone


def from_pretrained(
    path: str | os.PathLike,
    model: str | None = None,
    *,
    do_lower_case: bool | None = None,
    cache_dir: str | os.PathLike | None = None,
    require: tuple[str, ...] = REQUIRED_PARTS,
    dtype=None,
) -> PretrainedBert:
    """Restores a checkpoint of any known format: configuration, tokenizer and pretraining model.

    Prints the counts of restored, initialised and skipped variables to stderr, and every part
    (pooler, heads) that the source lacks and that therefore starts fresh.

    Args:
        path: an archive (.tar.gz, .zip, also one of archives such as pretrained_bert_tf.tar.gz),
            a folder, or a checkpoint's prefix or .index file: TF1 (BERT, BioBERT, clinicalBERT,
            BlueBERT, this software's own), Hugging Face, Keras preset, TF2 object-based.
        model: the name of one model where `path` holds several; without it they are listed.
        do_lower_case: the casing; None to take it from the model's own files, which is right for
            every released model. One that contradicts them is an error.
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
            size, casing; or a required part is missing.
    """
    source = open_source(os.path.expanduser(os.fspath(path)), model, cache_dir)
    tensors = check_tensors(source)
    _check_parts(source, tensors, require)
    check_vocabulary(source)
    tokenizer = BertTokenizer(source.vocab_file, resolve_casing(source, do_lower_case))
    # Late, so that a wrong path or vocabulary is said at once and not after TensorFlow's start.
    from clinicalbert_tf.checkpoints.assign import assign_variables
    from clinicalbert_tf.checkpoints.names import model_variables
    from clinicalbert_tf.modeling import build_pretraining_model

    pretraining_model = build_pretraining_model(source.config, dtype=dtype)
    report = assign_variables(
        model_variables(pretraining_model),
        source.tensors.shapes,
        source.tensors.__getitem__,
        source.path,
        skipped=tensors.other,
        allow_missing=[start for part, start in PARTS.items() if part not in REQUIRED_PARTS],
    )
    report = dataclasses.replace(report, skipped=(*report.skipped, *source.ignored))
    print(report, *source.remarks, sep="\n", file=sys.stderr)
    return PretrainedBert(source.config, tokenizer, pretraining_model, report, source)


def _check_parts(source: CheckpointSource, tensors, require: tuple[str, ...]) -> None:
    unknown = [part for part in require if part not in PARTS]
    if unknown:
        raise ValueError(f"Expected parts among {', '.join(PARTS)}, received {', '.join(unknown)}.")
    lacking = [part for part in require if part not in tensors.present]
    if lacking:
        raise ValueError(
            f"{source.path}: expected {', '.join(require)}, received a model without "
            f"{', '.join(lacking)}. Use a checkpoint of pretraining, or do not require them."
        )
    if source.layer_norm_epsilon != REFERENCE_LAYER_NORM_EPSILON:
        raise ValueError(
            f"{source.path}: expected LayerNorm epsilon {REFERENCE_LAYER_NORM_EPSILON}, as in "
            f"every released BERT, received {source.layer_norm_epsilon}. Its outputs would not be "
            "the source's; use the program that trained it."
        )
