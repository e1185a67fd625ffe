"""A text or a pair of texts as token ids and segment ids, as the reference makes them.

Source: convert_examples_to_features and _truncate_seq_pair of the BERT reference's
run_classifier.py (Devlin et al. 2018) in clinicalBERT's form (Alsentzer et al. 2019).
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfrecords_builder.tokenization import BertTokenizer

FEATURE_RULES = ("corrected", "reference")


@dataclasses.dataclass(frozen=True, slots=True)
class TextFeatures:
    """One input of a classifier, not padded.

    Attributes:
        token_ids: int32 [length], [CLS] and [SEP] included.
        segment_ids: int32 [length], 0 for the first text and its [CLS] and [SEP], 1 for the second
            and its [SEP].
        truncated: wordpieces that did not fit.
    """

    token_ids: np.ndarray = dataclasses.field(repr=False)
    segment_ids: np.ndarray = dataclasses.field(repr=False)
    truncated: int

    def __len__(self) -> int:
        return len(self.token_ids)


def truncated_lengths(first: int, second: int, most: int) -> tuple[int, int]:
    """How many wordpieces of a pair stay.

    The longer side loses its last wordpiece, one at a time, until both fit; the second if both are
    equally long. Only the counts matter, so they are computed at once.

    Args:
        first, second: wordpieces of each text.
        most: wordpieces of both that fit.

    Returns:
        Wordpieces of each text that stay.
    """
    if first + second <= most:
        return first, second
    larger_half = most - most // 2
    if second <= most // 2:
        return most - second, second
    if first <= larger_half:
        return first, most - first
    return larger_half, most // 2


def make_features(
    tokenizer: BertTokenizer,
    texts_a: Sequence[str],
    texts_b: Sequence[str | None],
    max_seq_length: int,
    rule: str = "corrected",
) -> list[TextFeatures]:
    """Makes the features of texts or pairs.

    Args:
        tokenizer: the model's.
        texts_a: the texts.
        texts_b: the second text of each; None for a single text.
        max_seq_length: tokens at most, [CLS] and [SEP] included; at least 4.
        rule: "corrected" closes both segments of a pair, also if the second text is empty;
            "reference" gives an empty second text no segment at all and one of no wordpieces
            (white space) the shorter limit of a pair but no [SEP].

    Returns:
        One TextFeatures for each text.

    Raises:
        ValueError: `rule` or `max_seq_length` is not as above.
    """
    if rule not in FEATURE_RULES:
        raise ValueError(
            f"Expected --features to be {' or '.join(FEATURE_RULES)}, received {rule!r}."
        )
    if max_seq_length < 4:
        raise ValueError(
            f"Expected --max_seq_length of 4 or more ([CLS] and two [SEP] need 3), received "
            f"{max_seq_length}."
        )
    if rule == "reference":
        texts_b = [text or None for text in texts_b]
    firsts = _encoded(tokenizer, texts_a)
    seconds = _encoded(tokenizer, [text or "" for text in texts_b])
    cls, sep = [tokenizer.cls_id], [tokenizer.sep_id]
    features = []
    for first, second, text_b in zip(firsts, seconds, texts_b, strict=True):
        pieces = len(first) + len(second)
        if text_b is None:
            first, second = first[: max_seq_length - 2], None
        else:
            kept = truncated_lengths(len(first), len(second), max_seq_length - 3)
            first, second = first[: kept[0]], second[: kept[1]]
        if second is None or (rule == "reference" and not len(second)):
            tokens = [cls, first, sep]
            begin = len(first) + 2
            pieces -= len(first)
        else:
            tokens = [cls, first, sep, second, sep]
            begin = len(first) + 2
            pieces -= len(first) + len(second)
        token_ids = np.concatenate(tokens).astype(np.int32)
        segment_ids = (np.arange(len(token_ids)) >= begin).astype(np.int32)
        features.append(TextFeatures(token_ids, segment_ids, pieces))
    return features


def _encoded(tokenizer: BertTokenizer, texts: Sequence[str]) -> list[np.ndarray]:
    ids, lengths = tokenizer.encode_lines(texts)
    return np.split(ids, np.cumsum(lengths)[:-1]) if len(lengths) else []
