"""Every classification data set by name: layout, labels, metric, classes that count, split rule."""

import dataclasses
from collections.abc import Callable

from clinicalbert_tf.datasets.classification.example_files import ColumnLayout
from clinicalbert_tf.datasets.table_format import TableFormat

I2B2_2010_RELATIONS = ("PIP", "TeCP", "TeRP", "TrAP", "TrCP", "TrIP", "TrNAP", "TrWP", "false")
_NLI = ("contradiction", "entailment", "neutral")
_BINARY = ("0", "1")
_CHEMPROT = ("CPR:3", "CPR:4", "CPR:5", "CPR:6", "CPR:9", "false")
_DDI = ("DDI-advise", "DDI-effect", "DDI-int", "DDI-mechanism", "DDI-false")


@dataclasses.dataclass(frozen=True)
class SplitFile:
    """Where one split stands and how it is written.

    Attributes:
        names: names the file may have.
        columns: which column is what.
        table_format: how the file is written.
        required: whether the split must be there.
    """

    names: tuple[str, ...]
    columns: ColumnLayout
    table_format: TableFormat
    required: bool = False


@dataclasses.dataclass(frozen=True)
class DatasetSpec:
    """A data set.

    Attributes:
        name: what --task_name says.
        title: one line about it.
        files: {split: SplitFile}; empty if `reader` reads it.
        reader: module of datasets.classification whose `read_splits` reads a raw release, or "".
        labels: its labels in the reference's order of ids; None to find them in the training file.
        problem_type: "single", "multi", "regression", or None if a flag says it.
        metric: the figure that the best checkpoint is chosen by on dev, a key of metrics.json.
        counted_labels: the classes that f1_micro and f1_macro count; None for all. A class such as
            "false" never counts, whatever the test file holds.
        reference_test_label: the label that the reference writes into every test record because it
            never reads the real one; None if it does.
        split_rule: how train, dev and test come about if the release does not say.
        is_pair: whether the examples are pairs of texts; flags say it for tables of your own.
    """

    name: str
    title: str
    files: dict[str, SplitFile] = dataclasses.field(default_factory=dict)
    reader: str = ""
    labels: tuple[str, ...] | None = None
    problem_type: str | None = "single"
    metric: str = "accuracy"
    counted_labels: tuple[str, ...] | None = None
    reference_test_label: str | None = None
    split_rule: str = "as released"
    is_pair: bool = False


def _unquoted(*header: str, columns: tuple[str, ...] | None = None) -> TableFormat:
    return TableFormat(
        "tsv",
        columns=columns,
        expected_header=header or None,
        quoted=False,
        ignore_more=True,
    )


def _mednli(split: str) -> SplitFile:
    columns = ColumnLayout(
        "sentence1", "sentence2", "gold_label", id="pairID", group_by_text_a=True
    )
    if split == "test":
        columns = dataclasses.replace(columns, label_is_optional=True)
    return SplitFile((f"mli_{split}_v1.jsonl",), columns, TableFormat("jsonl"), split == "train")


def _mnli(names: tuple[str, ...], labelled: bool) -> SplitFile:
    columns = ColumnLayout(
        "sentence1", "sentence2", "gold_label", id="index", label_is_optional=not labelled
    )
    return SplitFile(names, columns, _unquoted("index", "promptID", "pairID"), labelled)


def _mrpc(split: str) -> SplitFile:
    columns = ColumnLayout("#1 String", "#2 String", "Quality", label_is_optional=split == "test")
    # GLUE's test file has "index" where the others have the label; other copies are labelled.
    layout = _unquoted() if split == "test" else _unquoted("Quality", "#1 ID", "#2 ID")
    return SplitFile((f"{split}.tsv",), columns, layout, split == "train")


def _cola(split: str) -> SplitFile:
    if split == "test":
        columns = ColumnLayout("sentence", label="label", id="index", label_is_optional=True)
        return SplitFile(("test.tsv",), columns, _unquoted("index", "sentence"))
    layout = _unquoted(columns=("source", "label", "original", "sentence"))
    return SplitFile(
        (f"{split}.tsv",), ColumnLayout("sentence", label="label"), layout, split == "train"
    )


def _biobert(split: str) -> SplitFile:
    """BioBERT's relation files: train and dev without a header, test with one."""
    if split == "test":
        return _bluebert(split)
    layout = _unquoted(columns=("sentence", "label"))
    return SplitFile(
        (f"{split}.tsv",), ColumnLayout("sentence", label="label"), layout, split == "train"
    )


def _bluebert(split: str) -> SplitFile:
    """BlueBERT's relation files: a header in all three."""
    columns = ColumnLayout("sentence", label="label", id="index", label_is_optional=split == "test")
    return SplitFile((f"{split}.tsv",), columns, _unquoted("index", "sentence"), split == "train")


def _three(file_of: Callable[[str], SplitFile]) -> dict[str, SplitFile]:
    return {split: file_of(split) for split in ("train", "dev", "test")}


def _relations(
    name: str, title: str, file_of: Callable, labels: tuple[str, ...], negative: str
) -> DatasetSpec:
    """Relations: micro F1 over all but the negative class; of two classes, F1 of the positive."""
    binary = len(labels) == 2
    return DatasetSpec(
        name,
        title,
        _three(file_of),
        labels=labels,
        metric="f1" if binary else "f1_micro",
        counted_labels=None if binary else tuple(one for one in labels if one != negative),
        reference_test_label=negative,
    )


