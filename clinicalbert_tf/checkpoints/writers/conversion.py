"""A checkpoint of any format in, a folder of one format out."""

import dataclasses
import os
import platform

from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.fingerprint import weights_digest
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

    def __post_init__(self):
        if self.format not in FORMATS:
            raise ValueError(
                f"Expected --format to be one of {', '.join(FORMATS)}, received {self.format!r}. "
                "Correct the flag."
            )
        if self.max_seq_length is not None and self.format != "saved_model":
            raise ValueError(
                "Expected --max_seq_length with --format=saved_model only, which tokenizes, "
                f"received it with {self.format}. Drop the flag."
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
        left_out: variables of the source that have no place in the format.
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
    options = {}
    if settings.format == "saved_model":
        options["max_seq_length"] = settings.max_seq_length
    with new_folder(target) as folder:
        chosen.write(source, folder, **options)
        conversion = _describe(settings.format, target, source, report)
        record = {**dataclasses.asdict(conversion), "versions": _versions()}
        write_private(os.path.join(folder, RECORD_NAME), json_bytes(record))
    return conversion


def _describe(
    format_name: str, target: str, source: CheckpointSource, report: TensorReport
) -> Conversion:
    from tqdm import tqdm

    chosen = FORMATS[format_name]
    names = tqdm(sorted(source.tensors), desc="digest", unit=" arrays", disable=None)
    left_out = () if chosen.holds_all else report.other
    return Conversion(
        format=format_name,
        target=target,
        source=source.path,
        kind=source.kind,
        do_lower_case=source.do_lower_case,
        arrays=len(source.tensors) - len(left_out),
        left_out=left_out,
        remarks=_remarks(source, report, chosen),
        weights_sha256=weights_digest(source, names),
    )


def _remarks(source: CheckpointSource, report: TensorReport, chosen: Format) -> tuple[str, ...]:
    remarks = list(source.remarks)
    if source.layer_norm_epsilon != REFERENCE_LAYER_NORM_EPSILON and not chosen.own_epsilon:
        remarks.append(
            f"The source computes LayerNorm with epsilon {source.layer_norm_epsilon:g}, this "
            f"format with the reference's {REFERENCE_LAYER_NORM_EPSILON:g}: outputs differ a "
            "little, weights do not."
        )
    if chosen.masked_lm_remark and "masked LM head" in report.present:
        remarks.append(chosen.masked_lm_remark)
    return tuple(remarks)


def _versions() -> dict[str, str]:
    return {"clinicalbert_tf": __version__, "python": platform.python_version()}
