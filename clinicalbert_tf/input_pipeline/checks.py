"""Records against model, vocabulary and flags: a misfit is an error before any training."""

import os

from absl import logging

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.input_pipeline.masking_rule import MASKING_KINDS, masking_kind
from clinicalbert_tf.input_pipeline.record_source import RecordSource
from tfrecords_builder import schema, tokenization, vocabulary_rules


def check_records(
    source: RecordSource,
    config: BertConfig,
    vocab_file: str | None = None,
    do_lower_case: bool | None = None,
    masking: str | None = None,
) -> None:
    """Checks that a model can be trained or evaluated on records.

    Args:
        source: the records.
        config: the model.
        vocab_file: the model's vocabulary, or None if it is not known.
        do_lower_case: the casing asked for, or None to take the records' own.
        masking: the kind of masking asked for, or None to take the records' own.

    Raises:
        ValueError: a length, vocabulary, casing or kind of masking does not fit; the message
            names both values.
    """
    if source.max_seq_length > config.max_position_embeddings:
        raise ValueError(
            f"max_seq_length is {source.max_seq_length} in {source.paths[0]} but "
            f"max_position_embeddings is {config.max_position_embeddings} in the model's config. "
            "Rebuild the records shorter or use a model with more positions."
        )
    if source.largest_segment >= config.type_vocab_size:
        raise ValueError(
            f"Segment id {source.largest_segment} occurs in {source.paths[0]} but type_vocab_size "
            f"is {config.type_vocab_size} in the model's config. Use a model with more segments, "
            "or records of one segment (--objective=mlm)."
        )
    if source.largest_id >= config.vocab_size:
        raise ValueError(
            f"Wordpiece id {source.largest_id} occurs in {source.paths[0]} but vocab_size is "
            f"{config.vocab_size} in the model's config. Rebuild the records with the model's "
            "vocabulary."
        )
    if vocab_file is not None:
        check_vocabulary(vocab_file, config)
    for manifest_file, manifest in source.manifests:
        _check_manifest_vocabulary(manifest_file, manifest, config, vocab_file)
        _check_casing(manifest_file, manifest, vocab_file, do_lower_case)
        _check_masking(manifest_file, manifest, masking)


def check_vocabulary(vocab_file: str, config: BertConfig) -> None:
    """Checks that a vocabulary has as many rows as the model's token embedding.

    Raises:
        ValueError: it has not, or it is no sound vocabulary.
    """
    vocabulary_rules.check_rows(vocab_file, config.vocab_size, "the model (vocab_size)")


def _check_manifest_vocabulary(manifest_file, manifest, config, vocab_file) -> None:
    size = manifest.vocabulary["size"]
    if vocabulary_rules.spare_rows(size, config.vocab_size) is None:
        raise ValueError(
            f"The vocabulary has {size} wordpieces in {manifest_file} but vocab_size is "
            f"{config.vocab_size} in the model's config. Rebuild the records with the model's "
            "vocabulary."
        )
    if vocab_file is None:
        return
    built_with, received = manifest.vocabulary["sha256"], schema.file_sha256(vocab_file)
    if built_with != received and not _equals_copy(manifest_file, vocab_file):
        raise ValueError(
            f"The vocabulary has SHA-256 {built_with[:16]}... in {manifest_file} but {vocab_file} "
            f"has {received[:16]}.... Rebuild the records with the model's vocabulary."
        )


def _equals_copy(manifest_file: str, vocab_file: str) -> bool:
    """Whether a vocabulary has the rows of the records' copy, say with other line ends."""
    copy = os.path.join(os.path.dirname(manifest_file), schema.VOCABULARY_NAME)
    if not os.path.exists(copy):
        return False
    return tokenization.load_vocabulary(copy) == tokenization.load_vocabulary(vocab_file)


def _check_casing(manifest_file, manifest, vocab_file, do_lower_case) -> None:
    built_with = manifest.settings.get("do_lower_case")
    if do_lower_case is not None and built_with is not None and do_lower_case != built_with:
        raise ValueError(
            f"do_lower_case is {built_with} in {manifest_file} but --do_lower_case="
            f"{do_lower_case}. Rebuild the records or drop the flag."
        )
    if vocab_file is None or built_with is None:
        return
    casing = vocabulary_rules.choose_casing(vocab_file, built_with)
    # A cased vocabulary under lower-casing loses most of its rows without any error; an
    # uncased one on cased text turns every capital into [UNK]. Whoever gives the flag wants it.
    if casing.warning and do_lower_case is None:
        raise ValueError(
            f"do_lower_case is {built_with} in {manifest_file} but {vocab_file} is a "
            f"{'cased' if built_with else 'lower-cased'} vocabulary. Rebuild the records with "
            f"--do_lower_case={not built_with}, or say --do_lower_case={built_with} if it is "
            "meant so."
        )
    if casing.warning:
        logging.warning("%s", casing.warning)


def _check_masking(manifest_file, manifest, masking) -> None:
    built_with = masking_kind(manifest)
    if masking is not None and masking != built_with:
        raise ValueError(
            f"masking is {built_with} in {manifest_file} but --masking={masking}. Rebuild the "
            "records or drop the flag."
        )
    if built_with not in MASKING_KINDS:
        raise ValueError(
            f"masking is {built_with} in {manifest_file} but this trainer reads "
            f"{', '.join(MASKING_KINDS)}. Rebuild the records or update the trainer."
        )
