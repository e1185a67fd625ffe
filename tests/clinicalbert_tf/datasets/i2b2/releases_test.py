"""The releases under the corrected rules: as folders and archives, every annotation accounted."""

import csv
import io
import json
import tarfile
import zipfile

import pytest

from clinicalbert_tf.datasets.conll import read_columns
from clinicalbert_tf.datasets.documents import Account
from clinicalbert_tf.datasets.i2b2 import concepts_2010, deid_2006, xml_2012_2014
from clinicalbert_tf.datasets.i2b2.releases import TASKS, Conversion, convert, file_name
from clinicalbert_tf.datasets.labelled_words import (
    Sentence,
    document_sentences,
    token_lines,
    with_sources,
    write_sentences,
)
from clinicalbert_tf.datasets.release_files import ReleaseFile
from tests import support

GOLDEN = support.GOLDEN / "i2b2_raw"


def release_file(name, content):
    data = content if isinstance(content, bytes) else content.encode("utf-8")
    return ReleaseFile(name, tuple(name.split("/")), lambda: data)


def written(task, tmp_path, **settings):
    account, _ = convert(
        Conversion(task, str(GOLDEN / "input" / task), **settings), str(tmp_path / "out")
    )
    files = {
        part: (tmp_path / "out" / file_name(task, part)).read_text("utf-8")
        for part in ("train", "dev", "test")
    }
    return account, files


def lines_of(document, account=None):
    return token_lines(document_sentences(document, account or Account())).strip("\n")


def test_2006_keeps_what_the_reference_loses(tmp_path):
    account, files = written("i2b2_2006", tmp_path)
    both = files["train"] + files["dev"]
    assert "comma O\nTESS B-DOCTOR\nWU I-DOCTOR\n, O\n" in both
    assert "03/17 B-DATE\n/1997 O\n" in both
    assert "( O\nOYELARAN B-PATIENT\n) O\nthen O\n07/07 B-DATE\nand O\nWU B-DOCTOR\n" in both
    assert "Upper B-LOCATION\nBrindle B-LOCATION\nthen O\n" in both
    assert "Fennimore B-HOSPITAL\nLake I-HOSPITAL\nMemorial I-HOSPITAL\nis O\n" in both
    assert "Entities O\n& O\nsymbols O\n< O\n5 O\n" in both
    assert "__phi__" not in both and "\n\n\n" not in both
    assert account.dropped() == 0
    assert files["test"].endswith("well O\n. O\n\n")


def test_2006_repairs_the_tag_that_another_one_closes():
    content = (
        '<ROOT>\n<RECORD ID="7">\n<TEXT>\nseen <PHI TYPE="DATE">25th of July<PHI TYPE="DOCTOR">'
        ' by <PHI TYPE="DOCTOR">Wu</PHI> .\n</TEXT>\n</RECORD>\n</ROOT>\n'
    )
    account = Account()
    (document,) = deid_2006.read_records(release_file("train.xml", content), account)
    assert [(document.text[s.start : s.end], s.label) for s in document.spans] == [
        ("25th of July", "DATE"),
        ("Wu", "DOCTOR"),
    ]
    assert account.counts() == {"repaired": 1}


def test_2006_takes_the_annotated_test_file():
    names = (
        "deid_surrogate_test_all_version2.xml",
        "deid_surrogate_test_all_groundtruth_version2.xml",
        "deid_surrogate_train_all_version2.xml",
    )
    train, test = deid_2006.split_files([release_file(name, "") for name in names])
    assert [file.name for file in train] == [names[2]]
    assert [file.name for file in test] == [names[1]]


def test_2010_equals_the_reference_where_that_is_right(tmp_path):
    _, files = written("i2b2_2010", tmp_path)
    both = files["train"] + files["dev"]
    for path in (GOLDEN / "expected" / "i2b2_2010" / "partners").iterdir():
        sentences = [s for s in path.read_text("utf-8").split("\n\n") if s]
        assert "\n\n".join(sentences) in both
    # Several lines are one sentence, whole; of nested concepts the outer one stays.
    assert "worsening B-problem\npain I-problem\nof I-problem\nboth I-problem\nknees I-" in both
    assert "acute B-problem\nrenal I-problem\nfailure I-problem\n" in both
    assert "two O\ntabbed O\ntokens O\nitch B-problem\nend O\n" in both


@pytest.mark.parametrize(
    ("text", "position", "own"),
    [
        ("  He has pain .", "1:4 1:4", "pain"),  # single spaces counted
        ("  He has pain .", "1:2 1:2", "pain"),  # words counted
        (" He has pain .", "1:3 1:3", "pain"),  # one more where a line is indented
        ("He  has  bad   pain .", "1:4 1:7", "bad pain"),
        ("He has Pain .", "1:9 1:9", "pain"),  # found by its text
    ],
)
def test_2010_positions_are_resolved_by_the_concepts_text(text, position, own):
    concept = f'c="{own}" {position}||t="problem"\n'
    release = concepts_2010.sort_files(
        [release_file("beth/txt/r.txt", text), release_file("beth/concept/r.con", concept)],
        Account(),
    )
    (document,) = concepts_2010.read_documents(release, "beth", Account())
    (span,) = document.spans
    assert document.text[span.start : span.end].lower().split() == own.split()


