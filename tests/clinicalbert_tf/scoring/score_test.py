"""The command `score`: its keys, strict JSON, and errors that name the place and not the text."""

import gzip
import json

import numpy as np
import pytest

from clinicalbert_tf import score
from tests.support import GOLDEN


def run(capsys, *arguments):
    """Returns (status, parsed standard output or None, standard error)."""
    status = score.main([*map(str, arguments), "--json"])
    printed = capsys.readouterr()

    def refuse(name):
        raise AssertionError(f"{name} is not strict JSON")

    out = json.loads(printed.out, parse_constant=refuse) if printed.out else None
    return status, out, printed.err


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def binary_rows(gold=("0", "1", "1", "0")):
    probabilities = (0.2, 0.7, 0.4, 0.4)
    return [
        {
            "id": str(i),
            "label": label,
            "predicted": "01"[p > 0.5],
            "probabilities": {"0": 1 - p, "1": p},
            "patient": "p" + str(i // 2),
        }
        for i, (label, p) in enumerate(zip(gold, probabilities, strict=True))
    ]


def test_classification_has_the_named_keys(tmp_path, capsys):
    path = write_lines(tmp_path / "p.jsonl", binary_rows())
    status, out, _ = run(capsys, "classification", "--predictions", path)
    assert status == 0
    assert out["accuracy"] == out["f1_micro"] == 0.75
    assert out["f1_macro"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert out["auroc"] == pytest.approx(3.5 / 4)
    assert out["average_precision"] == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert out["brier"] == pytest.approx(np.mean([0.04, 0.09, 0.36, 0.16]))
    assert out["auprc_trapezoid"] is not None
    assert out["specificity"] == 1.0


def test_one_class_gives_null_with_a_reason(tmp_path, capsys):
    path = write_lines(tmp_path / "p.jsonl", binary_rows(("0", "0", "0", "0")))
    status, out, _ = run(capsys, "classification", "--predictions", path)
    assert status == 0
    assert out["auroc"] is None and out["average_precision"] is None
    assert out["reasons"]["auroc"] == "no positive row"


def test_intervals_draw_groups(tmp_path, capsys):
    path = write_lines(tmp_path / "p.jsonl", binary_rows() * 10)
    arguments = ("classification", "--predictions", path, "--bootstrap", 100, "--group", "patient")
    _, out, _ = run(capsys, *arguments)
    low, high = out["intervals"]["accuracy"]
    # Two patients: a draw holds one or both of them, with accuracy 1, 0.75 or 0.5.
    assert (low, high) == (0.5, 1.0)
    assert out["repeated_ids"] == 36


def test_labels_in_any_order_and_without_predicted(tmp_path, capsys):
    rows = [
        {"id": "a", "label": "no", "probabilities": {"yes": 0.1, "no": 0.9}},
        {"id": "b", "label": "yes", "probabilities": {"no": 0.3, "yes": 0.7}},
    ]
    _, out, _ = run(capsys, "classification", "--predictions", write_lines(tmp_path / "p", rows))
    assert out["accuracy"] == 1.0 and out["positive_label"] == "yes"


def test_integer_labels_are_their_text_and_mixed_ones_are_refused(tmp_path, capsys):
    rows = [{"label": 1, "predicted": 1}, {"label": 0, "predicted": 1}]
    path = write_lines(tmp_path / "p.jsonl", rows)
    assert run(capsys, "classification", "--predictions", path)[1]["accuracy"] == 0.5
    rows.append({"label": "1", "predicted": "1"})
    status, out, error = run(capsys, "classification", "--predictions", write_lines(path, rows))
    assert (status, out) == (1, None)
    assert "4 of JSON type integer, 2 of JSON type string" in error


def test_multi_label_and_regression(tmp_path, capsys):
    rows = [{"label": ["a", "b"], "predicted": ["a"]}, {"label": [], "predicted": []}]
    path = write_lines(tmp_path / "p.jsonl", rows)
    _, out, _ = run(capsys, "classification", "--predictions", path, "--bootstrap", "20")
    assert out["example_f1"] == pytest.approx((2 / 3 + 1) / 2)
    assert out["auroc"] is None
    assert set(out["intervals"]) == {"accuracy", "f1_micro", "f1_macro"}
    write_lines(path, [{"label": x, "predicted": 2 * x} for x in (1, 2, 4.5)])
    arguments = ("classification", "--predictions", path, "--problem_type", "regression")
    out = run(capsys, *arguments, "--bootstrap", "50")[1]
    assert out["pearson"] == pytest.approx(1.0)
    assert out["accuracy"] is None and out["auprc_trapezoid"] is None
    assert set(out["intervals"]) == {"mean_squared_error", "mean_absolute_error"}


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('{"label": "a"', "line 2: expected JSON"),
        ("[1]", "line 2: expected a JSON object"),
        ('{"predicted": "a"}', "line 2: expected a key 'label'"),
        ('{"label": "a"}', 'line 2: expected a key "predicted"'),
        ('{"label": 1.5, "predicted": "a"}', "line 2: expected 'label' to be a string"),
        ('{"label": "a", "probabilities": {"a": NaN}}', "line 2: expected finite"),
        ('{"label": "a", "probabilities": {"a": 2}}', "line 2: expected probabilities from 0"),
        ('{"label": "a", "predicted": ["a"]}', "one label or a list"),
    ],
)
def test_a_bad_line_is_named(tmp_path, capsys, line, named):
    path = tmp_path / "p.jsonl"
    path.write_text('{"label": "a", "predicted": "a"}\n' + line + "\n")
    status, out, error = run(capsys, "classification", "--predictions", path)
    assert (status, out) == (1, None)
    assert named in error


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([], "at least one row"),
        ([{"label": "c", "probabilities": {"a": 0.5, "b": 0.5}}], "label 'c' is none of"),
        ([{"label": "a", "probabilities": {"a": 0.5, "b": 0.1}}], "sum to 1"),
        (
            [
                {"label": "a", "predicted": "a", "probabilities": {"a": 1.0}},
                {"label": "a", "predicted": "a"},
            ],
            "in all 2 rows or in none",
        ),
        (
            [
                {"label": "a", "probabilities": {"a": 1.0}},
                {"label": "a", "probabilities": {"b": 1.0}},
            ],
            "received other labels",
        ),
    ],
)
def test_bad_predictions_are_refused(tmp_path, capsys, rows, named):
    path = write_lines(tmp_path / "p.jsonl", rows)
    status, out, error = run(capsys, "classification", "--predictions", path)
    assert (status, out) == (1, None)
    assert named in error


