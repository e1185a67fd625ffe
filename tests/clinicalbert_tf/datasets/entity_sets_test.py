import gzip
import json

import pytest

from clinicalbert_tf.datasets.documents import Account
from clinicalbert_tf.datasets.entity_sets import read_entity_set
from clinicalbert_tf.datasets.i2b2.releases import Conversion, convert
from clinicalbert_tf.datasets.pubtator import read_pubtator
from tests.support import GOLDEN, ROOT

SHARED = ROOT.parent / "shared" / "data"


def write(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_bytes(content)
    return str(folder)


def test_columns_of_any_scheme_become_bio(tmp_path):
    read = read_entity_set(
        "conll",
        write(
            tmp_path,
            train__txt=b"a x I-p\nb x I-p\nc x B-p\nd x O\n",
            devel__txt=b"a x I-q\n",
            test__txt__gz=gzip.compress(b"a x O\n"),
        ),
    )
    assert read.scheme == "IOB1" and read.repaired == 0
    assert read.parts["train"][0].labels == ("B-p", "I-p", "B-p", "O")
    assert read.labels == ("B-p", "I-p", "B-q", "I-q", "O")


def test_broken_bio_is_repaired_and_counted(tmp_path):
    read = read_entity_set("conll", write(tmp_path, train__tsv=b"a B-p\nb O\nc I-p\n\nd O\n"))
    assert read.repaired == 1
    assert {s.labels for part in ("train", "dev") for s in read.parts[part]} == {
        ("B-p", "O", "B-p"),
        ("O",),
    }


def test_without_a_dev_file_documents_are_divided(tmp_path):
    lines = "".join(f"-DOCSTART- O\n\nw{n} O\n\nx{n} B-p\n\n" for n in range(20))
    read = read_entity_set("conll", write(tmp_path, train__tsv=lines.encode()))
    sides = [{s.document for s in read.parts[part]} for part in ("train", "dev")]
    assert [len(side) for side in sides] == [18, 2] and not sides[0] & sides[1]


@pytest.mark.parametrize("rule", ["punctuation", "edges"])
def test_json_lines_with_spans(tmp_path, rule):
    line = {
        "text": "Seen for low-back pain.\nWell.",
        "meta": {"note_id": "n7", "patient_id": "p2"},
        "spans": [{"start": 9, "end": 22, "label": "problem"}],
    }
    folder = write(
        tmp_path, train__jsonl=json.dumps(line).encode(), dev__jsonl=b"", test__jsonl=b""
    )
    sentence, second = read_entity_set("conll", folder, word_rule=rule).parts["train"]
    expected = {
        "punctuation": ["Seen", "for", "low", "-", "back", "pain", "."],
        "edges": ["Seen", "for", "low-back", "pain", "."],
    }[rule]
    assert list(sentence.words) == expected
    inner = len(expected) - 4
    assert sentence.labels == ("O", "O", "B-problem", *["I-problem"] * inner, "O")
    assert sentence.document == "n7" and sentence.patient == "p2"
    assert second.offsets == ((24, 28), (28, 29))


def test_folders_of_brat_files(tmp_path):
    for part in ("train", "dev", "test"):
        folder = tmp_path / part / "brat"
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("left arm pain")
        (folder / "a.ann").write_text("T1\tSite 0 4;9 13\tleft pain\n")
    for fragments, labels in {
        "range": ("B-Site", "I-Site", "I-Site"),
        "split": ("B-Site", "O", "B-Site"),
        "drop": ("O", "O", "O"),
    }.items():
        read = read_entity_set("conll", str(tmp_path), fragments=fragments)
        assert read.parts["test"][0].labels == labels
        assert read.account.counts() == {"discontinuous": 3}
    (tmp_path / "test" / "brat" / "a.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.txt"):
        read_entity_set("conll", str(tmp_path))


@pytest.mark.parametrize("task", ["i2b2_2006", "i2b2_2010", "i2b2_2012", "i2b2_2014"])
def test_a_raw_release_gives_what_its_files_give(task, tmp_path):
    raw = str(GOLDEN / "i2b2_raw" / "input" / task)
    convert(Conversion(task, raw), str(tmp_path))
    direct, converted = read_entity_set(task, raw), read_entity_set(task, str(tmp_path))
    assert direct.parts == converted.parts
    assert direct.labels == converted.labels and direct.labels[-1] == "O"
    sentence = converted.parts["test"][0]
    assert sentence.document and len(sentence.offsets) == len(sentence.words)


@pytest.mark.parametrize("task", ["i2b2_2006", "i2b2_2012"])
def test_a_raw_release_by_the_references_rules_and_split(task, tmp_path):
    raw = str(GOLDEN / "i2b2_raw" / "input" / task)
    convert(Conversion(task, raw, rules="reference"), str(tmp_path))
    direct = read_entity_set(task, raw, rules="reference")
    assert direct.parts == read_entity_set(task, str(tmp_path), rules="reference").parts
    # The last sentence of each file is lost, as in the reference.
    assert not any(sentence.document for sentence in direct.parts["test"])
    corrected = read_entity_set(task, raw, split="reference")
    convert(Conversion(task, raw, split="reference"), str(tmp_path / "split"))
    assert corrected.parts == read_entity_set(task, str(tmp_path / "split")).parts


def test_labels_begin_in_the_references_order():
    folder = str(GOLDEN / "ner_features" / "input")
    read = read_entity_set("i2b2_2010", folder, rules="lenient")
    assert read.labels[:6] == (
        *("B-problem", "I-problem"),
        *("B-treatment", "I-treatment"),
        *("B-test", "I-test"),
    )
    assert {part: len(of) for part, of in read.parts.items()} == {
        "train": 66,
        "dev": 12,
        "test": 13,
    }


def test_reference_rules_lose_the_last_sentence():
    folder = str(GOLDEN / "ner_features" / "input")
    read = read_entity_set("i2b2_2010", folder, rules="reference")
    assert [len(of) for of in read.parts.values()] == [66, 11, 12]
    # By default a line with a label alone is named.
    with pytest.raises(ValueError, match=r"train\.tsv, line 721"):
        read_entity_set("i2b2_2010", folder)


def test_pubtator_documents():
    data = (
        b"12|t|Cough and fever\r\n12|a|Seen in flu.\r\n12\t0\t5\tCough\tDisease\tD1\r\n"
        b"12\t24\t27\tflu\tDiseaseClass\tD2\r\n\r\n13|t|None\n13|a|\n"
    )
    first, second = read_pubtator("f.txt", data, Account())
    assert [(first.text[s.start : s.end], s.label) for s in first.spans] == [
        ("Cough", "Disease"),
        ("flu", "DiseaseClass"),
    ]
    assert second.note_id == "13" and not second.spans
    with pytest.raises(ValueError, match=r"f\.txt, line 2"):
        list(read_pubtator("f.txt", b"12|t|Cough\nsecret\n", Account()))


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="--data_dir"):
        read_entity_set("conll", str(tmp_path))
    with pytest.raises(ValueError, match="--task_name"):
        read_entity_set("i2b2", str(tmp_path))


def test_damaged_gzip(tmp_path):
    folder = write(tmp_path, train__tsv__gz=gzip.compress(b"a O\n" * 99)[:-9])
    with pytest.raises(ValueError, match="whole gzip file"):
        read_entity_set("conll", folder)


@pytest.mark.skipif(not (SHARED / "ncbi_disease").is_dir(), reason="no ../shared/data")
def test_ncbi_disease_counts():
    read = read_entity_set("ncbi", str(SHARED / "ncbi_disease"))
    entities = {
        part: sum(label.startswith("B-") for s in of for label in s.labels)
        for part, of in read.parts.items()
    }
    assert entities == {"train": 5134, "dev": 787, "test": 960}
    assert read.labels == ("B-Disease", "I-Disease", "O")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
