"""A data set of entities by its name: sentences of words with BIO labels, by part."""

import dataclasses
import gzip
import pathlib
import zlib
from collections.abc import Callable, Iterable

from clinicalbert_tf.datasets.brat import read_brat
from clinicalbert_tf.datasets.conll import (
    labels_found,
    read_columns,
    read_columns_as_the_reference,
)
from clinicalbert_tf.datasets.documents import Account, Document
from clinicalbert_tf.datasets.i2b2.releases import (
    TASKS,
    Conversion,
    file_name,
    read_release,
    reference_files,
    split_sentences,
)
from clinicalbert_tf.datasets.i2b2_xml import read_i2b2_xml
from clinicalbert_tf.datasets.json_spans import read_json_spans
from clinicalbert_tf.datasets.labelled_words import Sentence, document_sentences, with_sources
from clinicalbert_tf.datasets.pubtator import read_pubtator
from clinicalbert_tf.datasets.splits import split_groups
from clinicalbert_tf.texts.reference_word_features import REFERENCE_LABELS
from clinicalbert_tf.texts.tags import find_scheme, join_tag, to_bio

ENTITY_TASKS = (*TASKS, "ncbi_disease", "conll")
# The reference's name for it.
ALIASES = {"ncbi": "ncbi_disease"}
PARTS = ("train", "dev", "test")
RULES = ("corrected", "lenient", "reference")
_NAMES = {"train": ("train",), "dev": ("dev", "devel", "valid", "validation"), "test": ("test",)}
_COLUMN_ENDINGS = (".tsv", ".conll", ".txt", ".bio", ".iob", ".iob2")
_NCBI_RELEASE = {
    "train": "NCBItrainset_corpus.txt",
    "dev": "NCBIdevelopset_corpus.txt",
    "test": "NCBItestset_corpus.txt",
}
_TRAINING_FRACTION = 0.9


@dataclasses.dataclass(frozen=True)
class EntitySet:
    """Sentences by part.

    Attributes:
        task_name: one of ENTITY_TASKS.
        parts: {part: sentences}, labels in BIO; a part that is not there is missing.
        labels: every label, O last.
        scheme: how the files were written, one of texts.tags.SCHEMES.
        repaired: I- labels that began an entity and became B-.
        account: what happened to annotations.
        files: the files read.
    """

    task_name: str
    parts: dict[str, list[Sentence]] = dataclasses.field(repr=False)
    labels: tuple[str, ...]
    scheme: str
    repaired: int
    account: Account = dataclasses.field(repr=False)
    files: tuple[str, ...]


def read_entity_set(
    task_name: str,
    data_dir: str,
    seed: int = 1,
    rules: str = "corrected",
    word_rule: str = "punctuation",
    split: str = "patient",
    fragments: str = "range",
) -> EntitySet:
    """Reads a data set.

    A folder holds one file or folder per part: columns (train.tsv, dev.tsv or devel.tsv, test.tsv;
    also .conll, .txt, .bio and gzipped), JSON lines with spans (train.jsonl), or a folder of brat
    or i2b2 XML files (train/). i2b2 and NCBI data sets are also read as they are released. If
    there is no dev part, a tenth of the training documents (sentences if documents are unknown)
    becomes one.

    Args:
        task_name: one of ENTITY_TASKS, or "ncbi".
        data_dir: the folder.
        seed: decides which documents are dev if the data does not say.
        rules: one of RULES. "reference" reads files of columns as the reference does, faults
            included, and leaves all labels as typed (a raw i2b2 release is converted by its rules
            first); "lenient" does the same, but keeps the last sentence.
        word_rule: how documents with spans become words, one of texts.words.WORD_RULES; files of
            columns have their words.
        split: how a raw i2b2 release is divided, one of datasets.i2b2.releases.SPLITS.
        fragments: what becomes of brat's entities of several fragments, one of
            datasets.brat.FRAGMENT_RULES.

    Raises:
        FileNotFoundError: there is no training or no test part.
        ValueError: an unknown name, or a file is not sound.
    """
    task_name = ALIASES.get(task_name, task_name)
    if task_name not in ENTITY_TASKS:
        raise ValueError(
            f"Expected --task_name to be one of {', '.join(ENTITY_TASKS)}, received {task_name!r}."
        )
    account, files = Account(), []
    parts = {}
    for part in PARTS:
        source = _find(task_name, data_dir, part)
        if source is not None:
            files.append(str(source))
            parts[part] = _read(source, rules, word_rule, account, fragments)
    if not parts and task_name in TASKS:
        conversion_rules = "reference" if rules == "reference" else "corrected"
        conversion = Conversion(task_name, data_dir, conversion_rules, seed, split=split)
        parts, files = _read_release(conversion, account), [data_dir]
    if not parts:
        raise FileNotFoundError(_nothing_found(data_dir))
    if "train" in parts and "dev" not in parts:
        parts["train"], parts["dev"] = _without_dev(parts["train"], seed)
    return _in_bio(task_name, parts, account, tuple(files), convert=rules == "corrected")


def _nothing_found(data_dir: str) -> str:
    return (
        f"Expected train, dev (or devel) and test files or folders in {data_dir}, found none: "
        "train.tsv with a word and a label a line, train.jsonl with spans, or train/ with brat or "
        "i2b2 XML files. Check --data_dir."
    )