def _table(kind: str) -> DatasetSpec:
    return DatasetSpec(
        kind,
        f"your own {kind} file, by the names of its columns",
        reader="own_tables",
        problem_type=None,
        metric="f1_macro",
        split_rule="--do_split",
    )


_SPECS = (
    DatasetSpec(
        "mednli",
        "MedNLI 1.0.0 (PhysioNet): does a clinical sentence follow from another",
        _three(_mednli),
        labels=_NLI,
        is_pair=True,
    ),
    DatasetSpec(
        "mnli",
        "MultiNLI as released by GLUE; dev and test are the matched ones",
        {
            "train": _mnli(("train.tsv",), True),
            "dev": _mnli(("dev_matched.tsv",), True),
            "test": _mnli(("test_matched.tsv",), False),
        },
        labels=_NLI,
        is_pair=True,
    ),
    DatasetSpec("mrpc", "paraphrases (GLUE)", _three(_mrpc), labels=_BINARY, is_pair=True),
    DatasetSpec("cola", "acceptable sentences (GLUE)", _three(_cola), labels=_BINARY),
    _relations("gad", "gene-disease relations, BioBERT's files", _biobert, _BINARY, "0"),
    _relations("euadr", "gene-disease relations, BioBERT's files", _biobert, _BINARY, "0"),
    _relations("gad_blurb", "gene-disease relations, BLURB's files", _bluebert, _BINARY, "0"),
    _relations(
        "chemprot",
        "chemical-protein relations, BioBERT's files",
        _biobert,
        tuple(label.lower() for label in _CHEMPROT),
        "false",
    ),
    _relations(
        "bluebert_chemprot",
        "chemical-protein relations, BlueBERT's files",
        _bluebert,
        _CHEMPROT,
        "false",
    ),
    _relations("ddi", "drug-drug relations, BlueBERT's files", _bluebert, _DDI, "DDI-false"),
    _relations(
        "bluebert_i2b2_2010",
        "i2b2 2010 relations, BlueBERT's files",
        _bluebert,
        I2B2_2010_RELATIONS,
        "false",
    ),
    DatasetSpec(
        "i2b2_2010_relations",
        "i2b2/VA 2010 relations from the raw release (n2c2)",
        reader="i2b2_relations",
        labels=I2B2_2010_RELATIONS,
        metric="f1_micro",
        counted_labels=I2B2_2010_RELATIONS[:-1],
        split_rule="a tenth of the training documents is dev",
    ),
    DatasetSpec(
        "mortality",
        "death in hospital from the first notes of an admission, MIMIC-III or -IV",
        reader="mortality",
        labels=_BINARY,
        metric="auroc",
        split_rule="by patient, 0.8,0.1,0.1",
    ),
    DatasetSpec(
        "covid_question_pairs",
        "COVID-19 questions with the same meaning or not (deepset); one file",
        {
            "train": SplitFile(
                ("eval_question_similarity_en.csv",),
                ColumnLayout("question_1", "question_2", "similar", group="question_1"),
                TableFormat("csv"),
                required=True,
            )
        },
        labels=_BINARY,
        is_pair=True,
        split_rule="--do_split, by first question",
    ),
    DatasetSpec(
        "phee",
        "type of the events in a case report's sentence (Sun et al. 2022)",
        reader="phee",
        labels=("Adverse_event", "Potential_therapeutic_event"),
        metric="f1_macro",
    ),
    DatasetSpec(
        "bioasq_yesno",
        "BioASQ B, yes/no questions and their snippets",
        reader="bioasq_yesno",
        labels=("yes", "no"),
        metric="f1_macro",
        is_pair=True,
    ),
    DatasetSpec(
        "pubmedqa",
        "question and abstract: yes, no or maybe (Jin et al. 2019)",
        reader="pubmedqa",
        labels=("yes", "no", "maybe"),
        is_pair=True,
    ),
    DatasetSpec(
        "readmission",
        "unplanned return within 30 days from an admission's notes (Huang et al. 2019)",
        reader="readmission_files",
        labels=_BINARY,
        metric="auroc",
        split_rule="by patient, as python -m clinicalbert_tf.datasets.readmission made it",
    ),
    DatasetSpec(
        "diagnosis",
        "ICD codes of an admission from its discharge summary",
        reader="readmission_files",
        problem_type="multi",
        metric="f1_micro",
        split_rule="by patient, as python -m clinicalbert_tf.datasets.diagnosis made it",
    ),
    DatasetSpec("mtsamples", "specialty of a transcribed report", reader="mtsamples"),
    *(_table(kind) for kind in ("csv", "tsv", "jsonl", "parquet")),
)  # fmt: skip
CATALOGUE: dict[str, DatasetSpec] = {spec.name: spec for spec in _SPECS}


def find_dataset(name: str) -> DatasetSpec:
    """The data set of a name, in upper or lower case as the reference takes it.

    Raises:
        ValueError: there is none; lists the names.
    """
    spec = CATALOGUE.get(name.lower())
    if spec is None:
        raise ValueError(
            f"Expected --task_name to be one of {', '.join(CATALOGUE)}, received {name!r}. Choose "
            "one; csv, tsv, jsonl and parquet read your own files."
        )
    return spec