def test_2010_lists_what_does_not_resolve():
    account = Account()
    release = concepts_2010.sort_files(
        [
            release_file("beth/txt/r.txt", "\ufeffpain and pain .\r\nNo cough .\r\n"),
            release_file(
                "beth/concepts/r.con",
                'c="pain" 1:9 1:9||t="problem"\nc="cough" 2:1 2:1||t="problem"\n'
                'c="fever" 2:0 2:0||t="problem"\nc="fever" 8:0 8:0||t="problem"\n',
            ),
            release_file("beth/concepts/alone.con", ""),
            release_file("beth/txt/unlabelled.txt", "x"),
            release_file("beth/unannotated/s.txt", "x"),
        ],
        account,
    )
    (document,) = concepts_2010.read_documents(release, "beth", account)
    assert lines_of(document).endswith("No O\ncough B-problem\n. O")
    listed = [(e["reason"], e["document"], e["annotation"]) for e in account.entries]
    assert listed == [
        ("without_document", "alone", ".con file"),
        ("misaligned", "r", "r:1"),  # twice in its line
        ("misaligned", "r", "r:2"),
        ("misaligned", "r", "r:8"),
    ]
    assert sum(account.skipped.values()) == 2


def test_2010_damaged_concept_line_names_file_and_line():
    file = release_file("beth/concept/r.con", 'c="secret" 1:0 1:0||t="problem"\nc="secret" 1\n')
    with pytest.raises(ValueError, match=r"r\.con, line 2") as caught:
        concepts_2010.read_concepts(file)
    assert "secret" not in str(caught.value)


def test_2010_assertions_become_a_table(tmp_path):
    raw = tmp_path / "raw" / "concept_assertion_relation_training_data" / "beth"
    for folder, name, content in (
        ("txt", "r.txt", "He denies chest pain .\n"),
        ("concept", "r.con", 'c="chest pain" 1:2 1:3||t="problem"\n'),
        ("ast", "r.ast", 'c="chest pain" 1:2 1:3||t="problem"||a="absent"\n'),
    ):
        (raw / folder).mkdir(parents=True, exist_ok=True)
        (raw / folder / name).write_text(content)
    test = tmp_path / "raw" / "test_data"
    test.mkdir()
    (test / "t.txt").write_text("Fine .\n")
    standard = tmp_path / "raw" / "reference_standard_for_test_data" / "concepts"
    standard.mkdir(parents=True)
    (standard / "t.con").write_text("")
    convert(Conversion("i2b2_2010", str(tmp_path / "raw")), str(tmp_path / "out"))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out/assertions/train.csv").read_text())))
    assert rows == [
        {
            "id": "r:1:2",
            "document": "r",
            "text": "He denies [ chest pain ] .",
            "label": "absent",
        }
    ]


def test_2012_equals_the_reference_where_that_is_right(tmp_path):
    account, files = written("i2b2_2012", tmp_path)
    both = files["train"] + files["dev"]
    for name in ("11", "31"):
        path = GOLDEN / "expected/i2b2_2012/2012-07-15.original-annotation.release" / f"{name}.txt"
        assert path.read_text("utf-8") in both
    assert "severe B-PROBLEM\npain I-PROBLEM\nin I-PROBLEM\nthe I-PROBLEM\nleft I-PROBLEM" in both
    assert "acute B-PROBLEM\nflare I-PROBLEM\nof I-PROBLEM\ngout I-PROBLEM\n" in both
    assert "X B-TEST\nray B-TEST\nof I-TEST\nchest I-TEST\n" in both
    # Wrong offsets are dropped and listed, not labelled.
    assert "Admitted B-OCCURRENCE\nfor O\nsyncope B-PROBLEM\n" in files["test"]
    assert "Head B-TEST\nCT I-TEST\n" in files["test"]
    listed = {(e["reason"], e["document"], e["annotation"]) for e in account.entries}
    assert {
        ("misaligned", "42", "E9"),
        ("empty", "42", "E8"),
        ("untyped", "23", "E20"),
        ("untyped", "23", "E21"),
        ("overlapping", "23", "E5"),
        ("overlapping", "23", "E7"),
    } <= listed
    assert account.dropped() == 6


def test_2014_equals_the_reference_where_that_is_right(tmp_path):
    account, files = written("i2b2_2014", tmp_path)
    both = files["train"] + files["dev"]
    for name in ("Set1/601-01", "Set1/602-01", "Set2/180-03", "Set2/188-05", "Set2/701-01"):
        path = GOLDEN / "expected/i2b2_2014" / f"training-PHI-Gold-{name}.txt"
        assert path.read_text("utf-8") in both, name
    assert "07/19 B-DATE\n07/20 B-DATE\n" in both
    assert "July B-DATE\n19, I-DATE\n2091 I-DATE\n" in both
    assert "Ottoline B-PATIENT\nVash I-PATIENT\n" in files["test"]
    assert account.counts()["moved"] == 3  # the note whose offsets are four too high
    assert account.dropped() == 1