def _find(task_name: str, data_dir: str, part: str) -> pathlib.Path | None:
    folder = pathlib.Path(data_dir)
    names = [f"{name}{end}" for name in _NAMES[part] for end in (*_COLUMN_ENDINGS, ".jsonl")]
    if task_name in TASKS:
        names.insert(0, file_name(task_name, part))
    if task_name == "ncbi_disease":
        names.append(_NCBI_RELEASE[part])
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    # A release of i2b2 has folders of such names of its own.
    if task_name == "conll":
        for name in _NAMES[part]:
            if (folder / name).is_dir():
                return folder / name
    return None


def _read(
    path: pathlib.Path, rules: str, word_rule: str, account: Account, fragments: str
) -> list[Sentence]:
    if path.is_dir():
        return _sentences(_folder_documents(path, account, fragments), word_rule, account)
    data = _bytes(path)
    plain = path.name.removesuffix(".gz")
    if plain in _NCBI_RELEASE.values():
        documents = read_pubtator(str(path), data, account, label="Disease")
        return _sentences(documents, word_rule, account)
    if plain.endswith(".jsonl"):
        lines = data.splitlines(keepends=True)
        return _sentences(read_json_spans(str(path), lines), word_rule, account)
    if rules != "corrected":
        return read_columns_as_the_reference(data, rules == "lenient", str(path))
    return with_sources(str(path), read_columns(str(path), data))


def _bytes(path: pathlib.Path) -> bytes:
    data = path.read_bytes()
    if not path.name.endswith(".gz"):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error):
        raise ValueError(
            f"{path}: expected a whole gzip file, received one that is cut off or damaged. Copy "
            "the file again."
        ) from None


def _sentences(documents: Iterable[Document], word_rule: str, account: Account) -> list[Sentence]:
    return [s for document in documents for s in document_sentences(document, account, word_rule)]


def _folder_documents(folder: pathlib.Path, account: Account, fragments: str) -> Iterable[Document]:
    paths = sorted(path for path in folder.rglob("*") if not path.name.startswith("._"))
    by_kind: dict[str, Callable[[pathlib.Path], Document]] = {
        ".xml": lambda path: read_i2b2_xml(
            str(path), path.read_bytes(), path.stem, account, path.stem.partition("-")[0]
        ),
        ".ann": lambda path: read_brat(
            str(path),
            _text_beside(path).read_bytes(),
            path.read_bytes(),
            path.stem,
            account,
            fragments,
        ),
    }
    found = [path for path in paths if path.suffix in by_kind]
    if not found:
        raise FileNotFoundError(
            f"Expected .ann and .txt, or .xml files in {folder}, found none. Check --data_dir."
        )
    return (by_kind[path.suffix](path) for path in found)


def _text_beside(path: pathlib.Path) -> pathlib.Path:
    text = path.with_suffix(".txt")
    if not text.is_file():
        raise FileNotFoundError(f"Expected the text {text} beside {path.name}, found none.")
    return text


def _read_release(conversion: Conversion, account: Account) -> dict[str, list[Sentence]]:
    if conversion.rules == "reference":
        texts = reference_files(conversion, account)
        return {
            part: read_columns_as_the_reference(text.encode("utf-8"))
            for part, text in texts.items()
        }
    documents = read_release(conversion, account)
    train, dev = split_sentences(
        conversion, documents["train"], _sentences(documents["train"], "whitespace", account)
    )
    return {
        "train": train,
        "dev": dev,
        "test": _sentences(documents["test"], "whitespace", account),
    }


def _without_dev(sentences: list[Sentence], seed: int) -> tuple[list[Sentence], list[Sentence]]:
    groups = [s.patient or s.document or f"sentence {n}" for n, s in enumerate(sentences)]
    _, dev = split_groups(groups, _TRAINING_FRACTION, seed)
    paired = list(zip(sentences, groups, strict=True))
    return [s for s, group in paired if group not in dev], [
        s for s, group in paired if group in dev
    ]


def _in_bio(
    task_name: str,
    parts: dict[str, list[Sentence]],
    account: Account,
    files: tuple[str, ...],
    convert: bool,
) -> EntitySet:
    """Labels in BIO; unless `convert`, they stay as typed."""
    everything = [sentence for of_part in parts.values() for sentence in of_part]
    scheme = find_scheme(sentence.labels for sentence in everything)
    repaired, converted = 0, {}
    for part, sentences in parts.items():
        converted[part] = []
        for sentence in sentences:
            labels, count = to_bio(sentence.labels, scheme) if convert else (sentence.labels, 0)
            repaired += count
            converted[part].append(dataclasses.replace(sentence, labels=tuple(labels)))
    found = labels_found(sentence for of_part in converted.values() for sentence in of_part)
    known = [
        join_tag(prefix, kind)
        for kind in REFERENCE_LABELS.get(task_name, "").split()
        for prefix in "BI"
    ]
    labels = dict.fromkeys([*known, *(label for label in found if label != "O"), "O"])
    return EntitySet(task_name, converted, tuple(labels), scheme, repaired, account, files)
