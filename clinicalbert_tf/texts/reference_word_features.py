"""Words and labels as the features of the reference's tagger, cut at the maximum length.

Source: convert_single_example and write_tokens of run_ner.py (Alsentzer et al. 2019; Lee et al.
2019).
"""

import dataclasses
from collections.abc import Sequence

from tfrecords_builder.tokenization import BertTokenizer

# A wordpiece that continues a word, and the special tokens, have labels of their own.
CONTINUATION, CLS, SEP = SPECIAL_LABELS = ("X", "[CLS]", "[SEP]")
REFERENCE_LABELS = {
    "i2b2_2006": "ID HOSPITAL PATIENT PHONE DATE DOCTOR LOCATION AGE",
    "i2b2_2010": "problem treatment test",
    "i2b2_2012": "OCCURRENCE EVIDENTIAL TREATMENT CLINICAL_DEPT PROBLEM TEST",
    "i2b2_2014": (
        "IDNUM HOSPITAL PATIENT PHONE DATE DOCTOR LOCATION-OTHER AGE BIOID STATE ZIP HEALTHPLAN "
        "ORGANIZATION MEDICALRECORD CITY STREET COUNTRY URL USERNAME PROFESSION FAX EMAIL DEVICE"
    ),
}


@dataclasses.dataclass(frozen=True)
class ReferenceFeatures:
    """What the reference makes of one sentence.

    Attributes:
        guid: part and number of the sentence.
        words, word_labels: the sentence.
        tokens: [CLS], the wordpieces that were kept, [SEP].
        input_ids, input_mask, segment_ids, label_ids: [max_seq_length], padded with 0.
        tok_to_orig_map: number of the word of every wordpiece, also of those that were cut.
    """

    guid: str
    words: list[str] = dataclasses.field(repr=False)
    word_labels: list[str]
    tokens: list[str] = dataclasses.field(repr=False)
    input_ids: list[int] = dataclasses.field(repr=False)
    input_mask: list[int] = dataclasses.field(repr=False)
    segment_ids: list[int] = dataclasses.field(repr=False)
    label_ids: list[int] = dataclasses.field(repr=False)
    tok_to_orig_map: list[int] = dataclasses.field(repr=False)


def reference_label_ids(task_name: str, labels_found: Sequence[str]) -> dict[str, int]:
    """{label: id} as in the reference: from 1, 0 is padding.

    Args:
        task_name: the data set; its own list if the reference has one.
        labels_found: the data's labels in BIO, for other data sets.
    """
    types = REFERENCE_LABELS.get(task_name)
    labels = (
        [f"{prefix}-{kind}" for kind in types.split() for prefix in "BI"] + ["O"]
        if types
        else list(labels_found)
    )
    return {label: number for number, label in enumerate([*labels, *SPECIAL_LABELS], start=1)}


def reference_features(
    guid: str,
    words: Sequence[str],
    labels: Sequence[str],
    label_ids: dict[str, int],
    tokenizer: BertTokenizer,
    max_seq_length: int,
) -> ReferenceFeatures:
    """Makes the features of one sentence.

    Raises:
        ValueError: a label has no id; names the sentence.
    """
    pieces: list[str] = []
    piece_labels: list[str] = []
    word_numbers: list[int] = []
    for number, (word, label) in enumerate(zip(words, labels, strict=True)):
        of_word = tokenizer.tokenize(word)
        pieces += of_word
        piece_labels += [label, *[CONTINUATION] * (len(of_word) - 1)][: len(of_word)]
        word_numbers += [number] * len(of_word)
    most = max_seq_length - 2
    tokens = ["[CLS]", *pieces[:most], "[SEP]"]
    padding = [0] * (max_seq_length - len(tokens))
    unknown = sorted({label for label in labels if label not in label_ids})
    if unknown:
        raise ValueError(
            f"{guid}: expected labels of the task ({len(label_ids) - 3} of them), received "
            f"{', '.join(unknown)}. Use --task_name=conll, which takes the labels of the data."
        )
    return ReferenceFeatures(
        guid,
        list(words),
        list(labels),
        tokens,
        tokenizer.convert_tokens_to_ids(tokens) + padding,
        [1] * len(tokens) + padding,
        [0] * max_seq_length,
        [label_ids[label] for label in (CLS, *piece_labels[:most], SEP)] + padding,
        word_numbers,
    )


def token_file(features: Sequence[ReferenceFeatures]) -> str:
    """token_test.txt: a token a line, an empty line after each sentence."""
    return "".join("".join(f"{token}\n" for token in of.tokens) + "\n" for of in features)


def word_number_file(features: Sequence[ReferenceFeatures]) -> str:
    """tok_to_orig_map_test.txt: the word's number by wordpiece, -1 for [CLS] and [SEP]."""
    return "".join(
        "".join(f"{number}\n" for number in (-1, *of.tok_to_orig_map, -1)) + "\n" for of in features
    )


def label_file(features: Sequence[ReferenceFeatures], words_labels: Sequence[Sequence[str]]) -> str:
    """label_test.txt: the predicted label of every token that was kept.

    Args:
        features: the sentences.
        words_labels: per sentence, the predicted labels of the words whose first wordpiece was
            kept, in order.
    """
    lines: list[str] = []
    for of, predicted in zip(features, words_labels, strict=True):
        labels = iter(predicted)
        previous = -1
        lines.append(CLS)
        for _, number in zip(of.tokens[1:-1], of.tok_to_orig_map, strict=False):
            lines.append(next(labels) if number != previous else CONTINUATION)
            previous = number
        lines += [SEP, ""]
    return "".join(f"{line}\n" for line in lines)


def kept_words(of: ReferenceFeatures) -> list[int]:
    """Numbers of the words of which every wordpiece was kept: the others are scored as O.

    A word without a wordpiece is never kept.

    Source: ner_detokenize.py of clinicalBERT (Alsentzer et al. 2019).
    """
    kept = len(of.tokens) - 2
    cut = set(of.tok_to_orig_map[kept:])
    return [number for number in dict.fromkeys(of.tok_to_orig_map[:kept]) if number not in cut]
