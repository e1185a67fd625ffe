r"""Relations of i2b2/VA 2010 from the raw release: pairs of concepts in one sentence.

The release, as n2c2 gives it (unpacked):

    concept_assertion_relation_training_data/{beth,partners}/{txt,concept,rel}/ID.{txt,con,rel}
    reference_standard_for_test_data/{concepts,rel}/ID.{con,rel}
    test_data/ID.txt

Source of the rules: BLUE (Peng et al. 2019), create_i2b2_bert.py: candidates are all pairs of
concepts of one line in the order of the .con file, a pair with two relations gives two examples,
one without any gives "false".
"""

import dataclasses
import itertools
import os
import re
from collections import defaultdict
from collections.abc import Iterator

from clinicalbert_tf.datasets.classification.catalogue import I2B2_2010_RELATIONS
from clinicalbert_tf.datasets.classification.examples import Example, Split
from clinicalbert_tf.datasets.classification.relation_texts import (
    ENTITY_FORMS,
    Entity,
    show_entities,
)
from clinicalbert_tf.datasets.classification.settings import CANDIDATES, DataSettings
from clinicalbert_tf.datasets.classification.splitting import parse_fractions, split_examples
from clinicalbert_tf.datasets.table_files import TableError
from clinicalbert_tf.datasets.table_format import RowCounts

_TRAINING = "concept_assertion_relation_training_data"
_STANDARD = "reference_standard_for_test_data"
_CONCEPT = re.compile(r'c="(.*)" (\d+):(\d+) (\d+):(\d+)\|\|t="(.*?)"')
_RELATION = re.compile(
    r'c="(.*)" (\d+):(\d+) (\d+):(\d+)\|\|r="(.*?)"\|\|c="(.*)" (\d+):(\d+) (\d+):(\d+)'
)
_TYPES = ("problem", "test", "treatment")
_FOLDERS = ("txt", "concept", "rel")
_DEV_FRACTION = 0.1


@dataclasses.dataclass(frozen=True)
class _Concept:
    line: int
    first: int
    last: int
    kind: str
    number: int


def read_splits(settings: DataSettings) -> dict[str, Split]:
    """Reads the raw release.

    Args:
        settings: data_dir, entity_form, candidates; do_split and split_seed for the dev split,
            which the release lacks: whole documents, a tenth of them unless do_split says else.

    Returns:
        {"train", "dev", "test"}; without "test" if the reference standard is not there.

    Raises:
        FileNotFoundError: the folders are not there.
        TableError: an annotation is not as expected; names file and line.
        ValueError: a setting is unknown.
    """
    for name, value, known in (
        ("entity_form", settings.entity_form, ENTITY_FORMS),
        ("candidates", settings.candidates, CANDIDATES),
    ):
        if value not in known:
            raise ValueError(f"Expected --{name} to be {' or '.join(known)}, received {value!r}.")
    root = _root(settings.data_dir)
    training = Split("train", os.path.join(root, _TRAINING), [])
    for source in ("beth", "partners"):
        folder = os.path.join(root, _TRAINING, source)
        if os.path.isdir(folder):
            _read_folder(training, *(os.path.join(folder, n) for n in _FOLDERS), settings)
    splits = _with_dev(training, settings)
    standard = os.path.join(root, _STANDARD)
    if os.path.isdir(standard):
        test = Split("test", standard, [])
        concepts = os.path.join(standard, "concepts")
        if not os.path.isdir(concepts):
            concepts = os.path.join(standard, "concept")
        texts = os.path.join(root, "test_data")
        if not os.path.isdir(texts):
            texts = os.path.join(standard, "txt")
        _read_folder(test, texts, concepts, os.path.join(standard, "rel"), settings)
        splits["test"] = test
    return splits


def _root(data_dir: str) -> str:
    for folder in (data_dir, *sorted(_subfolders(data_dir))):
        if os.path.isdir(os.path.join(folder, _TRAINING)):
            return folder
    raise FileNotFoundError(
        f"Expected the folder {_TRAINING} in {data_dir} or one folder below it, found none. Unpack "
        "the three archives of the 2010 release there."
    )


def _subfolders(folder: str) -> Iterator[str]:
    if os.path.isdir(folder):
        with os.scandir(folder) as entries:
            yield from (entry.path for entry in entries if entry.is_dir())


def _with_dev(training: Split, settings: DataSettings) -> dict[str, Split]:
    fractions = (1 - _DEV_FRACTION, _DEV_FRACTION, 0.0)
    if settings.do_split:
        fractions = parse_fractions(settings.do_split)
    places = split_examples(training.examples, fractions, settings.split_seed)
    return {
        name: dataclasses.replace(
            training,
            name=name,
            examples=[training.examples[place] for place in chosen],
            counts=training.counts if name == "train" else [],
            notices=training.notices if name == "train" else [],
        )
        for name, chosen in places.items()
    }


