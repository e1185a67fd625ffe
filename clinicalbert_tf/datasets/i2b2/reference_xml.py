"""The reference's conversion of i2b2 2012 and 2014, faults included (`--rules=reference`).

Each fault is a row of the table in docs/entities.md.

Source: Reformat.ipynb for 2012 and for 2014 of clinicalBERT (Alsentzer et al. 2019).
"""

import dataclasses
import itertools
from collections.abc import Iterable

import numpy as np

from clinicalbert_tf.datasets.i2b2.reference_text import source_lines
from clinicalbert_tf.datasets.release_files import ReleaseFile
from clinicalbert_tf.datasets.safe_xml import parse_xml

_OPENED, _CLOSED = "<TEXT><![CDATA[", "]]></TEXT>"
_DEV_FRACTION = 0.1


@dataclasses.dataclass(frozen=True)
class Rules:
    """What differs between the two notebooks.

    Attributes:
        element: the tags that are entities; None for all.
        type_attribute: where a tag's type stands.
        entities_in_text: whether `&apos;` and `&quot;` in the text are compared as written.
        corrections: whether two notes of 2014 are corrected by their file names.
        patient_digits: leading characters of a file's name that number the patient; None for all.
    """

    element: str | None
    type_attribute: str
    entities_in_text: bool
    corrections: bool
    patient_digits: int | None


RULES = {
    "i2b2_2012": Rules("EVENT", "type", True, False, None),
    "i2b2_2014": Rules(None, "TYPE", False, True, 3),
}


def sentences_of(file: ReleaseFile, rules: Rules, match_text: bool) -> list[str]:
    """A note's sentences as token lines.

    Args:
        file: the XML file.
        rules: those of its year.
        match_text: whether tags must agree with the text (training notes).

    Raises:
        ValueError: something at which the reference stops.
    """
    lines = _text_lines(file, rules)
    text = "".join(lines)
    labels = ["O"] * len(text)
    root, _ = parse_xml(file.path, file.read())
    containers = root.findall("TAGS")
    if len(containers) != 1:
        raise _stops(file, "", f"{len(containers)} TAGS elements")
    tags = containers[0] if rules.element is None else containers[0].findall(rules.element)
    for tag in tags:
        try:
            label, own = tag.attrib[rules.type_attribute], tag.attrib["text"]
            start, end = int(tag.attrib["start"]), int(tag.attrib["end"])
        except (KeyError, ValueError):
            raise _stops(file, tag.get("id", ""), "a tag without type, text or offsets") from None
        if not (0 <= start < len(text) and 1 <= end <= len(text)):
            raise _stops(file, tag.get("id", ""), f"offsets {start} and {end} of {len(text)}")
        covered = " ".join(text[start:end].split())
        if match_text and _own(own, covered, file, rules) != covered:
            raise _stops(file, tag.get("id", ""), "another text at its offsets")
        if rules.element and not label.strip():
            continue
        labels[end - 1] = f"I-{label}"
        labels[start] = f"B-{label}"
        for place in range(start + 1, end - 1):
            labels[place] = f"I-{label}"
    sentences, begin = [], 0
    for line in lines:
        words = _words(file, line, labels[begin : begin + len(line)])
        begin += len(line)
        if words:
            sentences.append("\n".join(f"{word} {label}" for word, label in words))
    return sentences


def _text_lines(file: ReleaseFile, rules: Rules) -> list[str]:
    kept: list[str] = []
    lines = [line + "\n" for line in source_lines(file)]
    if lines and not file.read().endswith((b"\n", b"\r")):
        lines[-1] = lines[-1][:-1]
    for line in lines:
        if _OPENED in line:
            kept.append(line.partition(_OPENED)[2])
        elif _CLOSED in line:
            kept.append(line.partition(_CLOSED)[0])
            break
        elif kept:
            corrected = rules.corrections and file.name == "180-03.xml"
            if corrected and "0808" in line and "Effingham" in line:
                line = line[:9] + " " * 4 + line[9:]
            kept.append(line)
    return kept


def _own(own: str, covered: str, file: ReleaseFile, rules: Rules) -> str:
    own = " ".join(own.split())
    if rules.entities_in_text:
        for sign, entity in (("'", "&apos;"), ('"', "&quot;")):
            if entity in covered and entity not in own:
                own = own.replace(sign, entity)
    if rules.corrections and file.name == "188-05.xml" and own == "Johnson and Johnson":
        return "Johnson & Johnson"
    return own


def _words(file: ReleaseFile, line: str, labels: list[str]) -> list[tuple[str, str]]:
    """The words of a line, divided where labelled characters begin and end."""
    if set(labels) <= {"O"}:
        return [(word, "O") for word in line.split()]
    cuts = [0]
    for place in range(len(line) - 1):
        if labels[place] == "O":
            continue
        if place and labels[place - 1] == "O":
            cuts.append(place)
        following = labels[place + 1]
        if following == "O" or following[2:] != labels[place][2:]:
            cuts.append(place + 1)
    pairs = []
    for begin, end in zip(cuts, [*cuts[1:], len(line)], strict=True):
        chunk = labels[begin:end]
        if not chunk or ("O" in chunk and set(chunk) != {"O"}):
            raise _stops(file, "", "an entity of one character at the end of the text")
        words = line[begin:end].split()
        of_words = [chunk[0], *chunk[1:2] * (len(words) - 2), chunk[-1]][: max(len(words), 1)]
        if len(words) > 1:
            of_words[-1] = chunk[-1]
        if chunk[0] == "O":
            of_words = ["O"] * len(words)
        pairs += zip(words, of_words, strict=False)
    return pairs


def _stops(file: ReleaseFile, annotation: str, received: str) -> ValueError:
    return ValueError(
        f"{file.path}{annotation and ', ' + annotation}: received {received}, at which the "
        "reference stops. Drop --rules=reference."
    )


def split_xml(
    train_files: list[ReleaseFile], test_files: list[ReleaseFile], rules: Rules, seed: int
) -> dict[str, str]:
    """The reference's train, dev and test files: nine of ten patients train.

    The notebooks set no seed; here it is given, and patients are in the order of their numbers.
    """
    train, test = (
        _by_patient(files, rules, match_text=files is train_files)
        for files in (train_files, test_files)
    )
    of_train, of_dev = split_patients(train, seed)
    parts = {
        "train": [train[patient] for patient in of_train],
        "dev": [train[patient] for patient in of_dev],
        "test": [test[patient] for patient in sorted(test)],
    }
    return {
        name: "\n\n".join(itertools.chain.from_iterable(of_part)) for name, of_part in parts.items()
    }


def split_patients(patients: Iterable[int], seed: int) -> tuple[list[int], list[int]]:
    """Nine of ten patients, and the others."""
    permuted = np.random.RandomState(seed).permutation(sorted(patients)).tolist()
    cut = int(len(permuted) * (1 - _DEV_FRACTION))
    return permuted[:cut], permuted[cut:]


def _by_patient(files: list[ReleaseFile], rules: Rules, match_text: bool) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for file in files:
        number = file.stem[: rules.patient_digits]
        if not number.isdecimal():
            raise _stops(file, "", "a file name that does not begin with the patient's number")
        found.setdefault(int(number), []).extend(sentences_of(file, rules, match_text))
    return found
