"""Files of columns: a word in the first, its label in the last, an empty line between sentences."""

import re
from collections.abc import Iterable

from clinicalbert_tf.datasets.labelled_words import Sentence
from clinicalbert_tf.datasets.release_files import decode
from clinicalbert_tf.texts.tags import join_tag, split_tag

# Spaces and tabs only: other white space (a no-break space) can be part of a word.
_BLANKS = re.compile(r"[ \t]+")
# JNLPBA names its documents in lines of their own: ###MEDLINE:95369245.
_DOCUMENT_STARTS = re.compile(r"-DOCSTART-|###MEDLINE:[0-9]+")


def read_columns(source: str, data: bytes) -> list[Sentence]:
    """Reads a file of columns.

    Any number of columns, the same for all lines of a sentence; several empty lines count as one,
    and the last sentence needs none behind it. Lines of `-DOCSTART-` and `###MEDLINE:` begin a
    document.

    Args:
        source: the file, for messages.
        data: its bytes, UTF-8, with or without byte order mark and carriage returns.

    Raises:
        ValueError: a line has no label, another number of columns, or a label that is no tag;
            names file and line.
    """
    sentences: list[Sentence] = []
    words: list[str] = []
    labels: list[str] = []
    document, width = 0, 0

    def close() -> None:
        if words:
            name = f"document {document}" if document else ""
            sentences.append(Sentence(tuple(words), tuple(labels), name))
        words.clear()
        labels.clear()

    for number, line in enumerate(decode(source, data).split("\n"), start=1):
        line = line.strip(" \t\r")
        if not line:
            close()
            continue
        fields = _BLANKS.split(line)
        if _DOCUMENT_STARTS.fullmatch(fields[0]):
            close()
            document += 1
            continue
        if len(fields) < 2:
            raise ValueError(
                f"{source}, line {number}: expected a word and a label, received one column. "
                "Give every word a label (O outside entities)."
            )
        width = width if words else len(fields)
        if len(fields) != width:
            raise ValueError(
                f"{source}, line {number}: expected {width} columns as in the line before, "
                f"received {len(fields)}. Correct the line."
            )
        _check_tag(source, number, fields[-1])
        words.append(fields[0])
        labels.append(fields[-1])
    close()
    return sentences


def _check_tag(source: str, number: int, label: str) -> None:
    try:
        split_tag(label)
    except ValueError:
        raise ValueError(
            f"{source}, line {number}: expected O or a tag like B-TYPE in the last column, "
            f"received {len(label)} other characters. Correct the label."
        ) from None


def read_columns_as_the_reference(
    data: bytes, keep_last: bool = False, source: str = "the file"
) -> list[Sentence]:
    """Reads a file as the reference does, faults included.

    Lines are split at any white space; a line of one field is its own label; the last sentence is
    lost unless an empty line follows.

    Args:
        data: the file's bytes, UTF-8.
        keep_last: whether the last sentence is kept all the same; a byte order mark goes then.
        source: the file, for messages.

    Raises:
        ValueError: a label is no tag (the reference stops as well); names file and line.

    Source: DataProcessor._read_data of run_ner.py (Alsentzer et al. 2019).
    """
    lines = re.split("\r\n|\r|\n", data.decode("utf-8-sig" if keep_last else "utf-8"))
    if not lines[-1]:
        lines.pop()
    sentences: list[Sentence] = []
    words: list[str] = []
    labels: list[str] = []
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if fields:
            _check_tag(source, number, fields[-1])
            words.append(fields[0])
            labels.append(fields[-1])
        elif words:
            sentences.append(Sentence(tuple(words), tuple(labels)))
            words, labels = [], []
    if keep_last and words:
        sentences.append(Sentence(tuple(words), tuple(labels)))
    return sentences


def labels_found(sentences: Iterable[Sentence]) -> list[str]:
    """The labels of sentences in BIO: B- and I- of every type in order of appearance, then O."""
    types = dict.fromkeys(
        split_tag(label)[1] for s in sentences for label in s.labels if label != "O"
    )
    return [join_tag(prefix, kind) for kind in types for prefix in "BI"] + ["O"]
