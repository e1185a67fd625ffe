"""Who masks the records: the builder did ("static"), or the pipeline does, and by which rule."""

import dataclasses
import os
from collections.abc import Sequence

from tfrecords_builder import schema
from tfrecords_builder.schema import Manifest

STATIC, DYNAMIC = MASKING_KINDS = ("static", "dynamic")
_SHAPING = ("masked_lm_prob", "do_whole_word_mask")


@dataclasses.dataclass(frozen=True)
class MaskingRule:
    """How the pipeline masks unmasked records.

    Attributes:
        vocab_file: the vocabulary that the records were built with.
        max_predictions_per_seq: predictions per record at most.
        masked_lm_prob: share of a record's tokens to predict, a fraction.
        do_whole_word_mask: mask all wordpieces of a word together.
    """

    vocab_file: str
    max_predictions_per_seq: int
    masked_lm_prob: float
    do_whole_word_mask: bool

    def limits(self, max_seq_length: int) -> list[int]:
        """Predictions of a record by its number of tokens, from 0 to `max_seq_length`.

        Source: create_masked_lm_predictions (Devlin et al. 2018); [CLS] and [SEP] count as
        tokens, halves are rounded to even.
        """
        wanted = (
            max(1, round(tokens * self.masked_lm_prob)) for tokens in range(max_seq_length + 1)
        )
        return [min(self.max_predictions_per_seq, number) for number in wanted]


def masking_kind(manifest: Manifest) -> str:
    """The kind of masking that a manifest states."""
    return manifest.settings.get("masking", STATIC)


def find_masking_rule(manifests: Sequence[tuple[str, Manifest]]) -> MaskingRule | None:
    """The rule that the manifests of unmasked records agree on; None for masked records.

    Args:
        manifests: (manifest file, manifest) of every folder of records.

    Raises:
        FileNotFoundError: no vocabulary lies beside a manifest.
        ValueError: the folders differ, or a vocabulary is not the one of its manifest.
    """
    if not any(masking_kind(manifest) == DYNAMIC for _, manifest in manifests):
        return None
    first_file, first = manifests[0]
    for file, manifest in manifests[1:]:
        for name in ("masking", *_SHAPING):
            one, other = first.settings.get(name), manifest.settings.get(name)
            if one != other:
                raise ValueError(
                    f"{name} is {one} in {first_file} but {other} in {file}. Train on records "
                    "that were built with one setting."
                )
    vocab_files = [_vocabulary_beside(file, manifest) for file, manifest in manifests]
    return MaskingRule(
        vocab_files[0],
        first.settings["max_predictions_per_seq"],
        *(first.settings[name] for name in _SHAPING),
    )


def change_masking_rule(
    rule: MaskingRule | None,
    masked_lm_prob: float | None,
    do_whole_word_mask: bool | None,
    place: str,
) -> MaskingRule | None:
    """A rule with what was asked for in place of what the records' manifest says.

    Args:
        rule: of the records, or None if they are masked already.
        masked_lm_prob: a fraction above 0 and at most 1, or None to leave it.
        do_whole_word_mask: None to leave it.
        place: the records' name, for messages.

    Raises:
        ValueError: something is asked for of records that are masked already, or no fraction.
    """
    given = {"masked_lm_prob": masked_lm_prob, "do_whole_word_mask": do_whole_word_mask}
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        return rule
    if rule is None:
        asked = ", ".join(f"--{name}={value}" for name, value in given.items())
        raise ValueError(
            f"Expected unmasked records for {asked}, received masked ones (masking is static) in "
            f"{place}. Drop the flag, or rebuild the records with it or with --masking=dynamic."
        )
    if masked_lm_prob is not None and not 0 < masked_lm_prob <= 1:
        raise ValueError(
            f"Expected --masked_lm_prob above 0 and at most 1, received {masked_lm_prob}. Give a "
            "fraction, not percent."
        )
    return dataclasses.replace(rule, **given)


def _vocabulary_beside(manifest_file: str, manifest: Manifest) -> str:
    path = os.path.join(os.path.dirname(manifest_file), schema.VOCABULARY_NAME)
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"Expected {path}, by which unmasked records are masked, found none. Copy the "
            "vocabulary that they were built with beside the manifest, or rebuild them."
        )
    expected, received = manifest.vocabulary["sha256"], schema.file_sha256(path)
    if expected != received:
        raise ValueError(
            f"The vocabulary has SHA-256 {expected[:16]}... in {manifest_file} but {path} has "
            f"{received[:16]}.... Copy the one that the records were built with, or rebuild them."
        )
    return path