def test_spans_has_the_named_keys_and_the_reference_scores(capsys):
    folder = GOLDEN / "ner_eval/i2b2_2010/expected"
    status, out, _ = run(capsys, "spans", "--file", folder / "NER_result_conll.txt")
    expected = json.loads((folder / "scores.json").read_text())
    assert status == 0
    for kind in ("exact", "strict", "overlap", "type"):
        assert set(out[kind]) == {"precision", "recall", "f1", "by_type"}
    assert out["exact"]["f1"] == expected["score_i2b2"]["f1"]
    assert out["repaired_tags"]["predicted"] > 0
    assert out["tokens"] == expected["conlleval"]["tokens"]


def test_spans_reads_tabs_crlf_bom_and_more_columns(tmp_path, capsys):
    path = tmp_path / "f.txt"
    text = "\ufeff-DOCSTART- O O\r\n\r\nChest\tNN\tB-a\tB-a\r\npain  NN I-a I-a\r\n"
    # A no-break space is a word.
    text += "\u00a0 X O O\r\n\r\n\r\n\r\nno X O B-a"
    path.write_bytes(text.encode())
    _, out, _ = run(capsys, "spans", "--file", path, "--i2b2_2012", "--bootstrap", "50")
    assert (out["sentences"], out["tokens"]) == (2, 4)
    assert out["entities"] == {"correct": 1, "predicted": 2, "gold": 1}
    assert out["i2b2_2012"]["overlap"]["recall"] == 1.0
    assert len(out["intervals"]["f1"]) == 2


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("pain B-a B-a\nWilma O\n", ":2: expected a word"),
        ("pain B-a B-a\nWilma O Flint\n", ":2: Expected a label"),
        ("\n\n", "at least one token"),
        ("", "at least one token"),
    ],
)
def test_bad_columns_are_named_without_their_text(tmp_path, capsys, text, named):
    path = tmp_path / "f.txt"
    path.write_text(text)
    status, _, error = run(capsys, "spans", "--file", path)
    assert status == 1
    assert named in error
    assert "Wilma" not in error and "Flint" not in error


