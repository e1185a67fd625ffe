"""Writes a data set of shared/data as columns that both sides of a comparison read.

    python experiments/entities/prepare.py SET --output DIR [--data DATA] [--train N] [--test N]

SET: ncbi_disease, bc5cdr, phee, meddocan or pii_synth_en. `--train` and `--test` keep that many
sentences, a random sample in the order of the files that depends on the number alone. Nothing is
chosen on dev, which is written so that none of the training sentences are taken for it. Words are
made by the package's own readers.
"""

import argparse
import gzip
import hashlib
import json
import pathlib
import random
import tarfile
import tempfile

from clinicalbert_tf.datasets.documents import Document, Span
from clinicalbert_tf.datasets.entity_sets import read_entity_set
from clinicalbert_tf.datasets.json_spans import json_spans_line
from clinicalbert_tf.datasets.labelled_words import write_sentences
from tfrecords_builder.files import make_private_folder

PARTS = ("train", "dev", "test")
# The entities of shared/data's baseline on PHEE.
_PHEE = ("Drug", "Effect", "Disorder")


def main() -> None:
    """Writes a file of columns per part and prints its numbers of sentences and entities."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=sorted(FOLDERS))
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--output", required=True)
    parser.add_argument("--train", type=int)
    parser.add_argument("--test", type=int)
    values = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        source = pathlib.Path(values.data, values.set)
        found = read_entity_set("conll", str(FOLDERS[values.set](source, pathlib.Path(made))))
    make_private_folder(values.output)
    for part, most in (("train", values.train), ("dev", None), ("test", values.test)):
        sentences = found.parts[part]
        if most is not None and most < len(sentences):
            places = random.Random(most).sample(range(len(sentences)), most)
            sentences = [sentences[place] for place in sorted(places)]
        write_sentences(str(pathlib.Path(values.output, f"{part}.tsv")), sentences)
        entities = sum(label[0] == "B" for sentence in sentences for label in sentence.labels)
        print(f"{values.set} {part}: {len(sentences)} sentences, {entities} entities")


def _columns(source: pathlib.Path, made: pathlib.Path) -> pathlib.Path:
    return source


def _phee(source: pathlib.Path, made: pathlib.Path) -> pathlib.Path:
    for part in PARTS:
        with gzip.open(source / f"{part}.json.gz", "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        _write(made / f"{part}.jsonl", (Document(r["id"], r["context"], _spans(r)) for r in rows))
    return made


def _spans(row: dict) -> tuple[Span, ...]:
    found = []

    def visit(node, name=None):
        if isinstance(node, dict):
            if name in _PHEE and "start" in node:
                for starts, texts in zip(node["start"], node["text"], strict=True):
                    found.extend(
                        Span(start, start + len(text), name)
                        for start, text in zip(starts, texts, strict=True)
                    )
            for key, value in node.items():
                visit(value, key)
        elif isinstance(node, list):
            for value in node:
                visit(value, name)

    visit(row["annotations"])
    return tuple(dict.fromkeys(found))


def _meddocan(source: pathlib.Path, made: pathlib.Path) -> pathlib.Path:
    with tarfile.open(source / "meddocan_brat.tar.gz") as archive:
        archive.extractall(made, filter="data")
    (folder,) = {path.parent.parent for path in made.rglob("train/brat")}
    return folder


def _pii_synth_en(source: pathlib.Path, made: pathlib.Path) -> pathlib.Path:
    with gzip.open(source / "synth_dataset_v2.json.gz") as file:
        rows = json.load(file)
    parts: dict[str, list[Document]] = {part: [] for part in PARTS}
    for number, row in enumerate(rows):
        spans = tuple(
            Span(span["start_position"], span["end_position"], span["entity_type"])
            for span in row["spans"]
        )
        parts[pii_part(row["template_id"])].append(Document(str(number), row["full_text"], spans))
    for part, documents in parts.items():
        _write(made / f"{part}.jsonl", documents)
    return made


def pii_part(template_id) -> str:
    """The part of a sentence of pii_synth_en: by template, so that none is on two sides."""
    place = int(hashlib.sha1(f"tpl{template_id}".encode()).hexdigest()[:8], 16) % 100
    return "train" if place < 70 else "dev" if place < 80 else "test"


def _write(path: pathlib.Path, documents) -> None:
    path.write_text("".join(map(json_spans_line, documents)), encoding="utf-8")


FOLDERS = {
    "ncbi_disease": _columns,
    "bc5cdr": _columns,
    "phee": _phee,
    "meddocan": _meddocan,
    "pii_synth_en": _pii_synth_en,
}


if __name__ == "__main__":
    main()
