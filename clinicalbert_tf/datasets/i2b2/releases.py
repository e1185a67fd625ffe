"""A release by its task's name: documents in, files of words and labels out."""

import collections
import dataclasses
import os

from clinicalbert_tf.datasets.documents import Account, Document
from clinicalbert_tf.datasets.i2b2 import (
    assertions_2010,
    concepts_2010,
    deid_2006,
    reference_text,
    reference_xml,
    xml_2012_2014,
)
from clinicalbert_tf.datasets.labelled_words import Sentence, document_sentences, write_sentences
from clinicalbert_tf.datasets.release_files import release_files
from clinicalbert_tf.datasets.splits import split_documents
from tfrecords_builder.files import make_private_folder, write_private

TASKS = ("i2b2_2006", "i2b2_2010", "i2b2_2012", "i2b2_2014")
RULES = ("corrected", "reference")
SPLITS = ("patient", "reference")
PARTS = ("train", "dev", "test")
# The names that the reference's trainer reads.
_ENDINGS = {"i2b2_2006": "conll"}
_TRAINING_FRACTIONS = {"i2b2_2006": 0.7}
_USUAL_FRACTION = 0.9
ACCOUNT_NAME = "annotations.json"


@dataclasses.dataclass(frozen=True)
class Conversion:
    """How a release becomes files.

    Attributes:
        task_name: one of TASKS.
        data_dir: the release's folder, or an archive.
        rules: one of RULES; "reference" for its words, labels and split, faults included.
        seed: decides which documents are dev (not in 2006 and 2010 under the reference's rules).
        partners_only: 2010 without the notes of Beth Israel, as in the second of the reference's
            sets.
        split: one of SPLITS: "patient" chooses dev by patient, or by document if patients are
            unknown; "reference" as the reference does, which in 2006 cuts through documents. The
            reference's rules always split as the reference.
    """

    task_name: str
    data_dir: str
    rules: str = "corrected"
    seed: int = 1
    partners_only: bool = False
    split: str = "patient"

    def __post_init__(self):
        for value, choices, name in (
            (self.task_name, TASKS, "task_name"),
            (self.rules, RULES, "rules"),
            (self.split, SPLITS, "split"),
        ):
            if value not in choices:
                raise ValueError(
                    f"Expected --{name} to be one of {', '.join(choices)}, received {value!r}."
                )


def file_name(task_name: str, part: str) -> str:
    """The file of one of PARTS, named as the reference's trainer expects it."""
    return f"{part}.{_ENDINGS.get(task_name, 'tsv')}"


def read_release(conversion: Conversion, account: Account) -> dict[str, list[Document]]:
    """Reads the documents of a release under the corrected rules.

    Returns:
        {"train": documents, "test": documents}.

    Raises:
        FileNotFoundError, ValueError: the release is not there, not whole or not sound.
    """
    files = release_files(conversion.data_dir, account.skipped)
    if conversion.task_name == "i2b2_2010":
        release = concepts_2010.sort_files(files, account)
        train_parts = ("partners",) if conversion.partners_only else ("beth", "partners")
        documents = {
            "train": [
                document
                for part in train_parts
                for document in concepts_2010.read_documents(release, part, account)
            ],
            "test": list(concepts_2010.read_documents(release, "test", account)),
        }
    elif conversion.task_name == "i2b2_2006":
        train_files, test_files = deid_2006.split_files(files)
        documents = {
            name: [d for file in of for d in deid_2006.read_records(file, account)]
            for name, of in (("train", train_files), ("test", test_files))
        }
    else:
        train_files, test_files = xml_2012_2014.split_files(files, account)
        year = conversion.task_name.removeprefix("i2b2_")
        read = {"2012": xml_2012_2014.read_2012, "2014": xml_2012_2014.read_2014}[year]
        documents = {
            "train": [read(file, account) for file in train_files],
            "test": [read(file, account) for file in test_files],
        }
    _check_documents(conversion, {name: len(of) for name, of in documents.items()})
    return documents


def _check_documents(conversion: Conversion, counts: dict[str, int]) -> None:
    missing = [name for name, count in counts.items() if not count]
    if missing:
        raise ValueError(
            f"{conversion.data_dir}: expected the training and the test files of "
            f"{conversion.task_name}, received {counts['train']} training and {counts['test']} "
            f"test documents. Put the archives, or what they unpack to, into one folder."
        )


