"""i2b2/VA 2010: notes of lines and words, concepts by line and word number, assertions."""

import dataclasses
import itertools
import re
from collections.abc import Iterator

from clinicalbert_tf.datasets.documents import Account, Document, Span
from clinicalbert_tf.datasets.release_files import ReleaseFile, decode

_LINE = re.compile(
    r'c="(?P<text>.*)" (?P<start_line>\d+):(?P<start>\d+) (?P<end_line>\d+):(?P<end>\d+)'
    r'\|\|t="(?P<label>[^"]*)"(?:\|\|a="(?P<assertion>[^"]*)")?'
)
_WORD = re.compile(r"\S+")


@dataclasses.dataclass(frozen=True)
class Concept:
    """One line of a .con or .ast file: lines count from 1, words from 0, the end inclusive.

    Attributes:
        name: document:line, the line of the note.
        text: the concept's words in lower case.
        assertion: "" in .con files.
    """

    name: str
    text: str = dataclasses.field(repr=False)
    start_line: int
    start: int
    end_line: int
    end: int
    label: str
    assertion: str = ""


@dataclasses.dataclass(frozen=True)
class Release:
    """The files of a release by part ("beth", "partners", "test") and note.

    Attributes:
        texts, concepts, assertions: {(part, note): file}.
    """

    texts: dict[tuple[str, str], ReleaseFile]
    concepts: dict[tuple[str, str], ReleaseFile]
    assertions: dict[tuple[str, str], ReleaseFile]


def sort_files(files: list[ReleaseFile], account: Account) -> Release:
    """Sorts a release's files; what is not annotated is skipped and counted."""
    kinds = {"txt": {}, "con": {}, "ast": {}}
    for file in files:
        kind = file.name.rpartition(".")[2].lower()
        if kind not in kinds:
            continue
        if file.below("unannotated"):
            account.skipped["in a folder of notes without annotations"] += 1
        elif (part := _part(file)) is None:
            account.skipped["in no folder of the 2010 release"] += 1
        else:
            kinds[kind].setdefault((part, file.stem), file)
    return Release(kinds["txt"], kinds["con"], kinds["ast"])


def _part(file: ReleaseFile) -> str | None:
    if file.below("test_data"):
        return "test"
    for part in ("beth", "partners"):
        if any(folder.lower() == part for folder in file.parts[:-1]):
            return part
    return None


def read_concepts(file: ReleaseFile) -> list[Concept]:
    """Reads a .con or .ast file.

    Raises:
        ValueError: a line is not one concept; names file and line.
    """
    concepts = []
    for number, line in enumerate(decode(file.path, file.read()).split("\n"), start=1):
        line = line.strip()
        if not line:
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(
                f'{file.path}, line {number}: expected c="..." LINE:WORD LINE:WORD||t="...", '
                "received another line. Correct it."
            )
        start_line, start, end_line, end = (
            int(match[name]) for name in ("start_line", "start", "end_line", "end")
        )
        name = f"{file.stem}:{start_line}"
        assertion = match["assertion"] or ""
        concepts.append(
            Concept(
                name, match["text"], start_line, start, end_line, end, match["label"], assertion
            )
        )
    return concepts


def read_documents(release: Release, part: str, account: Account) -> Iterator[Document]:
    """The notes of one part that have concepts, in the order of their names."""
    for key in sorted(release.concepts):
        if key[0] == part and key not in release.texts:
            account.add("without_document", key[1], ".con file")
    for key, file in sorted(release.texts.items()):
        if key[0] != part:
            continue
        if key not in release.concepts:
            account.skipped["note without a .con file"] += 1
            continue
        text = decode(file.path, file.read())
        lines = Lines(text)
        spans = []
        for concept in read_concepts(release.concepts[key]):
            place = lines.find(concept)
            if place is None:
                account.add("misaligned", key[1], concept.name)
                continue
            start, end, moved = place
            if moved:
                account.add("moved", key[1], concept.name)
            spans.append(Span(start, end, concept.label, concept.name))
        yield Document(key[1], text, tuple(spans))


class Lines:
    """The lines of a note, for finding concepts in it.

    The releases count words in more than one way where a line has leading or double spaces: by
    white space, or by single spaces with empty words between them. A position counts if the words
    there are the concept's own; if no counting gives that, the concept is looked for in its line.

    Args:
        text: the note.
    """

    def __init__(self, text: str):
        self._text = text
        self._lines: list[tuple[int, int]] = []
        start = 0
        for line in text.split("\n"):
            self._lines.append((start, start + len(line.rstrip("\r"))))
            start += len(line) + 1

    def find(self, concept: Concept) -> tuple[int, int, bool] | None:
        """Where a concept stands, or None.

        Returns:
            start and end in characters, and whether they were found by the text alone.
        """
        wanted = _plain(concept.text)
        if not wanted or not 1 <= concept.start_line <= concept.end_line <= len(self._lines):
            return None
        for count in (self._by_white_space, self._by_single_spaces, self._one_less_if_indented):
            first, last = count(concept.start_line), count(concept.end_line)
            if concept.start < len(first) and concept.end < len(last):
                start, end = first[concept.start][0], last[concept.end][1]
                if start < end and _plain(self._text[start:end]) == wanted:
                    return start, end, False
        return self._by_text(concept, wanted)

    def _by_white_space(self, line: int) -> list[tuple[int, int]]:
        start, end = self._lines[line - 1]
        return [match.span() for match in _WORD.finditer(self._text, start, end)]

    def _by_single_spaces(self, line: int) -> list[tuple[int, int]]:
        start, end = self._lines[line - 1]
        words = self._text[start:end].split(" ")
        ends = itertools.accumulate(len(word) + 1 for word in words)
        return [
            (start + to - 1 - len(word), start + to - 1)
            for word, to in zip(words, ends, strict=True)
        ]

    def _one_less_if_indented(self, line: int) -> list[tuple[int, int]]:
        start, _ = self._lines[line - 1]
        words = self._by_white_space(line)
        return [(start, start), *words] if self._text[start : start + 1] == " " else words

    def _by_text(self, concept: Concept, wanted: str) -> tuple[int, int, bool] | None:
        start = self._lines[concept.start_line - 1][0]
        end = self._lines[concept.end_line - 1][1]
        words = list(_WORD.finditer(self._text, start, end))
        size = len(wanted.split())
        places = [
            (words[i].start(), words[i + size - 1].end())
            for i in range(len(words) - size + 1)
            if " ".join(word.group().lower() for word in words[i : i + size]) == wanted
        ]
        # Found twice, it cannot be told which one is meant.
        return (*places[0], True) if len(places) == 1 else None


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
