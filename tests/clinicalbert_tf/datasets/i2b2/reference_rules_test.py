"""The reference's conversion of each release, equal to what its own code wrote."""

import json

import pytest

from clinicalbert_tf.datasets.documents import Account
from clinicalbert_tf.datasets.i2b2 import concepts_2010, reference_text, reference_xml
from clinicalbert_tf.datasets.i2b2.releases import Conversion, convert
from clinicalbert_tf.datasets.release_files import ReleaseFile
from tests import support

GOLDEN = support.GOLDEN / "i2b2_raw"
SETS_2012 = {
    "2012-07-15.original-annotation.release": True,
    "2012-08-08.test-data.event-timex-groundtruth/xml": False,
}
SETS_2014 = {
    "training-PHI-Gold-Set1": True,
    "training-PHI-Gold-Set2": True,
    "testing-PHI-Gold-fixed": False,
}


def release_file(name, content):
    data = content if isinstance(content, bytes) else content.encode("utf-8")
    return ReleaseFile(name, tuple(name.split("/")), lambda: data)


def odd(task, what):
    folder = "input" if what == "inputs" else "expected"
    return json.loads((GOLDEN / folder / task / f"odd_{what}.json").read_text(encoding="utf-8"))


def converted(task, tmp_path, rules="reference"):
    return convert(Conversion(task, str(GOLDEN / "input" / task), rules), str(tmp_path))


def test_2006_files_are_equal(tmp_path):
    _, counts = converted("i2b2_2006", tmp_path)
    for part in ("train", "dev", "test"):
        expected = (GOLDEN / "expected" / "i2b2_2006" / f"{part}.conll").read_bytes()
        assert (tmp_path / f"{part}.conll").read_bytes() == expected
    assert counts["train"] == 19 and counts["dev"] == 9


@pytest.mark.parametrize("name", odd("i2b2_2006", "inputs"))
def test_2006_odd_inputs(name):
    file = release_file(f"{name}.xml", odd("i2b2_2006", "inputs")[name])
    expected = odd("i2b2_2006", "outputs")["odd_inputs"][name]
    if "error" in expected:
        with pytest.raises(ValueError, match="line 2"):
            reference_text.token_lines_2006(file)
    else:
        assert reference_text.token_lines_2006(file) == expected["stdout"]


def release_2010():
    root = GOLDEN / "input" / "i2b2_2010" / "raw"
    files = [
        release_file("/".join(path.relative_to(root).parts), path.read_bytes())
        for path in root.rglob("*")
        if path.is_file()
    ]
    return concepts_2010.sort_files(files, Account())


@pytest.mark.parametrize("part", ["beth", "partners", "test"])
def test_2010_records_are_equal(part):
    records = reference_text.records_2010(release_2010(), part)
    folder = GOLDEN / "expected" / "i2b2_2010" / part
    assert set(records) == {path.stem for path in folder.iterdir()}
    for note, text in records.items():
        assert text == (folder / f"{note}.txt").read_text(encoding="utf-8"), note


def test_2010_files_hold_every_record_once(tmp_path):
    converted("i2b2_2010", tmp_path)
    folder = GOLDEN / "expected" / "i2b2_2010"
    for parts, names in ((("train", "dev"), ("beth", "partners")), (("test",), ("test",))):
        written = "\n\n".join(
            (tmp_path / f"{part}.tsv").read_text(encoding="utf-8") for part in parts
        )
        records = [
            path.read_text(encoding="utf-8") for name in names for path in (folder / name).iterdir()
        ]
        assert all(written.count(record) == 1 for record in records)
        assert len(written) == sum(map(len, records)) + 2 * (len(records) - 1)


@pytest.mark.parametrize("case", odd("i2b2_2010", "inputs"), ids=lambda case: case["name"])
def test_2010_odd_inputs(case):
    files = {"con": release_file("beth/concept/r.con", case["con"])}
    if case["txt"] is not None:
        files["txt"] = release_file("beth/txt/r.txt", case["txt"])
    release = concepts_2010.sort_files(list(files.values()), Account())
    expected = odd("i2b2_2010", "outputs")["odd_inputs"][case["name"]]
    # Where the reference only stumbled over its own parsing, the right output is given instead.
    better = {
        "bars_inside_concept_text": "He O\nhas O\na||b B-problem\nnow O\n. O",
        "blank_line_in_con_file": "He O\nhas O\npain B-problem\n. O",
        "span_pattern_inside_concept_text": "ratio B-test\n1:0 I-test\n1:1 I-test\nseen O",
        "type_not_in_training_vocabulary": "He O\nhas O\npain B-finding\n. O",
    }
    if case["name"] in better:
        assert reference_text.records_2010(release, "beth")["r"] == better[case["name"]]
    elif "error" in expected:
        with pytest.raises(ValueError, match="Drop --rules=reference"):
            reference_text.records_2010(release, "beth")
    else:
        assert reference_text.records_2010(release, "beth")["r"] == expected["output"]


@pytest.mark.parametrize(("task", "folders"), [("i2b2_2012", SETS_2012), ("i2b2_2014", SETS_2014)])
def test_xml_documents_are_equal(task, folders):
    for folder, match_text in folders.items():
        for path in (GOLDEN / "input" / task / folder).glob("*.xml"):
            file = release_file(path.name, path.read_bytes())
            sentences = reference_xml.sentences_of(file, reference_xml.RULES[task], match_text)
            expected = GOLDEN / "expected" / task / folder / f"{path.stem}.txt"
            assert "\n\n".join(sentences) == expected.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize(
    ("task", "case"),
    # PHI_tag_type is a setting that the notebook's own calls do not use.
    [
        (task, case)
        for task in ("i2b2_2012", "i2b2_2014")
        for case in odd(task, "inputs")
        if "PHI_tag_type" not in case
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else value,
)
def test_xml_odd_inputs(task, case):
    file = release_file(case.get("file", "800.xml"), case["xml"])
    expected = odd(task, "outputs")["odd_inputs"][case["name"]]
    rules = reference_xml.RULES[task]
    if "error" in expected:
        with pytest.raises(ValueError, match="Drop --rules=reference"):
            reference_xml.sentences_of(file, rules, case["match_text"])
    else:
        sentences = reference_xml.sentences_of(file, rules, case["match_text"])
        assert "\n\n".join(sentences) == expected["output"]


@pytest.mark.parametrize("task", ["i2b2_2012", "i2b2_2014"])
def test_xml_files_hold_every_patient_once(task, tmp_path):
    _, counts = converted(task, tmp_path)
    parts = {part: (tmp_path / f"{part}.tsv").read_text("utf-8") for part in counts}
    folder = GOLDEN / "expected" / task
    paths = [
        path for path in folder.rglob("*.txt") if "test" not in path.relative_to(folder).parts[0]
    ]
    training = [path.read_text("utf-8") for path in paths]
    training = [text for text in training if text]
    assert sum(map(len, training)) + 2 * (len(training) - 2) == len(parts["train"]) + len(
        parts["dev"]
    )
    assert all((text in parts["train"]) != (text in parts["dev"]) for text in training)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
