"""Chunks of files back to admissions."""

import json

import pytest

from clinicalbert_tf.datasets.classification.catalogue import find_dataset
from clinicalbert_tf.datasets.classification.reading import read_dataset
from clinicalbert_tf.datasets.classification.settings import DataSettings
from clinicalbert_tf.datasets.table_files import TableError


def row(id_, chunk, text, label=0, subject="p", **others):
    given = {"id": id_, "subject_id": subject, "chunk": chunk, "label": label, "text": text}
    return {**given, **others}


def write(folder, **splits):
    for name, rows in splits.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))


def read(folder, name="readmission"):
    return read_dataset(find_dataset(name), DataSettings(data_dir=str(folder)))


def test_chunks_of_an_admission_are_joined_in_their_order(tmp_path):
    train = [row("7", 1, "b"), row("8", 0, "c", 1, "q"), row("7", 0, "a")]
    write(tmp_path, train=train, dev=[], test=[row("9", 0, "d", 1, "r")])
    data = read(tmp_path)
    assert list(data.splits) == ["train", "test"]
    first, second = data.splits["train"].examples
    assert (first.id, first.text_a, first.label, first.group) == ("7", "a\fb", "0", "p")
    assert (second.text_a, second.label, second.group) == ("c", "1", "q")


def test_two_labels_or_patients_of_an_admission_are_an_error(tmp_path):
    for second in (row("7", 1, "secret", 1), row("7", 1, "secret", 0, "q")):
        write(tmp_path, train=[row("7", 0, "a"), second])
        with pytest.raises(
            TableError, match="line 2: expected the label and the patient"
        ) as caught:
            read(tmp_path)
        assert "secret" not in str(caught.value)


def test_empty_training_file_is_an_error(tmp_path):
    write(tmp_path, train=[], test=[row("9", 0, "d")])
    with pytest.raises(TableError, match="train on early_3"):
        read(tmp_path)


def test_codes_that_training_lacks_are_left_out_and_counted(tmp_path):
    several = lambda id_, *labels: {**row(id_, 0, "t", subject=id_), "labels": list(labels)}
    rows = [several("1", "ICD9:a", "ICD9:b"), several("2")]
    write(tmp_path, train=rows, dev=[several("3", "ICD9:b", "ICD9:z")])
    data = read(tmp_path, "diagnosis")
    assert data.problem_type == "multi" and set(data.labels) == {"ICD9:a", "ICD9:b"}
    assert data.splits["dev"].examples[0].label == ("ICD9:b",)
    assert data.splits["dev"].notices == ["dev: 1 labels that no training admission has left out"]


def test_references_files_are_read(tmp_path):
    for name, text in (("train", "0,184800.0,a,1.0\n1,184800.0,b,1.0\n2,9.0,c,0.0\n"),
                       ("val", "0,10.0,d,0.0\n")):  # fmt: skip
        (tmp_path / f"{name}.csv").write_text(",ID,TEXT,Label\n" + text)
    data = read(tmp_path)
    assert [(e.id, e.text_a, e.label) for e in data.splits["train"].examples] == [
        ("184800", "a\fb", "1"), ("9", "c", "0")]  # fmt: skip
    assert list(data.splits) == ["train", "dev"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
