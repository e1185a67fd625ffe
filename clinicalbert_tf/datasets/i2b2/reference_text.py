"""The reference's conversion of i2b2 2006 and 2010, faults included (`--rules=reference`).

Each fault is a row of the table in docs/entities.md.

Source: to_conll.py, split_train_dev.py and Reformat.ipynb of clinicalBERT (Alsentzer et al. 2019).
"""

import re
from collections.abc import Iterable

import numpy as np

from clinicalbert_tf.datasets.i2b2.concepts_2010 import Release, read_concepts
from clinicalbert_tf.datasets.release_files import ReleaseFile, decode

_MARKUP = tuple(f"<{slash}{name}" for slash in ("", "/") for name in ("RECORD", "TEXT", "ROOT>"))
_PHI = re.compile(r'<PHI TYPE="(\w+)">(.*?)</PHI>')
_MARK = "__phi__"
_LINE_END = re.compile("\r\n|\r|\n")
_TRAINING_FRACTION_2006 = 0.7
_TRAINING_FRACTION_2010 = 0.9
_SEED_2010 = 1


def source_lines(file: ReleaseFile) -> list[str]:
    """A file's lines without their ends; any of the three line ends."""
    lines = _LINE_END.split(decode(file.path, file.read()))
    return lines if lines[-1] else lines[:-1]


def token_lines_2006(file: ReleaseFile) -> str:
    """A file of records as token lines, an empty line behind every line of the source.

    Raises:
        ValueError: a PHI without a word, or its mark without a tag, at which the reference stops.
    """
    printed: list[str] = []
    for number, line in enumerate(source_lines(file), start=1):
        if line.startswith(_MARKUP):
            continue
        tags = iter(_PHI.findall(line))
        try:
            for word in _PHI.sub(_MARK, line).split():
                printed += _tokens_of_word(word, tags)
        except (StopIteration, ValueError):
            raise ValueError(
                f"{file.path}, line {number}: expected as many PHI with text as marks, received "
                "another number, at which the reference stops. Drop --rules=reference."
            ) from None
        printed.append("")
    return "".join(line + "\n" for line in printed)


def _tokens_of_word(word: str, tags) -> list[str]:
    if not (word.startswith(_MARK) or word.endswith(_MARK)):
        return [f"{word} O"]
    label, text = next(tags)
    first, *others = text.split()
    if word == _MARK:
        return [f"{first} B-{label}", *(f"{other} I-{label}" for other in others)]
    if word.startswith(_MARK):
        behind = word[len(_MARK) :]
        return [f"{first} B-{label}", f"{behind[behind[0] in '/-' :]} O"]
    return [f"{word[: -len(_MARK)]} O", f"{first} B-{label}"]


def split_2006(training: str) -> tuple[str, str]:
    """The first 70 percent of the sentences and the others, in order; no last line end."""
    sentences = training.strip().split("\n\n")
    cut = int(_TRAINING_FRACTION_2006 * len(sentences))
    return "\n\n".join(sentences[:cut]), "\n\n".join(sentences[cut:])


def records_2010(release: Release, part: str) -> dict[str, str]:
    """{note: its token lines} of one part, in the order of the names.

    Raises:
        ValueError: texts and concepts are not of the same notes, or a concept is not where it
            says, at which the reference stops.
    """
    notes = [{key[1] for key in of if key[0] == part} for of in (release.texts, release.concepts)]
    if notes[0] != notes[1]:
        raise ValueError(
            f"Expected .txt and .con files of the same notes in {part}, received "
            f"{len(notes[0] ^ notes[1])} notes with one of them only. Drop --rules=reference."
        )
    return {
        note: _record_2010(release.texts[part, note], release.concepts[part, note])
        for note in sorted(notes[0])
    }


def _record_2010(text_file: ReleaseFile, concept_file: ReleaseFile) -> str:
    lines = source_lines(text_file)
    words = [[w for w in line.strip().split(" ") if w.strip()] for line in lines]
    labels = [["O"] * len(of_line) for of_line in words]
    for concept in read_concepts(concept_file):
        try:
            _label_2010(lines, words, labels, concept)
        except (IndexError, AssertionError):
            raise ValueError(
                f"{concept_file.path}, concept at {concept.name}: expected its words there, "
                "received others, at which the reference stops. Drop --rules=reference."
            ) from None
    return "\n\n".join(
        "\n".join(f"{word} {label}" for word, label in zip(*pair, strict=True))
        for pair in zip(words, labels, strict=True)
    )


def _label_2010(lines, words, labels, concept) -> None:
    first, last = concept.start_line - 1, concept.end_line - 1
    indented = [line.startswith(" ") for line in lines]
    if first == last:
        span = slice(concept.start - indented[first], concept.end + 1 - indented[first])
        own = " ".join(w for w in concept.text.split(" ") if w.strip())
        if " ".join(words[first][span]).lower() != own:
            raise AssertionError
    for line in range(first, last + 1):
        start = concept.start - indented[line] if line == first else 0
        end = concept.end + 1 - indented[line] if line == last else len(words[line])
        if line == last:
            labels[line][end - 1] = f"I-{concept.label}"
        if line == first:
            labels[line][start] = f"B-{concept.label}"
        # On the first and last of several lines one word too few: the reference's fault.
        for place in range(start + 1, end - 1):
            labels[line][place] = f"I-{concept.label}"


def random_2010() -> np.random.RandomState:
    """The generator of the 2010 notebook."""
    return np.random.RandomState(_SEED_2010)


def split_notes_2010(
    notes: Iterable[str], random: np.random.RandomState
) -> tuple[list[str], list[str]]:
    """Nine of ten notes of one hospital, and the others; Partners' notes are drawn first."""
    permuted = random.permutation(sorted(notes)).tolist()
    cut = int(_TRAINING_FRACTION_2010 * len(permuted))
    return permuted[:cut], permuted[cut:]


def split_2010(release: Release, partners_only: bool = False) -> dict[str, str]:
    """The reference's train, dev and test files, its random calls made in its order.

    It takes the notes in the order of a set of file names, which differs from run to run; here
    they are in the order of their names.

    Args:
        release: the files.
        partners_only: without the notes of Beth Israel.
    """
    random = random_2010()
    records = {part: records_2010(release, part) for part in ("beth", "partners", "test")}
    train, dev = {}, {}
    for part in ("partners", "beth"):
        of_train, of_dev = split_notes_2010(records[part], random)
        train[part] = [records[part][note] for note in of_train]
        dev[part] = [records[part][note] for note in of_dev]

    def joined(texts: list[str]) -> str:
        return "\n\n".join(texts[place] for place in random.permutation(len(texts)))

    test = list(records["test"].values())
    merged = [train["partners"] + train["beth"], dev["partners"] + dev["beth"], test]
    partners = [train["partners"], dev["partners"], test]
    files = [joined(texts) for texts in merged]
    if partners_only:
        files = [joined(texts) for texts in partners]
    return dict(zip(("train", "dev", "test"), files, strict=True))