def test_2014_account_names_no_text(tmp_path):
    written("i2b2_2014", tmp_path)
    content = (tmp_path / "out" / "annotations.json").read_text("utf-8")
    assert json.loads(content)["dropped"] == 1
    assert "Ottoline" not in content and "Wren" not in content
    assert (tmp_path / "out" / "train.tsv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("around", [False, True])
def test_2014_in_either_archive_layout(tmp_path, around):
    raw = tmp_path / "raw"
    raw.mkdir()
    source = GOLDEN / "input" / "i2b2_2014"
    for folder in ("training-PHI-Gold-Set1", "training-PHI-Gold-Set2", "testing-PHI-Gold-fixed"):
        with tarfile.open(raw / f"{folder}.tar.gz", "w:gz") as archive:
            for path in sorted((source / folder).iterdir()):
                archive.add(path, f"{folder}/{path.name}" if around else path.name)
                archive.add(path, f"._{path.name}")
    folders, _ = convert(Conversion("i2b2_2014", str(source)), str(tmp_path / "a"))
    archives, _ = convert(Conversion("i2b2_2014", str(raw)), str(tmp_path / "b"))
    for part in ("train", "dev", "test"):
        name = f"{part}.tsv"
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert folders.entries == archives.entries
    assert archives.skipped["added by macOS"] == 8


def test_2006_in_zip_archives_beside_their_unpacked_folder(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    source = GOLDEN / "input" / "i2b2_2006"
    for name, path in (
        ("deid_surrogate_train_all_version2", source / "train_dev.xml"),
        ("deid_surrogate_test_all_groundtruth_version2", source / "test.xml"),
    ):
        with zipfile.ZipFile(raw / f"{name}.zip", "w") as archive:
            archive.write(path, f"{name}.xml")
    unpacked = raw / "deid_surrogate_train_all_version2"
    unpacked.mkdir()
    (unpacked / f"{unpacked.name}.xml").write_bytes((source / "train_dev.xml").read_bytes())
    account, _ = convert(Conversion("i2b2_2006", str(raw)), str(tmp_path / "a"))
    convert(Conversion("i2b2_2006", str(source)), str(tmp_path / "b"))
    for part in ("train", "dev", "test"):
        name = f"{part}.conll"
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert account.skipped["archive that is also there unpacked"] == 1


@pytest.mark.parametrize("task", TASKS)
def test_no_document_or_patient_stands_on_both_sides(task, tmp_path):
    for seed in range(4):
        _, files = written(task, tmp_path, seed=seed)
        sides = []
        for part in ("train", "dev"):
            path = tmp_path / "out" / file_name(task, part)
            sentences = with_sources(str(path), read_columns(path.name, files[part].encode()))
            sides.append({(s.patient or s.document) for s in sentences})
        assert sides[0] and sides[1] and not sides[0] & sides[1]


@pytest.mark.parametrize("task", TASKS)
def test_reference_split_of_corrected_sentences(task, tmp_path):
    _, corrected = written(task, tmp_path)
    _, files = written(task, tmp_path, split="reference")
    blocks = [
        sorted((of["train"] + of["dev"]).strip("\n").split("\n\n")) for of in (corrected, files)
    ]
    assert blocks[0] == blocks[1] and files["test"] == corrected["test"]


def test_a_release_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="--data_dir"):
        convert(Conversion("i2b2_2010", str(tmp_path / "no")), str(tmp_path / "out"))
    with pytest.raises(ValueError, match="0 training and 0 test documents"):
        convert(Conversion("i2b2_2012", str(tmp_path)), str(tmp_path / "out"))
    with pytest.raises(ValueError, match="--task_name"):
        Conversion("i2b2_2011", str(tmp_path))


def test_damaged_archive(tmp_path):
    (tmp_path / "raw.zip").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(ValueError, match=r"raw\.zip: expected a whole archive"):
        convert(Conversion("i2b2_2006", str(tmp_path)), str(tmp_path / "out"))


def test_2012_unmerged_annotations_are_left_out():
    account = Account()
    files = [
        release_file(f"2012-08-23.test-data.groundtruth/ground_truth/{folder}/1.xml", "")
        for folder in ("merged_xml", "unmerged_xml")
    ]
    train, test = xml_2012_2014.split_files(files, account)
    assert not train and [file.parts[-2] for file in test] == ["merged_xml"]


def test_sentences_without_offsets_are_written_and_read(tmp_path):
    path = str(tmp_path / "train.tsv")
    sentences = [Sentence(("a", "b"), ("O", "B-p"), "document 1"), Sentence(("c",), ("O",))]
    write_sentences(path, sentences)
    with open(path, "rb") as file:
        assert with_sources(path, read_columns(path, file.read())) == sentences
    with pytest.raises(ValueError, match="other sentences"):
        with_sources(path, sentences[:1])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
