"""Vocabulary and casing of a source: whether they fit its weights, its settings and a flag."""

import dataclasses

from clinicalbert_tf.checkpoints.source import CheckpointSource
from tfrecords_builder.vocabulary_rules import Casing, check_rows, choose_casing


def check_vocabulary(source: CheckpointSource) -> int:
    """Compares the vocabulary's rows with the token embedding's.

    Args:
        source: a source with a vocabulary.

    Returns:
        The number of embedding rows beyond the vocabulary: 0, or the padding of an embedding
        whose rows were rounded up.

    Raises:
        FileNotFoundError: the source has no vocabulary.
        ValueError: the vocabulary is not a sound one, or belongs to another model.
    """
    return check_rows(_vocab_file(source), source.config.vocab_size, source.path)


def resolve_casing(source: CheckpointSource, do_lower_case: bool | None = None) -> bool:
    """Returns whether the source's text is lower-cased; see settle_casing."""
    return _casing(source, do_lower_case).do_lower_case


def settle_casing(source: CheckpointSource, do_lower_case: bool | None = None) -> CheckpointSource:
    """Returns the source with its casing settled; a warning is among its remarks.

    Args:
        source: a source with a vocabulary.
        do_lower_case: the user's flag, which wins; None if it was not given.

    Raises:
        FileNotFoundError: the source has no vocabulary.
        ValueError: no flag was given, and the source's files and vocabulary contradict each other
            or nothing tells.
    """
    casing = _casing(source, do_lower_case)
    remarks = (*source.remarks, *([casing.warning] if casing.warning else []))
    return dataclasses.replace(
        source, do_lower_case=casing.do_lower_case, casing_is_settled=True, remarks=remarks
    )


def _casing(source: CheckpointSource, do_lower_case: bool | None) -> Casing:
    vocab_file = _vocab_file(source)
    if source.casing_is_settled and do_lower_case in (None, source.do_lower_case):
        return Casing(source.do_lower_case)
    return choose_casing(vocab_file, do_lower_case, source.do_lower_case, source.path)


def _vocab_file(source: CheckpointSource) -> str:
    if source.vocab_file is None:
        raise FileNotFoundError(
            f"Expected a vocabulary (vocab.txt) with the model {source.path}, found none. Copy "
            "the vocab.txt that was released with it into its folder, or give vocab_file."
        )
    return source.vocab_file
