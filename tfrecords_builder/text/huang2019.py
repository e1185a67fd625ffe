"""A note's cleaning and sentences as ClinicalBERT of Huang et al. made them (extra `spacy`).

Its text for pretraining is the cleaned note without any digit, cut by spaCy's rules for English;
a sentence of fewer than 20 characters is joined to the one before it. Its prediction of
readmission reads the cleaned note, digits kept.

Source: preprocess.py and pretrain.ipynb (Huang et al. 2019).
"""

import re
from collections.abc import Iterable, Iterator

from tfrecords_builder.text.spacy_sentences import SpacySentences

# Characters; what is shorter is joined to the sentence before.
_SHORTEST = 20
_brackets = re.compile(r"\[(.*?)\]")
_numbers = re.compile(r"[0-9]+\.")
_digits = re.compile(r"[0-9]+")
_rulers = re.compile("--|__|==")


def clean(text: str) -> str:
    """Cleans a text as the reference does: "98.6" becomes "6", "hydr." becomes "hydoctor".

    Source: preprocess1 and the lines before it.
    """
    text = text.replace("\n", " ").replace("\r", " ").strip().lower()
    text = _numbers.sub("", _brackets.sub("", text))
    text = text.replace("dr.", "doctor").replace("m.d.", "md")
    text = text.replace("admission date:", "").replace("discharge date:", "")
    return _rulers.sub("", text)


class Huang2019Sentences(SpacySentences):
    """The sentences of whole notes.

    Raises:
        ImportError: spaCy is not installed.
    """

    def __init__(self):
        super().__init__("blank", clinical_rules=False)

    def __call__(self, sections: Iterable[str]) -> list[str]:
        """The sentences of a note, cleaned.

        Args:
            sections: the whole note as one text.

        Raises:
            ValueError: the note is longer than spaCy allows (a million characters).
        """
        cleaned = (" ".join(_digits.sub("", clean(text)).split()) for text in sections)
        return list(_joined(super().__call__(cleaned)))


def _joined(sentences: Iterable[str]) -> Iterator[str]:
    """Joins short sentences to the one before; the first one stays, however short."""
    held = None
    for sentence in sentences:
        if held is None:
            held = sentence
        elif len(sentence) < _SHORTEST:
            held = f"{held} {sentence}"
        else:
            yield held
            held = sentence
    if held is not None:
        yield held