def _read_folder(
    split: Split, texts: str, concepts: str, relations: str, settings: DataSettings
) -> None:
    """Adds the examples of all documents of a folder, by their names."""
    if not os.path.isdir(texts) or not os.path.isdir(concepts) or not os.path.isdir(relations):
        missing = [f for f in (texts, concepts, relations) if not os.path.isdir(f)]
        raise FileNotFoundError(
            f"Expected the folders of texts, concepts and relations, found none at "
            f"{' and '.join(missing)}. Unpack all archives of the 2010 release."
        )
    counts = RowCounts(texts)
    left_out = defaultdict(int)
    for name in sorted(os.listdir(texts)):
        if not name.endswith(".txt") or name.startswith("."):
            continue
        document = name.removesuffix(".txt")
        made = _document_examples(
            document,
            os.path.join(texts, name),
            os.path.join(concepts, document + ".con"),
            os.path.join(relations, document + ".rel"),
            settings,
            left_out,
        )
        split.examples += made
        counts.rows += len(made)
    split.counts.append(counts)
    split.notices += [f"{texts}: {count:,} {what}" for what, count in sorted(left_out.items())]


def _document_examples(document, text_path, concept_path, relation_path, settings, left_out):
    with open(text_path, encoding="utf-8-sig", newline="\n") as file:
        lines = file.read().split("\n")
    concepts = list(_read_concepts(concept_path, lines, left_out))
    labels = _read_relations(relation_path, concepts, left_out)
    examples = []
    for first, second in itertools.combinations(concepts, 2):
        if first.line != second.line:
            continue
        key = frozenset((first.number, second.number))
        possible = "problem" in (first.kind, second.kind)
        if settings.candidates == "possible" and not possible and key not in labels:
            continue
        line = lines[first.line - 1]
        text = show_entities(
            line, _entity(line, first), _entity(line, second), settings.entity_form
        )
        for place, label in enumerate(labels.pop(key, ["false"])):
            example_id = f"{document}.l{first.number}.l{second.number}" + f".{place}" * (place > 0)
            examples.append(Example(example_id, text, None, label, document, first.line))
    if labels:
        left_out["relations between concepts of two lines"] += sum(map(len, labels.values()))
    return examples


def _words(line: str) -> list[tuple[int, int]]:
    spans = [match.span() for match in re.finditer(r"\S+", line)]
    # A line that begins with a space counts an empty word first.
    return [(0, 0), *spans] if line[:1].isspace() else spans


def _entity(line: str, concept: _Concept) -> Entity:
    words = _words(line)
    return Entity(words[concept.first][0], words[concept.last][1], concept.kind)


def _read_concepts(path: str, lines: list[str], left_out) -> Iterator[_Concept]:
    for number, annotation in _annotations(path):
        match = _CONCEPT.match(annotation)
        if match is None:
            raise _not_as_expected(path, number, 'c="TEXT" LINE:WORD LINE:WORD||t="TYPE"')
        first_line, first, last_line, last = map(int, match.group(2, 3, 4, 5))
        if first_line != last_line:
            left_out["concepts over several lines"] += 1
            continue
        if match.group(6) not in _TYPES:
            raise _not_as_expected(path, number, f"a type of {', '.join(_TYPES)}")
        _check_words(path, number, lines, first_line, first, last)
        yield _Concept(first_line, first, last, match.group(6), number - 1)


def _read_relations(path: str, concepts: list[_Concept], left_out) -> dict[frozenset, list[str]]:
    by_place = {(c.line, c.first, c.last): c.number for c in reversed(concepts)}
    labels: dict[frozenset, list[str]] = {}
    for number, annotation in _annotations(path):
        match = _RELATION.match(annotation)
        if match is None:
            raise _not_as_expected(path, number, 'c="..." L:W L:W||r="TYPE"||c="..." L:W L:W')
        if match.group(6) not in I2B2_2010_RELATIONS[:-1]:
            raise _not_as_expected(path, number, f"one of {', '.join(I2B2_2010_RELATIONS[:-1])}")
        ends = []
        for group in (2, 8):
            line, first, last_line, last = map(int, match.group(*range(group, group + 4)))
            ends.append(by_place.get((line, first, last)) if line == last_line else None)
        if None in ends or ends[0] == ends[1]:
            left_out["relations with an unknown concept"] += 1
            continue
        of_pair = labels.setdefault(frozenset(ends), [])
        if match.group(6) not in of_pair:
            of_pair.append(match.group(6))
    return labels


def _annotations(path: str) -> Iterator[tuple[int, str]]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            yield from ((n, line.strip()) for n, line in enumerate(file, 1) if line.strip())
    except FileNotFoundError:
        raise FileNotFoundError(
            f"Expected the annotations of a document at {path}, found none. Unpack the release "
            "again."
        ) from None


def _check_words(path, number, lines, line, first, last) -> None:
    words = _words(lines[line - 1]) if 0 < line <= len(lines) else []
    if not 0 <= first <= last < len(words):
        raise TableError(
            f"{path}, line {number}: expected words of line {line} of the text, which has "
            f"{len(words)} words, received {first} to {last}. Check that text and annotations are "
            "of the same release."
        )


def _not_as_expected(path: str, number: int, expected: str) -> TableError:
    return TableError(
        f"{path}, line {number}: expected {expected}, received something else. Unpack the release "
        "again."
    )
