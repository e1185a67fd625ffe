"""Data sets by name: released layouts, own tables, checks before the first step."""

import gzip
import json
import zipfile

import pytest

from clinicalbert_tf.datasets.classification.catalogue import CATALOGUE, find_dataset
from clinicalbert_tf.datasets.classification.reading import read_dataset
from clinicalbert_tf.datasets.classification.settings import DataSettings
from tests import support

GOLDEN = support.GOLDEN / "relation"
LONG_NAME = "mednli-a-natural-language-inference-dataset-for-the-clinical-domain-1.0.0"
SECRET = "Mr. Invented Name"


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(folder)


def read(name, **settings):
    return read_dataset(find_dataset(name), DataSettings(**settings))


def mednli_lines(split, labels=("entailment", "neutral", "contradiction")):
    rows = [
        {"pairID": f"{split}{n}", "sentence1": f"Premise {n // 3} of {split}.",
         "sentence2": f"{split} hypothesis {n}.", "gold_label": label}
        for n, label in enumerate(labels)
    ]  # fmt: skip
    return "".join(json.dumps(row) + "\n" for row in rows)


def mednli_files():
    return {f"mli_{split}_v1.jsonl": mednli_lines(split) for split in ("train", "dev", "test")}


def test_mednli_from_folder_long_folder_and_zip(tmp_path):
    plain = write(tmp_path / "plain", mednli_files())
    write(tmp_path / "unpacked" / LONG_NAME, mednli_files())
    zipped = tmp_path / "zipped" / f"{LONG_NAME}.zip"
    zipped.parent.mkdir()
    with zipfile.ZipFile(zipped, "w") as archive:
        for name, content in mednli_files().items():
            archive.writestr(f"{LONG_NAME}/{name}", content)
    expected = read("mednli", data_dir=plain).splits
    assert list(expected) == ["train", "dev", "test"]
    for folder in (tmp_path / "unpacked", zipped.parent, zipped):
        got = read("mednli", data_dir=str(folder)).splits
        assert {n: s.examples for n, s in got.items()} == {
            n: s.examples for n, s in expected.items()
        }
    examples = expected["train"].examples
    assert [e.id for e in examples] == ["train0", "train1", "train2"]
    assert len({e.group for e in examples}) == 1, "the hypotheses of one premise are a group"
    assert "Premise" not in str(examples[0].group)


def test_two_copies_of_a_release_are_refused(tmp_path):
    write(tmp_path / "a", mednli_files())
    write(tmp_path / "b", mednli_files())
    with pytest.raises(ValueError, match=r"Expected one mli_train_v1\.jsonl"):
        read("mednli", data_dir=str(tmp_path))


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"mli_train_v1\.jsonl"):
        read("mednli", data_dir=str(tmp_path))
    with pytest.raises(FileNotFoundError, match="--data_dir"):
        read("mednli", data_dir=str(tmp_path / "none"))
    with pytest.raises(ValueError, match="--data_dir"):
        read("mednli")
    with pytest.raises(ValueError, match="mednli, mnli"):
        find_dataset("nonsense")
    assert find_dataset("MedNLI").name == "mednli"


def test_unknown_label_names_file_line_label_and_the_known_ones(tmp_path):
    files = mednli_files() | {"mli_dev_v1.jsonl": mednli_lines("dev", ("neutral", "-"))}
    with pytest.raises(ValueError) as caught:
        read("mednli", data_dir=write(tmp_path, files))
    said = str(caught.value)
    for part in ("mli_dev_v1.jsonl", "line 2", "'-'", "'contradiction', 'entailment', 'neutral'"):
        assert part in said