@pytest.mark.parametrize(
    ("kind", "flag"),
    [("spans", "--file"), ("documents", "--file"), ("classification", "--predictions")],
)
def test_a_gzip_file_that_is_cut_off_is_named(tmp_path, capsys, kind, flag):
    path = tmp_path / "f.gz"
    path.write_bytes(gzip.compress(b"ID,Label,score\n" * 500)[:40])
    status, _, error = run(capsys, kind, flag, path)
    assert status == 1 and f"{path}: expected a whole gzip file" in error


def test_other_encodings_are_refused_by_line(tmp_path, capsys):
    path = tmp_path / "f.txt"
    path.write_bytes(b"caf\xe9 O O\n")
    status, _, error = run(capsys, "spans", "--file", path)
    assert status == 1 and "UTF-8" in error


def test_documents_has_the_named_keys_and_typed_ids(capsys):
    expected = json.loads((GOLDEN / "readmission/vote/expected/vote.json").read_text())["main"]
    path = GOLDEN / "readmission/vote/input/main.csv"
    status, out, _ = run(capsys, "documents", "--file", path)
    assert status == 0
    assert out["auroc"] == pytest.approx(expected["auroc"], abs=1e-12)
    assert out["auprc_trapezoid"] == pytest.approx(expected["auprc"], abs=1e-12)
    assert out["rp80"] == expected["rp80"]
    assert out["average_precision"] is not None
    for row in expected["per_id"]:
        assert out["scores"][f"{row['ID']}.0"] == pytest.approx(row["score"], abs=1e-9)


def test_documents_keeps_ids_and_gives_null_for_one_class(tmp_path, capsys):
    path = tmp_path / "f.csv"
    path.write_text("ID,Label,score,SUBJECT_ID\n01,0,0.5,1\nNA,0,0.25,1\n01,0,0.5,1\n\n")
    _, out, _ = run(capsys, "documents", "--file", path, "--group", "SUBJECT_ID", "--bootstrap", 9)
    assert out["scores"] == {"01": 0.5, "NA": 0.25}
    assert out["auroc"] is out["rp80"] is out["intervals"]["auroc"] is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ID,Label\n1,0\n", "['score'] are missing"),
        ("ID,Label,score\n1,0,0.5\n1,2,0.5\n", "line 3: expected a Label"),
        ("ID,Label,score\n1,0,Wilma\n", "line 2: expected a finite number as score"),
        ("ID,Label,score\n1,,0.5\n", "line 2: expected a finite number as Label"),
        ("ID,Label,score\n1,0,nan\n", "line 2: expected a finite number as score"),
        ("ID,Label,score\n", "at least one chunk"),
        ("ID,Label,score\n1,0,0,5\n", "as many cells"),
        ("ID,Label,score\n1,0,0.5,\n", "as many cells"),
        ("", "empty"),
    ],
)
def test_bad_chunk_scores_are_named(tmp_path, capsys, text, named):
    path = tmp_path / "f.csv"
    path.write_text(text)
    status, _, error = run(capsys, "documents", "--file", path)
    assert status == 1
    assert named in error and "Wilma" not in error