def convert(conversion: Conversion, output_dir: str) -> tuple[Account, dict[str, int]]:
    """Writes train, dev and test files of "token label" lines.

    Beside them, under the corrected rules: where each word comes from (sources/), the account of
    all annotations (annotations.json), and for 2010 the assertions as tables (assertions/).

    Args:
        conversion: what to read and how.
        output_dir: made if missing, mode 0700.

    Returns:
        The account, and the number of sentences by part.
    """
    account = Account()
    if conversion.rules == "reference":
        texts = reference_files(conversion, account)
        make_private_folder(output_dir)
        for part, text in texts.items():
            path = os.path.join(output_dir, file_name(conversion.task_name, part))
            write_private(path, text)
        return account, {part: len(text.split("\n\n")) for part, text in texts.items()}
    documents = read_release(conversion, account)
    sentences = {
        name: [s for document in of for s in document_sentences(document, account)]
        for name, of in documents.items()
    }
    train, dev = split_sentences(conversion, documents["train"], sentences["train"])
    parts = {"train": train, "dev": dev, "test": sentences["test"]}
    make_private_folder(output_dir)
    for part, of_part in parts.items():
        path = os.path.join(output_dir, file_name(conversion.task_name, part))
        write_sentences(path, of_part)
    if conversion.task_name == "i2b2_2010":
        _write_assertions(conversion, output_dir, {s.document for s in dev}, account)
    account.write(os.path.join(output_dir, ACCOUNT_NAME))
    return account, {part: len(of_part) for part, of_part in parts.items()}


def split_sentences(
    conversion: Conversion, documents: list[Document], sentences: list[Sentence]
) -> tuple[list[Sentence], list[Sentence]]:
    """Divides the training sentences into train and dev.

    Args:
        conversion: says how.
        documents: the training documents.
        sentences: their sentences.
    """
    if conversion.split == "reference" and conversion.task_name == "i2b2_2006":
        cut = int(_TRAINING_FRACTIONS["i2b2_2006"] * len(sentences))
        return sentences[:cut], sentences[cut:]
    if conversion.split == "patient":
        fraction = _TRAINING_FRACTIONS.get(conversion.task_name, _USUAL_FRACTION)
        _, of_dev = split_documents(documents, fraction, conversion.seed)
        chosen = {document.note_id for document in of_dev}
    elif conversion.task_name == "i2b2_2010":
        chosen = set(_reference_dev_2010(conversion))
    else:
        patients = {int(document.patient_id) for document in documents}
        dev_patients = set(reference_xml.split_patients(patients, conversion.seed)[1])
        chosen = {d.note_id for d in documents if int(d.patient_id) in dev_patients}
    return (
        [sentence for sentence in sentences if sentence.document not in chosen],
        [sentence for sentence in sentences if sentence.document in chosen],
    )


def _reference_dev_2010(conversion: Conversion) -> list[str]:
    files = release_files(conversion.data_dir, collections.Counter())
    concepts = concepts_2010.sort_files(files, Account()).concepts
    random = reference_text.random_2010()
    partners, beth = (
        reference_text.split_notes_2010((n for p, n in concepts if p == part), random)[1]
        for part in ("partners", "beth")
    )
    return partners if conversion.partners_only else partners + beth


def reference_files(conversion: Conversion, account: Account) -> dict[str, str]:
    """The contents of the files that the reference makes of a release, faults included.

    Args:
        conversion: its rules are not looked at.
        account: receives the number of files that were skipped.

    Returns:
        {part: "token label" lines}.

    Raises:
        FileNotFoundError, ValueError: the release is not there, not whole, or the reference would
            stop at it.
    """
    files = release_files(conversion.data_dir, account.skipped)
    if conversion.task_name == "i2b2_2010":
        release = concepts_2010.sort_files(files, account)
        counts = collections.Counter("test" if k[0] == "test" else "train" for k in release.texts)
        _check_documents(conversion, {name: counts[name] for name in ("train", "test")})
        return reference_text.split_2010(release, conversion.partners_only)
    if conversion.task_name == "i2b2_2006":
        train_files, test_files = deid_2006.split_files(files)
        _check_documents(conversion, {"train": len(train_files), "test": len(test_files)})
        training = "".join(map(reference_text.token_lines_2006, train_files))
        train, dev = reference_text.split_2006(training)
        test = "".join(map(reference_text.token_lines_2006, test_files))
        return {"train": train, "dev": dev, "test": test}
    train_files, test_files = xml_2012_2014.split_files(files, account)
    _check_documents(conversion, {"train": len(train_files), "test": len(test_files)})
    rules = reference_xml.RULES[conversion.task_name]
    return reference_xml.split_xml(train_files, test_files, rules, conversion.seed)


def _write_assertions(
    conversion: Conversion, output_dir: str, dev_notes: set[str], account: Account
) -> None:
    """One table a part, with the same split as the concepts; none if the release has none."""
    release = concepts_2010.sort_files(
        release_files(conversion.data_dir, collections.Counter()), Account()
    )
    if not release.assertions:
        return
    rows = {
        part: list(assertions_2010.assertion_rows(release, part, account))
        for part in ("beth", "partners", "test")
    }
    training = rows["partners"] if conversion.partners_only else rows["beth"] + rows["partners"]
    parts = {
        "train": [row for row in training if row[1] not in dev_notes],
        "dev": [row for row in training if row[1] in dev_notes],
        "test": rows["test"],
    }
    folder = make_private_folder(os.path.join(output_dir, "assertions"))
    for part, of_part in parts.items():
        path = os.path.join(folder, f"{part}.csv")
        write_private(path, assertions_2010.assertion_table(of_part))