def test_glue_layouts(tmp_path):
    mnli_columns = ["index", "promptID", "pairID", "genre", "p1", "p2", "p3", "p4", "sentence1",
                    "sentence2"]  # fmt: skip

    def mnli(columns, rows):
        return "\n".join("\t".join(row) for row in [columns, *rows]) + "\n"

    row = ["0", "1", "1n", "fiction", "(", "(", "(", "(", 'said "so', "he did"]
    data = read(
        "mnli",
        data_dir=write(
            tmp_path / "mnli",
            {
                "train.tsv": mnli(
                    [*mnli_columns, "label1", "gold_label"], [[*row, "n", "neutral"]]
                ),
                "dev_matched.tsv": mnli(
                    [*mnli_columns, "label1", "label2", "gold_label"],
                    [[*row, "n", "e", "entailment"]],
                ),
                "test_matched.tsv": mnli(mnli_columns, [row]),
            },
        ),
    )
    example = data.splits["train"].examples[0]
    assert (example.text_a, example.text_b, example.label) == ('said "so', "he did", "neutral")
    assert data.splits["dev"].examples[0].label == "entailment"
    assert data.splits["test"].examples[0].label is None
    assert not data.splits["test"].has_labels

    header = "#1 ID\t#2 ID\t#1 String\t#2 String\n"
    data = read(
        "mrpc",
        data_dir=write(
            tmp_path / "mrpc",
            {
                "train.tsv": "\ufeffQuality\t" + header + '1\t7\t8\t"a b\tc d\n0\t7\t9\te\tf\n',
                "test.tsv": "index\t" + header + "0\t7\t8\ta\tc\n",
            },
        ),
    )
    assert [(e.text_a, e.text_b, e.label) for e in data.splits["train"].examples] == [
        ('"a b', "c d", "1"),
        ("e", "f", "0"),
    ]
    assert data.splits["test"].examples[0].label is None

    data = read(
        "cola",
        data_dir=write(
            tmp_path / "cola",
            {"train.tsv": "gj04\t1\t\tHe ran.\nks\t0\t*\tRan he.\n",
             "test.tsv": "index\tsentence\n0\tThey sat.\n"},
        ),
    )  # fmt: skip
    assert [(e.text_a, e.label) for e in data.splits["train"].examples] == [
        ("He ran.", "1"),
        ("Ran he.", "0"),
    ]


ODD = {item["name"]: item for item in json.loads((GOLDEN / "odd_inputs.json").read_text())}
ODD_OUTPUTS = json.loads((GOLDEN / "odd_outputs.json").read_text())
# What is better than in the reference: it loses a row, an error, or changes the text.
CORRECTED = {
    "no_header_in_test_of_biobert_loses_the_first_row": "header",
    "no_header_in_train_of_bluebert_loses_the_first_row": "header",
    "blank_line": ["a", "b"],
    "byte_order_mark": ["a"],
    "empty_file": "received none",
    "only_header": "received none",
}


@pytest.mark.parametrize("name", sorted(ODD))
def test_odd_relation_files(tmp_path, name):
    odd, expected = ODD[name], ODD_OUTPUTS[name]
    layouts = {"biobert_gad": "gad", "biobert_chemprot": "chemprot"}
    spec = find_dataset(layouts.get(odd["layout"], odd["layout"]))
    good = f"x\t{spec.labels[0]}\n"
    if odd["layout"].startswith("bluebert"):
        good = f"index\tsentence\tlabel\n0\tx\t{spec.labels[0]}\n"
    folder = write(tmp_path, {"train.tsv": good, f"{odd['split']}.tsv": odd["tsv"].encode("utf-8")})
    wanted = CORRECTED.get(name)
    if isinstance(wanted, str) or (wanted is None and "error" in expected):
        with pytest.raises(ValueError, match=wanted):
            read_dataset(spec, DataSettings(data_dir=folder))
        return
    examples = read_dataset(spec, DataSettings(data_dir=folder)).splits[odd["split"]].examples
    texts = wanted or [example["text_a"] for example in expected["examples"]]
    assert [e.text_a for e in examples] == texts
    if odd["split"] != "test" and wanted is None:
        assert [e.label for e in examples] == [e["label"] for e in expected["examples"]]


def test_header_in_a_file_without_one_is_explained(tmp_path):
    folder = write(tmp_path, {"train.tsv": "sentence\tlabel\na\t1\n"})
    with pytest.raises(ValueError, match="looks like a header"):
        read("gad", data_dir=folder)


def own(tmp_path, rows="id,text,label,who\n1,a,x,p\n2,b,y,q\n", **settings):
    path = tmp_path / "mine.csv"
    path.write_text(rows, encoding="utf-8")
    settings = {"problem_type": "single", "train_file": str(path)} | settings
    return read("csv", **settings)


