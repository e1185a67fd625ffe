"""Documents as sentences of words with BIO labels, and the files of "token label" lines."""

import dataclasses
import itertools
import json
import os
from collections.abc import Iterable, Iterator

from clinicalbert_tf.datasets.documents import Account, Document, Span
from clinicalbert_tf.texts.words import split_words
from tfrecords_builder.files import make_private_folder, write_private


@dataclasses.dataclass(frozen=True)
class Sentence:
    """Words with their labels.

    Attributes:
        words: protected health information.
        labels: one per word: O, B-TYPE or I-TYPE.
        document: identifier of the document; "" if unknown.
        patient: identifier of the patient; "" if unknown.
        offsets: (start, end) of each word in the document's text; () if unknown.
    """

    words: tuple[str, ...] = dataclasses.field(repr=False)
    labels: tuple[str, ...]
    document: str = ""
    patient: str = ""
    offsets: tuple[tuple[int, int], ...] = ()


def without_overlaps(document: Document, account: Account) -> list[Span]:
    """The spans that can be labels of words: in the order of the text, none over another.

    Of spans that overlap the one that begins first stays, of those that begin together the
    longest, of equal ones the first.
    """
    named = [
        (_without_white_space(document.text, span), span.annotation or f"span {number}")
        for number, span in enumerate(document.spans)
    ]
    kept: list[Span] = []
    for span, name in sorted(named, key=lambda item: (item[0].start, -item[0].end)):
        if span.start >= span.end:
            account.add("empty", document.note_id, name)
        elif kept and span.start < kept[-1].end:
            same = (span.start, span.end, span.label) == dataclasses.astuple(kept[-1])[:3]
            account.add("duplicate" if same else "overlapping", document.note_id, name)
        else:
            kept.append(span)
    return kept


def _without_white_space(text: str, span: Span) -> Span:
    inner = text[span.start : span.end]
    start = span.start + len(inner) - len(inner.lstrip())
    return dataclasses.replace(span, start=start, end=start + len(inner.strip()))


def document_sentences(
    document: Document, account: Account, rule: str = "whitespace"
) -> Iterator[Sentence]:
    """A document's lines as sentences.

    Words are divided at the ends of spans. Lines that a span runs over are one sentence, so that
    its entity stays whole. Lines without a word give none.

    Args:
        document: its spans lie in its text.
        account: receives what was dropped, and spans that end inside what is between white space.
        rule: one of texts.words.WORD_RULES.
    """
    spans = without_overlaps(document, account)
    cuts = {end for span in spans for end in (span.start, span.end)}
    for span in spans:
        if any(_inside_word(document.text, at) for at in (span.start, span.end)):
            account.add("split_word", document.note_id, span.annotation)
    following = 0
    for line_start, line_end in _lines(document.text, spans):
        words: list[tuple[int, int]] = []
        for start, end in split_words(document.text[line_start:line_end], rule):
            start, end = line_start + start, line_start + end
            inner = [at for at in range(start + 1, end) if at in cuts]
            words += itertools.pairwise([start, *inner, end])
        if not words:
            continue
        labels = []
        previous = -1
        for start, end in words:
            while following < len(spans) and spans[following].end <= start:
                following += 1
            if following < len(spans) and spans[following].start < end:
                label = spans[following].label
                labels.append(f"I-{label}" if previous == following else f"B-{label}")
                previous = following
            else:
                labels.append("O")
        yield Sentence(
            tuple(document.text[start:end] for start, end in words),
            tuple(labels),
            document.note_id,
            document.patient_id,
            tuple(words),
        )


def _inside_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and not text[at - 1].isspace() and not text[at].isspace()


def _lines(text: str, spans: list[Span]) -> Iterator[tuple[int, int]]:
    start, following = 0, 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        while following < len(spans) and spans[following].start < end:
            if spans[following].end > end:
                end = text.find("\n", spans[following].end)
                end = len(text) if end < 0 else end
            following += 1
        yield start, end
        start = end + 1


def sentence_spans(sentence: Sentence) -> list[Span]:
    """The entities of a sentence as spans of its document, by conlleval's rule.

    Raises:
        ValueError: the sentence has no offsets.
    """
    if len(sentence.offsets) != len(sentence.words):
        raise ValueError(
            f"Expected an offset for each of {len(sentence.words)} words, received "
            f"{len(sentence.offsets)}. Read the sentence from a document."
        )
    spans: list[Span] = []
    open_label = None
    for (start, end), label in zip(sentence.offsets, sentence.labels, strict=True):
        kind = label[2:]
        if label == "O":
            open_label = None
        elif label.startswith("B-") or open_label != kind:
            spans.append(Span(start, end, kind))
            open_label = kind
        else:
            spans[-1] = dataclasses.replace(spans[-1], end=end)
    return spans


def token_lines(sentences: Iterable[Sentence]) -> str:
    """One "token label" line per word and an empty line after every sentence."""
    parts = []
    for sentence in sentences:
        pairs = zip(sentence.words, sentence.labels, strict=True)
        parts += [f"{word} {label}\n" for word, label in pairs]
        parts.append("\n")
    return "".join(parts)


def write_sentences(path: str, sentences: list[Sentence]) -> None:
    """Writes a file of "token label" lines and, in a folder beside it, where each word comes from.

    The second file, see source_path, holds {"document", "patient", "offsets"} per sentence and no
    text; both have mode 0600.
    """
    sources = [
        json.dumps({"document": s.document, "patient": s.patient, "offsets": s.offsets})
        for s in sentences
    ]
    make_private_folder(os.path.dirname(source_path(path)))
    write_private(source_path(path), "".join(line + "\n" for line in sources))
    write_private(path, token_lines(sentences))


def source_path(path: str) -> str:
    """The file that says where the words of `path` come from: sources/NAME.jsonl beside it."""
    folder, name = os.path.split(path)
    return os.path.join(folder, "sources", f"{name}.jsonl")


def with_sources(path: str, sentences: list[Sentence]) -> list[Sentence]:
    """Adds documents, patients and offsets to sentences, if `path` was written with them.

    Raises:
        ValueError: the file beside `path` is about other sentences.
    """
    try:
        with open(source_path(path), encoding="utf-8") as file:
            sources = [json.loads(line) for line in file]
    except FileNotFoundError:
        return sentences
    # Sentences that came from columns have no offsets.
    if len(sources) != len(sentences) or any(
        len(source["offsets"]) not in (0, len(sentence.words))
        for source, sentence in zip(sources, sentences, strict=True)
    ):
        raise ValueError(
            f"{source_path(path)}: expected the words of {len(sentences)} sentences of {path}, "
            f"received those of {len(sources)} other sentences. Convert the release again, or "
            "remove the file."
        )
    return [
        dataclasses.replace(
            sentence,
            document=source["document"],
            patient=source["patient"],
            offsets=tuple(map(tuple, source["offsets"])),
        )
        for sentence, source in zip(sentences, sources, strict=True)
    ]
