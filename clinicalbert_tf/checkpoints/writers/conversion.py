"""A checkpoint of any format in, a folder of one format out."""

import dataclasses
import os
import platform

from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.fingerprint import weights_digest
from clinicalbert_tf.checkpoints.names import HEADS
from clinicalbert_tf.checkpoints.readers.huggingface_added_tokens import tokens_without_graph
from clinicalbert_tf.checkpoints.source import (
    REFERENCE_LAYER_NORM_EPSILON,
    CheckpointSource,
    TensorReport,
    check_tensors,
)
from clinicalbert_tf.checkpoints.text_files import json_bytes
from clinicalbert_tf.checkpoints.vocabulary_check import check_vocabulary, settle_casing
from clinicalbert_tf.checkpoints.writers.formats import FORMATS, Format
from clinicalbert_tf.checkpoints.writers.target import RECORD_NAME, check_target, new_folder
from tfrecords_builder import __version__
from tfrecords_builder.files import write_private

_QUANTIZED = (
    "Matrices are stored in 8 bits (int8) and no longer equal the source's: compare the quality on "
    "your own data before you use it."
)


@dataclasses.dataclass(frozen=True)
class ConversionSettings:
    """What to convert into what.

    Attributes:
        source: anything that from_pretrained takes.
        target: the folder to make.
        format: a key of FORMATS.
        model: the name of one of several models in an archive or folder.
        do_lower_case: the casing; None to tell it from the model.
        max_seq_length: tokens of the longest sequence that a SavedModel makes from a text; None
            for the model's positions.
        overwrite: whether an earlier conversion at `target` is replaced.
        quantize: "int8" for an ONNX model whose matrix products run in 8 bits; None for float32.
        serve_check: whether a SavedModel is loaded in a new process with TensorFlow alone and its
            outputs are compared.

    Raises:
        ValueError: no such format, or a setting of another format.
    """

    source: str
    target: str
    format: str
    model: str | None = None
    do_lower_case: bool | None = None
    max_seq_length: int | None = None
    overwrite: bool = False
    quantize: str | None = None
    serve_check: bool = False

    def __post_init__(self):
        if self.format not in FORMATS:
            raise ValueError(
                f"Expected --format to be one of {', '.join(FORMATS)}, received {self.format!r}. "
                "Correct the flag."
            )
        for name, only in (
            ("max_seq_length", "saved_model"),
            ("serve_check", "saved_model"),
            ("quantize", "onnx"),
        ):
            if getattr(self, name) and self.format != only:
                raise ValueError(
                    f"Expected --{name} with --format={only} only, received it with "
                    f"{self.format}. Drop the flag."
                )
        if self.quantize not in (None, "int8"):
            raise ValueError(
                f"Expected --quantize to be int8, received {self.quantize!r}. Correct the flag."
            )


@dataclasses.dataclass(frozen=True)
class Conversion:
    """What was made.

    Attributes:
        format: the format.
        target: the folder.
        source: the folder or prefix that was read.
        kind: what the source is; see CheckpointSource.
        do_lower_case: the casing.
        arrays: how many arrays were written.
        left_out: variables of the source that the format cannot hold.
        remarks: what a user should know, one sentence each.
        weights_sha256: weights_digest of the source.
    """

    format: str
    target: str
    source: str
    kind: str
    do_lower_case: bool
    arrays: int
    left_out: tuple[str, ...]
    remarks: tuple[str, ...]
    weights_sha256: str


def convert(settings: ConversionSettings) -> Conversion:
    """Reads a checkpoint and writes it in another format.

    The target appears when all is written, with a conversion.json that says what made it; its
    folders have mode 0700, its files 0600. Every weight that the format has a place for keeps its
    bits.

    Raises:
        FileExistsError: the target exists and is not to be replaced.
        FileNotFoundError: no such source, or a file of it is missing.
        ImportError: the format needs an extra that is not installed.
        ValueError: the source is damaged or does not fit the format.
    """
    chosen = FORMATS[settings.format]
    chosen.check_extra()
    target = check_target(settings.target, settings.overwrite, settings.source)
    source = open_checkpoint(settings.source, settings.model)
    report = check_tensors(source)
    check_vocabulary(source)
    source = settle_casing(source, settings.do_lower_case)
    options = {name: getattr(settings, name) for name in chosen.options}
    with new_folder(target) as folder:
        chosen.write(source, folder, **options)
        more = (_check_serving(folder, settings, source),) if settings.serve_check else ()
        if settings.quantize:
            more = (_QUANTIZED,)
        conversion = _describe(settings.format, target, source, report, more)
        record = {**dataclasses.asdict(conversion), "versions": _versions()}
        write_private(os.path.join(folder, RECORD_NAME), json_bytes(record))
    return conversion


def _check_serving(folder: str, settings: ConversionSettings, source: CheckpointSource) -> str:
    from clinicalbert_tf.checkpoints.writers.serve_check import check_serving

    worst = check_serving(folder, settings.source, settings.model, source.do_lower_case)
    return (
        "Loaded in a new process with TensorFlow alone: outputs on ids differ from this model's by "
        f"at most {worst:.1e}."
    )


def _describe(
    format_name: str,
    target: str,
    source: CheckpointSource,
    report: TensorReport,
    more: tuple[str, ...],
) -> Conversion:
    from tqdm import tqdm

    chosen = FORMATS[format_name]
    names = tqdm(sorted(source.tensors), desc="digest", unit=" arrays", disable=None)
    prefix = HEADS[source.head].prefix if source.head else None
    of_head = tuple(name for name in report.other if prefix and name.startswith(prefix))
    left_out = () if chosen.holds_all else tuple(sorted(set(report.other) - set(of_head)))
    return Conversion(
        format=format_name,
        target=target,
        source=source.path,
        kind=source.kind,
        do_lower_case=source.do_lower_case,
        arrays=len(source.tensors) - len(left_out),
        left_out=left_out,
        remarks=(*_remarks(source, report, chosen, format_name), *more),
        weights_sha256=weights_digest(source, names),
    )


def _remarks(
    source: CheckpointSource, report: TensorReport, chosen: Format, format_name: str
) -> tuple[str, ...]:
    remarks = [*source.remarks, *([chosen.remark] if chosen.remark else [])]
    lost = source.added_tokens if not chosen.finds_added_tokens else ()
    if format_name == "saved_model":
        lost = tokens_without_graph(source.added_tokens)
    if lost:
        remarks.append(
            f"Added tokens that are rows of the vocabulary and are split as text by who reads "
            f"this format: {', '.join(token.content for token in lost)}."
        )
    if source.layer_norm_epsilon != REFERENCE_LAYER_NORM_EPSILON and not chosen.own_epsilon:
        remarks.append(
            f"The source computes LayerNorm with epsilon {source.layer_norm_epsilon:g}, this "
            f"format with the reference's {REFERENCE_LAYER_NORM_EPSILON:g}: outputs differ a "
            "little, weights do not."
        )
    if chosen.masked_lm_remark and "masked LM head" in report.present:
        remarks.append(chosen.masked_lm_remark)
    if chosen.crf_remark and source.head == "crf_tagger":
        remarks.append(chosen.crf_remark)
    if chosen.head_remark and source.head:
        remarks.append(chosen.head_remark)
    if chosen.exact_gelu_remark and source.gelu == "erf":
        remarks.append(chosen.exact_gelu_remark)
    return tuple(remarks)


def _versions() -> dict[str, str]:
    return {"clinicalbert_tf": __version__, "python": platform.python_version()}
