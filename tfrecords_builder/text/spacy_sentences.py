"""Sentences by a spaCy pipeline and the two rules of the clinicalBERT scripts (extra `spacy`).

The scripts run scispaCy's `en_core_sci_md`. Before its parser they set two boundaries: a word in
title case behind a full stop, and whatever follows a hyphen that stands alone; after it they make
each `[** deidentified **]` span one token, which takes back the boundaries inside. Nothing is
downloaded: a pipeline is an installed package or a folder.

Source: format_mimic_for_BERT.py (Alsentzer et al. 2019).
"""

import bisect
import contextlib
import importlib.metadata
import importlib.util
import json
import os
import re
import threading
from collections.abc import Iterable
from typing import Any

# A pipeline without a model: a language's tokenizer and spaCy's rules for sentences. Alone it is
# English; "blank:de" is German, and so on for every language that spaCy knows.
BLANK = "blank"
_BLANK_ENGLISH = "en"
# What no boundary depends on; the reference leaves out the tagger and the entities too.
_NOT_NEEDED = (
    "tagger",
    "morphologizer",
    "attribute_ruler",
    "lemmatizer",
    "ner",
    "entity_linker",
    "entity_ruler",
    "textcat",
)
_META = "meta.json"
# What stands before a sentence, and behind the one before.
_OPENING, _CLOSING = frozenset("¿¡„(["), frozenset(".?!")
# New words are kept by spaCy for as long as a zone lasts; its tokenizer is slower at the start.
ZONE_CHARACTERS = 1 << 23
# Bounded, so that a span that is never closed costs little; no span begins inside another.
_span = re.compile(r"\[\*\*(?:(?!\[\*\*)(?s:.)){0,1000}?\*\*\]")


def describe(pipeline: str) -> dict[str, str]:
    """What a pipeline is, as it stands in manifests; found without loading it.

    Args:
        pipeline: an installed package, a folder, "blank", or "blank:" and a language's code.

    Returns:
        {"pipeline", "version", "spacy"}: its name, its version and spaCy's.

    Raises:
        ImportError: spaCy is not installed; names the extra.
        ValueError: there is no such pipeline.
    """
    if importlib.util.find_spec("spacy") is None:
        raise ImportError(
            f"Expected spaCy for --sentences=spacy:{pipeline}, received none. Install the extra: "
            "pip install 'clinicalbert_tf[spacy]', or use --sentences=rules.",
            name="spacy",
        )
    spacy_version = importlib.metadata.version("spacy")
    if (language := _blank_language(pipeline)) is not None:
        _check_language(language)
        version = spacy_version
    else:
        version = _version_of(pipeline)
    return {"pipeline": pipeline, "version": version, "spacy": spacy_version}


def _blank_language(pipeline: str) -> str | None:
    """The language of a pipeline without a model; None for any other pipeline."""
    if pipeline == BLANK:
        return _BLANK_ENGLISH
    kind, colon, language = pipeline.partition(":")
    return language if kind == BLANK and colon else None


def _check_language(language: str) -> None:
    if not re.fullmatch("[a-z]{2,3}", language) or not importlib.util.find_spec(
        f"spacy.lang.{language}"
    ):
        raise ValueError(
            f"Expected a language that spaCy knows in --sentences=spacy:{BLANK}:{language}, such "
            "as de, es or fr; received another. Take its two-letter code, or xx for any language."
        )


def _version_of(pipeline: str) -> str:
    meta = os.path.join(pipeline, _META)
    if os.path.isfile(meta):
        with open(meta, encoding="utf-8") as file:
            return str(json.load(file).get("version", ""))
    if not os.path.exists(pipeline):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError, ValueError):
            return importlib.metadata.version(pipeline)
    raise ValueError(
        f"Expected an installed spaCy pipeline or a folder of one (with {_META}) in "
        f"--sentences=spacy:{pipeline}, received neither. Install it with pip (the reference's is "
        f"scispaCy's en_core_sci_md), name its folder, or use spacy:{BLANK} (English) or "
        f"spacy:{BLANK}:LANGUAGE."
    )