def test_own_table_by_column_names(tmp_path):
    data = own(
        tmp_path,
        "nr,first,second,outcome,who\n01,a,b,NA,p\n02,c,,null,p\n",
        id="nr", text_a="first", text_b="second", label="outcome", group="who",
    )  # fmt: skip
    assert data.labels == ("NA", "null")
    assert data.is_pair
    first, second = data.splits["train"].examples
    assert (first.id, first.text_a, first.text_b, first.label, first.group) == (
        "01", "a", "b", "NA", "p",
    )  # fmt: skip
    assert second.text_b == ""


def test_problem_type_is_never_guessed(tmp_path):
    with pytest.raises(ValueError, match="--problem_type"):
        own(tmp_path, problem_type="")


def test_regression_reads_numbers_and_refuses_others(tmp_path):
    data = own(tmp_path, "text,label\na,1\nb,2.5e1\n", problem_type="regression")
    assert [e.label for e in data.splits["train"].examples] == [1.0, 25.0]
    assert data.labels == ()
    for wrong in ("nan", "inf", "", "high"):
        with pytest.raises(ValueError, match=r"line 2.*finite number"):
            own(tmp_path, f"text,label\na,{wrong}\n", problem_type="regression")


def test_several_labels_from_a_cell_or_a_json_list(tmp_path):
    data = own(tmp_path, "text,label\na,x|y\nb,\nc,y\n", problem_type="multi")
    assert [e.label for e in data.splits["train"].examples] == [("x", "y"), (), ("y",)]
    # Lists as JSON and as pandas writes them into a CSV file.
    lists = 'text,label\na,"[""x"", ""y""]"\nb,[]\nc,"[\'y\']"\n'
    data = own(tmp_path, lists, problem_type="multi")
    assert [e.label for e in data.splits["train"].examples] == [("x", "y"), (), ("y",)]
    path = tmp_path / "m.jsonl"
    path.write_text('{"text": "a", "label": ["x", "y"]}\n{"text": "b", "label": []}\n')
    data = read("jsonl", train_file=str(path), problem_type="multi")
    assert [e.label for e in data.splits["train"].examples] == [("x", "y"), ()]
    with pytest.raises(ValueError, match="--problem_type=multi"):
        read("jsonl", train_file=str(path), problem_type="single")


