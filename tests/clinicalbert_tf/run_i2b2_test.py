"""The command on raw notes: from a trained run to entities of notes."""

import json
import subprocess
import sys

import pytest

import clinicalbert_tf
from clinicalbert_tf.embedded_entities import column_lines, invented_sentences
from clinicalbert_tf.i2b2_command import choose_what_to_do, with_folder
from tests import support


def run(*flags):
    return subprocess.run(
        [sys.executable, "-m", "clinicalbert_tf.run_i2b2", *flags], capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("given", "train", "dev", "test", "engine"),
    [
        ({}, True, True, None, True),
        ({"do_predict": True}, False, False, True, True),
        ({"do_train": True}, True, False, False, False),
        ({"do_train": True, "do_eval": True, "do_predict": True}, True, True, True, True),
        ({"do_eval": True}, False, True, False, True),
    ],
)
def test_what_is_done(given, train, dev, test, engine):
    given = dict(given)
    choose_what_to_do(given)
    assert (given["do_train"], given["evaluate_dev"], given["do_predict"]) == (train, dev, test)
    assert given["do_eval"] == engine


def test_embedded_sentences_are_the_same_every_time():
    assert invented_sentences(5, 1) == invented_sentences(5, 1) != invented_sentences(5, 2)
    lines = column_lines(invented_sentences(2, 1))
    assert lines.endswith("\n\n") and lines.count("\n\n") == 2


@pytest.mark.large
def test_from_sentences_to_entities_of_notes(tmp_path):
    folder = str(tmp_path / "run")
    flags = ("--num_train_epochs=4", "--bootstrap=0", "--noreport", "--peak_tflops=1")
    done = run(f"--output_dir={folder}", *flags)
    assert done.returncode == 0, done.stderr
    assert "test: exact F1" in done.stdout
    notes = tmp_path / "notes.jsonl"
    text = "He denies fever .\r\nGiven chest pain ,  aspirin was held after an EKG ."
    notes.write_text(json.dumps({"note_id": "n1", "text": text}) + "\n")
    output = tmp_path / "entities.jsonl"
    done = run("--do_predict", f"--output_dir={folder}", f"--input={notes}", f"--output={output}")
    assert done.returncode == 0, done.stderr
    # With a new output folder the model is that of --init_checkpoint.
    new, other = f"--output_dir={tmp_path / 'new'}", tmp_path / "other.jsonl"
    done = run(
        "--do_predict", new, f"--init_checkpoint={folder}", f"--input={notes}", f"--output={other}"
    )
    assert done.returncode == 0, done.stderr
    assert other.read_bytes() == output.read_bytes()
    (line,) = map(json.loads, output.read_text().splitlines())
    found = {(text[span["start"] : span["end"]], span["label"]) for span in line["spans"]}
    assert ("fever", "problem") in found and ("aspirin", "treatment") in found
    tagger = clinicalbert_tf.pipeline("entities", folder)
    spans = [(e["start"], e["end"], e["label"]) for e in tagger(text)]
    assert spans == [(s["start"], s["end"], s["label"]) for s in line["spans"]]
    again = run(f"--output_dir={folder}", f"--input={notes}", f"--output={output}")
    assert again.returncode == 1 and "--output to name a new file" in again.stderr


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["x", "--write_features"], ["x", "--write_features="]),
        (["x", "--write_features", "--truncate"], ["x", "--write_features=", "--truncate"]),
        (["x", "--write_features", "folder"], ["x", "--write_features", "folder"]),
        (["x", "--write_features=folder"], ["x", "--write_features=folder"]),
    ],
)
def test_write_features_with_and_without_a_folder(given, expected):
    assert with_folder(given) == expected


@pytest.mark.large
def test_features_of_the_reference_from_its_vocabulary_alone(tmp_path):
    golden = support.GOLDEN
    done = run(
        "--task_name=i2b2_2010",
        f"--data_dir={golden / 'ner_features' / 'input'}",
        f"--vocab_file={golden / 'vocab' / 'downstream_cased.txt'}",
        "--do_lower_case=False",
        "--max_seq_length=32",
        "--truncate",
        f"--output_dir={tmp_path}",
        "--write_features",
    )
    assert done.returncode == 0, done.stderr
    for part in ("train", "dev", "test"):
        expected, found = (
            [json.loads(line) for line in (folder / f"{part}_features.jsonl").open()]
            for folder in (golden / "ner_features" / "expected", tmp_path)
        )
        # The reference loses a last sentence without an empty line behind it.
        assert found[: len(expected)] == expected
        assert len(found) - len(expected) == (part != "train")
    for name in ("token_test.txt", "tok_to_orig_map_test.txt"):
        expected = (golden / "ner_features" / "expected" / f"9_{name}").read_bytes()
        assert (tmp_path / name).read_bytes().startswith(expected)


def test_input_needs_a_run_and_an_output(tmp_path):
    done = run(f"--input={tmp_path}")
    assert done.returncode == 1 and "--output_dir" in done.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