class SpacySentences:
    """Splits the sections of notes with one pipeline, loaded once.

    Args:
        pipeline: see `describe`. Without a component that sets sentence boundaries it gets
            spaCy's rule sentencizer.
        clinical_rules: whether the scripts' two rules stand before the pipeline's own.

    Raises:
        ImportError: spaCy is not installed.
        ValueError: the pipeline is not there or cannot be loaded.
    """

    def __init__(self, pipeline: str, clinical_rules: bool = True):
        describe(pipeline)
        self._clinical_rules = clinical_rules
        self._nlp = _load(pipeline)
        self._is_blank = _blank_language(pipeline) is not None
        names = self._nlp.pipe_names
        assigned = {name for own in names for name in self._nlp.get_pipe_meta(own).assigns}
        if "token.is_sent_start" not in assigned:
            self._nlp.add_pipe("sentencizer")
        self._zone = contextlib.ExitStack()
        # Some of Beam's runners work in several threads of a process.
        self._lock = threading.Lock()
        self._characters = ZONE_CHARACTERS

    def __call__(self, sections: Iterable[str]) -> list[str]:
        """The sentences of all sections of a note.

        Args:
            sections: as `sections.split_sections` gives them.

        Returns:
            The sentences in order, each on one line with single blanks and none of them empty.
            They hold every character of the sections that is not white space.

        Raises:
            ValueError: a section is longer than the pipeline allows (a million characters).
        """
        texts = [section for section in sections if section.strip()]
        with self._lock:
            self._renew_zone(sum(map(len, texts)))
            documents = (self._marked(text) for text in texts)
            return [
                " ".join(words)
                for document in self._nlp.pipe(documents)
                for sentence in _cut(document)
                if (words := sentence.split())
            ]

    def _renew_zone(self, characters: int) -> None:
        """Frees the words that spaCy collected, so that memory does not grow with the notes."""
        self._characters += characters
        if self._characters > ZONE_CHARACTERS:
            self._zone.close()
            self._zone.enter_context(self._nlp.memory_zone())
            self._characters = characters

    def _marked(self, text: str) -> Any:
        """The tokens of `text` with the two boundaries that the pipeline has to keep.

        As in the reference the rules do not look at the last two tokens. scispaCy leaves words
        with a hyphen whole; where a pipeline cuts them, their hyphens do not stand alone.
        """
        document = self._nlp.make_doc(text)
        for token in document[1:-1] if self._clinical_rules else ():
            before = token.nbor(-1)
            if (before.text == "." and token.is_title) or (
                before.text == "-" != token.text and _stands_alone(text, before.idx)
            ):
                token.is_sent_start = True
            elif self._is_blank and token.text in _OPENING and before.text in _CLOSING:
                # The sentencizer counts all punctuation behind a full stop to its sentence.
                token.is_sent_start = True
                token.nbor().is_sent_start = False
        return document


def _stands_alone(text: str, place: int) -> bool:
    """Whether white space is on both sides of the character at `place`."""
    return not text[max(0, place - 1) : place].strip() and not text[place + 1 : place + 2].strip()


def _load(pipeline: str) -> Any:
    import spacy

    if language := _blank_language(pipeline):
        return spacy.blank(language)
    try:
        return spacy.load(pipeline, exclude=list(_NOT_NEEDED))
    except (OSError, ValueError, ImportError, KeyError, AttributeError) as error:
        first, *_ = str(error).splitlines() or [""]
        raise ValueError(
            f"Expected a pipeline that spaCy {spacy.__version__} can load in "
            f"--sentences=spacy:{pipeline}, received {type(error).__name__}: {first} Install the "
            "version of the pipeline that fits this spaCy, with what it requires."
        ) from error


def _cut(document: Any) -> Iterable[str]:
    """The text between the boundaries that lie in no deidentified span."""
    text = document.text
    spans = [match.span() for match in _span.finditer(text)] if "[**" in text else []
    firsts = [first for first, _ in spans]
    begin = 0
    for token in document:
        if token.is_sent_start and token.idx > begin:
            before = bisect.bisect_left(firsts, token.idx) - 1
            if before < 0 or token.idx >= spans[before][1]:
                yield text[begin : token.idx]
                begin = token.idx
    yield text[begin:]