def test_questions_have_the_official_keys(capsys):
    folder = GOLDEN / "question_answering"
    expected = json.loads((folder / "eval/expected_v2.json").read_text())["v2_with_na_prob"]
    predictions = folder / "eval/predictions/v2_with_na_prob.json"
    arguments = ("qa", "--dataset", folder / "input/dev_v2.json", "--predictions", predictions)
    nulls = str(predictions).replace(".json", ".na_prob.json")
    _, out, _ = run(capsys, *arguments, "--version_2", "--na_prob_file", nulls)
    assert out == expected["scores"]
    expected = json.loads((folder / "eval/expected_v1.json").read_text())["v1_half_missing"]
    arguments = ("qa", "--dataset", folder / "input/dev_v1.json")
    half = folder / "eval/predictions/v1_half_missing.json"
    _, out, _ = run(capsys, *arguments, "--predictions", half, "--bootstrap", 20)
    assert {k: out[k] for k in expected["scores"]} == expected["scores"]
    assert len(out["missing"]) == len(expected["messages"])
    assert out["intervals"]["f1"][0] <= out["f1"] <= out["intervals"]["f1"][1]


def test_questions_with_numbers_for_ids_are_scored(tmp_path, capsys):
    asked = [{"id": 7, "question": "?", "answers": [{"text": "two words", "answer_start": 0}]}]
    dataset = {"data": [{"paragraphs": [{"context": "two words", "qas": asked}]}]}
    (tmp_path / "d.json").write_text(json.dumps(dataset))
    (tmp_path / "p.json").write_text('{"7": "words"}')
    arguments = ("--dataset", tmp_path / "d.json", "--predictions", tmp_path / "p.json")
    _, out, _ = run(capsys, "qa", *arguments)
    assert out == {"exact_match": 0.0, "f1": pytest.approx(200 / 3)}


def test_bioasq_is_recognised(tmp_path, capsys):
    gold = {"questions": [
        {"id": "1", "type": "factoid", "exact_answer": [["insulin", "human insulin"]]},
        {"id": "2", "type": "list", "exact_answer": [["a"], ["b"]]},
        {"id": "3", "type": "yesno", "exact_answer": "yes"},
        {"id": "4", "type": "summary"},
    ]}  # fmt: skip
    found = {"questions": [
        {"id": "1", "exact_answer": [["x"], ["Insulin"]]},
        {"id": "2", "exact_answer": [["a"]]},
    ]}  # fmt: skip
    paths = [tmp_path / "gold.json", tmp_path / "found.json"]
    for path, content in zip(paths, (gold, found), strict=True):
        path.write_text(json.dumps(content))
    _, out, _ = run(capsys, "qa", "--dataset", paths[0], "--predictions", paths[1])
    assert out["factoid"] == {
        "strict_accuracy": 0.0, "lenient_accuracy": 1.0, "mrr": 0.5, "questions": 1,
    }  # fmt: skip
    assert out["list"]["recall"] == 0.5
    assert out["yesno"]["accuracy"] == 0.0


_TWICE = '[{"id": "q1", "answers": []}, {"id": "q1", "answers": []}]'


@pytest.mark.parametrize(
    ("dataset", "predictions", "named"),
    [
        (f'{{"data": [{{"paragraphs": [{{"qas": {_TWICE}}}]}}]}}', "{}", "received 'q1' twice"),
        (f'{{"questions": {_TWICE}}}', '{"questions": []}', "received 'q1' twice"),
        ("{}", "{}", "SQuAD layout"),
        ('{"data": []}', "{}", "at least one question"),
        ('{"data": []}', "[]", "object question id"),
        ('{"data": []', "{}", "expected JSON"),
    ],
)
def test_bad_question_files_are_named(tmp_path, capsys, dataset, predictions, named):
    (tmp_path / "d.json").write_text(dataset)
    (tmp_path / "p.json").write_text(predictions)
    arguments = ("--dataset", tmp_path / "d.json", "--predictions", tmp_path / "p.json")
    status, _, error = run(capsys, "qa", *arguments)
    assert status == 1 and named in error


def test_a_missing_file_is_an_error_and_text_is_the_default(tmp_path, capsys):
    assert run(capsys, "spans", "--file", tmp_path / "none")[0] == 1
    path = write_lines(tmp_path / "p.jsonl", binary_rows())
    assert score.main(["classification", "--predictions", str(path)]) == 0
    assert "accuracy                 0.7500" in capsys.readouterr().out


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