def spelled(tmp_path, train, dev):
    for name, rows in (("train", train), ("dev", dev)):
        lines = [
            json.dumps({"text": f"{name} {n}", "label": label}) for n, label in enumerate(rows)
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    return DataSettings(data_dir=str(tmp_path), problem_type="single")


@pytest.mark.parametrize(
    ("train", "dev", "both"),
    [
        ([0, 1], ["0", "1"], ("0 (number", "0 (text")),
        (["0.0", "1.0"], ["0", "1"], ("0 (text", "0.0 (text")),
        ([0, 1], [0.0, 1.0], ("0 (number", "0.0 (number")),
    ],
)
def test_two_spellings_are_refused_or_joined(tmp_path, train, dev, both):
    settings = spelled(tmp_path, train, dev)
    with pytest.raises(ValueError, match="--join_label_spellings") as caught:
        read_dataset(find_dataset("jsonl"), settings)
    assert all(part in str(caught.value) for part in both)
    joined = DataSettings(**{**vars(settings), "join_label_spellings": True})
    data = read_dataset(find_dataset("jsonl"), joined)
    assert data.labels == ("0", "1")
    assert [e.label for e in data.splits["dev"].examples] == ["0", "1"]


def test_leading_zeros_are_other_labels(tmp_path):
    settings = spelled(tmp_path, ["01", "1"], ["01"])
    data = read_dataset(find_dataset("jsonl"), settings)
    assert data.labels == ("01", "1")


def test_missing_column_null_label_and_one_label(tmp_path):
    with pytest.raises(ValueError, match="missing: text"):
        own(tmp_path, "note,label\na,1\n")
    path = tmp_path / "n.jsonl"
    for nothing in ("null", "NaN"):
        path.write_text(f'{{"text": "a", "label": {nothing}}}\n')
        with pytest.raises(ValueError, match=r"line 1, column label: expected a label"):
            read("jsonl", train_file=str(path), problem_type="single")
        path.write_text(f'{{"text": {nothing}, "label": "x"}}\n')
        with pytest.raises(ValueError, match=r"line 1, column text: expected text"):
            read("jsonl", train_file=str(path), problem_type="single")
    with pytest.raises(ValueError, match="two labels"):
        own(tmp_path, "text,label\na,1\nb,1\n")


def test_long_label_may_be_note_text_and_is_not_shown(tmp_path):
    (tmp_path / "dev.csv").write_text(f"text,label\nq,{SECRET * 5}\n")
    with pytest.raises(ValueError, match="a text of 85 characters") as caught:
        own(tmp_path, dev_file=str(tmp_path / "dev.csv"))
    assert SECRET not in str(caught.value)


def test_empty_dev_file_is_an_error(tmp_path):
    (tmp_path / "dev.csv").write_text("id,text,label,who\n")
    with pytest.raises(ValueError, match="expected examples for dev"):
        own(tmp_path, dev_file=str(tmp_path / "dev.csv"))


def test_what_looks_wrong_is_counted_without_text(tmp_path):
    rows = f"id,text,label\n1,{SECRET}.,x\n1,{SECRET.lower()},y\n2,,x\n3,b,y\n4,B,y\n"
    (tmp_path / "test.csv").write_text("id,text,label\n9,b!,y\n")
    data = own(tmp_path, rows, id="id", test_file=str(tmp_path / "test.csv"))
    found = {f.kind: (f.splits, f.count) for f in data.findings}
    assert found == {
        "empty_text": (("train",), 1),
        "repeated_ids": (("train",), 1),
        "repeated_examples": (("train",), 1),
        "contradicting_labels": (("train",), 1),
        "overlap": (("train", "test"), 1),
    }
    said = " ".join(map(str, data.findings))
    assert "line 2" in said and SECRET not in said
    with pytest.raises(ValueError, match="--forbid_overlap"):
        own(tmp_path, rows, test_file=str(tmp_path / "test.csv"), forbid_overlap=True)


def test_doubtful_labels_groups_and_second_texts_are_counted(tmp_path):
    rows = "a,b,label,who\nq,r,yes,1\ns,t,Yes,1\nu,,yes ,\nv,w,,2\nx,y,no,2\n"
    data = own(tmp_path, rows, text_a="a", text_b="b", group="who")
    assert {f.kind: f.count for f in data.findings} == {
        "empty_text": 1, "empty_label": 1, "alike_labels": 2, "no_group": 1,
    }  # fmt: skip
    (tmp_path / "test.csv").write_text("text,label\na,\n")
    with pytest.raises(ValueError, match="A test file without labels has no label column"):
        own(tmp_path, "text,label\na,0\nb,1\n", test_file=str(tmp_path / "test.csv"))


def test_rows_in_are_rows_out_and_counted(tmp_path):
    rows = "text,label\n" + "".join(f"t{n},{n % 2}\n" for n in range(57))
    data = own(tmp_path, rows)
    assert [e.text_a for e in data.splits["train"].examples] == [f"t{n}" for n in range(57)]
    assert [str(c) for c in data.splits["train"].counts] == [f"{tmp_path / 'mine.csv'}: 57 rows"]


def test_folder_of_own_files_packed_or_not(tmp_path):
    (tmp_path / "train.csv").write_text("text,label\na,0\nb,1\n")
    (tmp_path / "test.csv.gz").write_bytes(gzip.compress(b"text\nc\n"))
    data = read("csv", data_dir=str(tmp_path), problem_type="single")
    assert list(data.splits) == ["train", "test"]
    assert data.splits["test"].examples[0].label is None
    with pytest.raises(FileNotFoundError, match="--train_file"):
        read("tsv", data_dir=str(tmp_path / "none"), problem_type="single")


def test_every_data_set_names_a_metric_and_its_classes():
    for spec in CATALOGUE.values():
        assert spec.files or spec.reader
        if spec.counted_labels is not None:
            assert set(spec.counted_labels) < set(spec.labels)
        assert spec.metric in ("accuracy", "f1", "f1_micro", "f1_macro", "auroc")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
