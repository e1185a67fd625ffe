"""A data set's examples, checked: what every classification command begins with."""

import dataclasses
import importlib
from collections.abc import Sequence

from clinicalbert_tf.datasets.classification import own_tables
from clinicalbert_tf.datasets.classification.catalogue import DatasetSpec
from clinicalbert_tf.datasets.classification.example_checks import Finding, check_examples
from clinicalbert_tf.datasets.classification.example_files import read_split
from clinicalbert_tf.datasets.classification.examples import SPLITS, Split
from clinicalbert_tf.datasets.classification.labels import (
    check_labels,
    find_labels,
    unify_spellings,
)
from clinicalbert_tf.datasets.classification.section_texts import keep_sections
from clinicalbert_tf.datasets.classification.settings import DataSettings
from clinicalbert_tf.datasets.classification.splitting import parse_fractions, split_examples
from clinicalbert_tf.datasets.classification.text_store import TextStore
from clinicalbert_tf.datasets.released_folders import find_file, require_file
from clinicalbert_tf.texts.note_sections import section_kinds

# Those that take a TextStore.
_READERS_OF_LONG_TEXTS = ("mortality", "mtsamples", "readmission_files")


@dataclasses.dataclass(frozen=True)
class LabelledData:
    """A data set ready to train on.

    Attributes:
        spec: what it is.
        problem_type: "single", "multi" or "regression".
        labels: in the order of their ids; () for regression.
        splits: {"train", "dev", "test"}, those that are there, in this order.
        findings: what looks wrong, as counted warnings.
        assignment: {split: ids} if --do_split divided one file, else None.
        sections: the kinds of section that texts were restricted to; () for whole texts.
        without_section: {split: ids of texts that have no such section}.
    """

    spec: DatasetSpec
    problem_type: str
    labels: tuple[str, ...]
    splits: dict[str, Split]
    findings: list[Finding]
    assignment: dict[str, list[str]] | None = None
    sections: tuple[str, ...] = ()
    without_section: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    @property
    def is_pair(self) -> bool:
        """Whether the examples are pairs of texts."""
        return self.splits["train"].examples[0].text_b is not None

    @property
    def counted_labels(self) -> tuple[str, ...]:
        """The classes that the F1 figures count."""
        return self.spec.counted_labels or self.labels


def read_dataset(
    spec: DatasetSpec, settings: DataSettings, texts: TextStore | None = None
) -> LabelledData:
    """Reads a data set and checks it.

    Args:
        spec: which one.
        settings: where it is, and how to read it.
        texts: where long texts are kept; None for memory.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a file cannot be read, a label is unknown or has two spellings, a split is
            empty, or examples overlap and that is forbidden; names file and line.
    """
    kinds = section_kinds(settings.sections)
    splits = _read(spec, settings, texts)
    problem_type = settings.problem_type or spec.problem_type
    assignment = None
    if settings.do_split and spec.reader in ("", "own_tables"):
        splits, assignment = _divided(splits, settings)
    ordered = [splits[name] for name in SPLITS if name in splits]
    ordered = unify_spellings(ordered, settings.join_label_spellings)
    findings = check_examples(ordered, settings.forbid_overlap)
    without: dict[str, list[str]] = {}
    if kinds:
        ordered, missing, without = keep_sections(ordered, kinds)
        findings += missing
    labels: Sequence[str] = ()
    if problem_type != "regression":
        labels = spec.labels or find_labels(ordered[0])
        check_labels(ordered, labels)
    return LabelledData(
        spec,
        problem_type,
        tuple(labels),
        {s.name: s for s in ordered},
        findings,
        assignment,
        kinds,
        without,
    )


def _read(spec: DatasetSpec, settings: DataSettings, texts: TextStore | None) -> dict[str, Split]:
    if spec.reader == "own_tables":
        return own_tables.read_splits(spec.name, settings, texts)
    if not settings.data_dir:
        raise ValueError(
            f"Expected the folder of {spec.name}, received none. Name it with --data_dir."
        )
    if spec.reader:
        # One module a raw release, loaded if it is asked for.
        reader = importlib.import_module(f"clinicalbert_tf.datasets.classification.{spec.reader}")
        more = [texts] if spec.reader in _READERS_OF_LONG_TEXTS else []
        return reader.read_splits(settings, *more)
    splits = {}
    for name, file in spec.files.items():
        if file.required:
            path, member = require_file(settings.data_dir, file.names, f"{spec.name}'s {name} file")
        elif (found := find_file(settings.data_dir, file.names)) is None:
            continue
        else:
            path, member = found
        splits[name] = read_split(name, path, file.columns, file.table_format, member, texts)
    return splits


def _divided(splits: dict[str, Split], settings: DataSettings):
    """Divides the training file by --do_split; files for dev and test stay what they are."""
    fractions = parse_fractions(settings.do_split)
    train = splits["train"]
    chosen = split_examples(train.examples, fractions, settings.split_seed)
    clash = [name for name in chosen if name != "train" and name in splits]
    if clash:
        raise ValueError(
            f"Expected --do_split to make {' and '.join(clash)}, received a file for it too. Drop "
            "the file, or give that split the fraction 0."
        )
    divided = {
        name: dataclasses.replace(
            train,
            name=name,
            examples=[train.examples[place] for place in places],
            counts=train.counts if name == "train" else [],
        )
        for name, places in chosen.items()
    }
    assignment = {name: [e.id for e in split.examples] for name, split in divided.items()}
    return {**splits, **divided}, assignment
