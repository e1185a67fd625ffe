"""Files in, files out: order, resume, processes, keys, and what must never happen."""

import csv
import datetime
import gzip
import json
import os
import pathlib
import stat

import pytest

from clinicalbert_tf.deidentification import run as run_module
from clinicalbert_tf.deidentification.key_file import reidentify
from clinicalbert_tf.deidentification.rows import Keys
from clinicalbert_tf.deidentification.run import Settings, deidentify


def notes(count=200):
    return [
        {"note_id": f"{i:03d}", "patient_id": i // 3, "extra": {"kept": [i, None, 1.5]},
         "text": f"Dr. Quill{'abc'[i % 3]} on 3/4/20{i % 90 + 10}\u2028."}
        for i in range(count)
    ]  # fmt: skip


def write_notes(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def read_notes(path):
    opened = gzip.open if str(path).endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in file]


@pytest.fixture
def source(tmp_path):
    return write_notes(tmp_path / "notes.jsonl", notes())


def settings(source, tmp_path, name="clean.jsonl", **others):
    return Settings(source, str(tmp_path / name), **others)


def test_rows_order_ids_and_other_keys_stay(source, tmp_path):
    report = deidentify(settings(source, tmp_path))
    clean = read_notes(tmp_path / "clean.jsonl")
    for before, after in zip(notes(), clean, strict=True):
        assert after["text"] == "Dr. [**DOCTOR**] on [**DATE**]\u2028."
        assert list(after) == list(before)
        assert {**after, "text": before["text"]} == before
    assert report["notes"] == 200
    assert report["removed"] == {"DOCTOR": 200, "DATE": 200}
    assert report["found_by"] == "rules alone"
    lines = read_notes(tmp_path / "clean.jsonl.report.jsonl")
    assert lines[7] == {"row": 8, "note_id": "007", "removed": {"DOCTOR": 1, "DATE": 1}, "left": {}}
    assert "Quill" not in (tmp_path / "clean.jsonl.report.jsonl").read_text()
    assert sorted(os.listdir(tmp_path)) == [
        "clean.jsonl", "clean.jsonl.report.json", "clean.jsonl.report.jsonl", "notes.jsonl",
    ]  # fmt: skip


def test_notes_without_the_sections_stay_and_are_named_by_id(tmp_path):
    rows = [{"note_id": "a", "text": "Plan:\nSeen 1/5/2023"}, {"note_id": "b", "text": "1/6/2023"}]
    source = write_notes(tmp_path / "notes.jsonl", rows)
    report = deidentify(settings(source, tmp_path, sections=("assessment_and_plan",)))
    texts = [row["text"] for row in read_notes(tmp_path / "clean.jsonl")]
    assert texts == ["Plan:\nSeen [**DATE**]", "1/6/2023"]
    assert (report["notes"], report["without_section"]) == (2, 1)
    lines = read_notes(tmp_path / "clean.jsonl.report.jsonl")
    assert [line.get("without_section") for line in lines] == [None, True]
    with pytest.raises(ValueError, match="kinds of section among"):
        deidentify(settings(source, tmp_path, "other.jsonl", sections=("plans",)))


def test_several_processes_write_the_same_file(source, tmp_path):
    common = {"style": "surrogate", "secret": bytes(16)}
    deidentify(settings(source, tmp_path, "one.jsonl", **common))
    deidentify(settings(source, tmp_path, "two.jsonl", processes=2, **common))
    one, two = ((tmp_path / name).read_bytes() for name in ("one.jsonl", "two.jsonl"))
    assert one == two
    assert b"Quill" not in one


@pytest.mark.parametrize("name", ["clean.jsonl", "clean.jsonl.gz"])
def test_a_killed_run_resumes_and_writes_the_same_files(source, tmp_path, monkeypatch, name):
    whole = settings(source, tmp_path, f"whole-{name}", key_file=str(tmp_path / "whole.key"))
    deidentify(whole)
    monkeypatch.setattr("clinicalbert_tf.deidentification.outputs.SECONDS_BETWEEN_SAVES", -1.0)
    killed = settings(source, tmp_path, name, key_file=str(tmp_path / "key"))
    cleaned = run_module.clean_batch
    calls = []

    def die(cleaner, texts):
        calls.append(len(texts))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return cleaned(cleaner, texts)

    monkeypatch.setattr(run_module, "clean_batch", die)
    with pytest.raises(KeyboardInterrupt):
        deidentify(killed)
    assert not (tmp_path / name).exists()
    # What a kill in the middle of a write leaves behind.
    with open(tmp_path / f"{name}.partial", "ab") as file:
        file.write(b'{"note_id": "half')
    calls.clear()
    monkeypatch.setattr(
        run_module, "clean_batch", lambda c, texts: calls.append(len(texts)) or cleaned(c, texts)
    )
    report = deidentify(killed)
    assert sum(calls) == 200 - 128
    assert report["removed"] == {"DOCTOR": 200, "DATE": 200}
    assert read_notes(tmp_path / name) == read_notes(tmp_path / f"whole-{name}")
    assert (tmp_path / "key").read_bytes() == (tmp_path / "whole.key").read_bytes()


def test_an_unfinished_run_is_not_resumed_with_other_settings(source, tmp_path, monkeypatch):
    monkeypatch.setattr("clinicalbert_tf.deidentification.outputs.SECONDS_BETWEEN_SAVES", -1.0)
    cleaned, calls = run_module.clean_batch, []

    def die(cleaner, texts):
        calls.append(0)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return cleaned(cleaner, texts)

    monkeypatch.setattr(run_module, "clean_batch", die)
    with pytest.raises(KeyboardInterrupt):
        deidentify(settings(source, tmp_path))
    with pytest.raises(ValueError, match="'style'"):
        deidentify(settings(source, tmp_path, style="asterisks"))


def test_the_key_file_is_private_and_gives_the_notes_back(source, tmp_path):
    key = str(tmp_path / "key.jsonl")
    deidentify(settings(source, tmp_path, key_file=key, style="surrogate", secret=bytes(16)))
    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(tmp_path / "clean.jsonl").st_mode) == 0o600
    again = str(tmp_path / "again.jsonl")
    assert reidentify(str(tmp_path / "clean.jsonl"), key, again, Keys()) == 200
    assert read_notes(again) == notes()


def test_a_changed_clean_note_is_named(source, tmp_path):
    key = str(tmp_path / "key.jsonl")
    deidentify(settings(source, tmp_path, key_file=key))
    rows = read_notes(tmp_path / "clean.jsonl")
    rows[4]["text"] += " more"
    changed = write_notes(tmp_path / "changed.jsonl", rows)
    with pytest.raises(ValueError, match="row 5, note 004"):
        reidentify(changed, key, str(tmp_path / "again.jsonl"), Keys())
    shorter = write_notes(tmp_path / "shorter.jsonl", read_notes(tmp_path / "clean.jsonl")[:-1])
    with pytest.raises(ValueError, match="received more"):
        reidentify(shorter, key, str(tmp_path / "again.jsonl"), Keys())
    assert not (tmp_path / "again.jsonl").exists()


def test_csv_keeps_columns_line_breaks_and_quotes(tmp_path):
    path = tmp_path / "notes.csv"
    table = [
        ["ROW_ID", "SUBJECT_ID", "TEXT", "OTHER"],
        ["01", "7", 'Dr. "Q" Quill,\nseen 3/4/2020', 'a,"b"\r\nc'],
        ["NA", "7", "", ""],
    ]
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows(table)
    key = str(tmp_path / "key.jsonl")
    report = deidentify(settings(str(path), tmp_path, "clean.csv", key_file=key))
    assert report["notes"] == 2
    with open(tmp_path / "clean.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == table[0] and rows[2] == table[2]
    assert rows[1][:2] == ["01", "7"] and rows[1][3] == 'a,"b"\r\nc'
    assert "[**DATE**]" in rows[1][2] and "\n" in rows[1][2]
    reidentify(str(tmp_path / "clean.csv"), key, str(tmp_path / "again.csv"), Keys())
    with open(tmp_path / "again.csv", newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == table


def test_a_patient_that_the_first_row_does_not_name_has_one_shift(tmp_path):
    rows = [{"text": "x"}] + [
        {"note_id": i, "text": f"Seen 2021-03-{day}.", **patient}
        for i, day, patient in (
            ("a", "04", {"patient_id": 7}),
            ("b", "09", {"meta": {"patient_id": "7"}}),
            ("c", "14", {"subject_id": 7.0}),
        )
    ]
    source = write_notes(tmp_path / "notes.jsonl", rows)
    deidentify(settings(source, tmp_path, style="surrogate", secret=bytes(16)))
    clean = read_notes(tmp_path / "clean.jsonl")
    dates = [datetime.date.fromisoformat(row["text"][5:-1]) for row in clean[1:]]
    assert [(date - dates[0]).days for date in dates] == [0, 5, 10]
    lines = read_notes(tmp_path / "clean.jsonl.report.jsonl")
    assert [line["note_id"] for line in lines] == ["1", "a", "b", "c"]


def test_files_without_rows(tmp_path):
    for name, content in (("a.jsonl", ""), ("a.csv", "note_id,text\n"), ("b.csv", "")):
        (tmp_path / name).write_text(content)
        report = deidentify(settings(str(tmp_path / name), tmp_path, f"clean-{name}"))
        assert report["notes"] == 0
        assert (tmp_path / f"clean-{name}").read_text() == content


def test_null_text_stays_null_and_half_a_character_is_written_back(tmp_path):
    rows = [{"text": None}, {"text": "\ud800 Dr. Quill"}]
    source = write_notes(tmp_path / "notes.jsonl", rows)
    report = deidentify(settings(source, tmp_path))
    assert read_notes(tmp_path / "clean.jsonl") == [
        {"text": None}, {"text": "\ud800 Dr. [**DOCTOR**]"},
    ]  # fmt: skip
    assert report["without_text"] == 1


def test_the_builder_reads_the_output(source, tmp_path):
    from tfrecords_builder.notes.reading import read_notes as read_builder_notes

    deidentify(settings(source, tmp_path))
    read = list(read_builder_notes(str(tmp_path / "clean.jsonl")))
    assert len(read) == 200


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ('{"text": "Quill"}\n{"text": 5}\n', "row 2: expected a string"),
        ('{"text": "Quill"}\n{"note": "Quill"}\n', "row 2.*no such key"),
        ('{"text": "Quill"\n', "line 1: expected a JSON object"),
        ('{"note": "Quill"}\n', r"--text_key"),
    ],
)
def test_bad_rows_are_named_without_their_text(tmp_path, content, named):
    path = tmp_path / "notes.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=named) as error:
        deidentify(settings(str(path), tmp_path))
    assert "Quill" not in str(error.value)


def test_a_table_without_a_header_is_named_without_its_first_row(tmp_path):
    path = tmp_path / "notes.csv"
    path.write_text("1,Mr. Quill has a cough.\n2,Mr. Quill is well.\n")
    with pytest.raises(ValueError, match="received the keys 2 others") as error:
        deidentify(Settings(str(path), str(tmp_path / "clean.csv")))
    assert "Quill" not in str(error.value)


def test_originals_and_earlier_outputs_are_never_overwritten(source, tmp_path):
    before = pathlib.Path(source).read_bytes()
    for output in (source, str(tmp_path / "." / "notes.jsonl")):
        with pytest.raises(ValueError, match="never overwritten"):
            deidentify(Settings(source, output))
    os.symlink(source, tmp_path / "link.jsonl")
    with pytest.raises(ValueError, match="never overwritten"):
        deidentify(settings(source, tmp_path, "link.jsonl"))
    with pytest.raises(ValueError, match="never overwritten"):
        deidentify(settings(source, tmp_path, key_file=source))
    deidentify(settings(source, tmp_path))
    with pytest.raises(FileExistsError, match="nothing is overwritten"):
        deidentify(settings(source, tmp_path))
    assert pathlib.Path(source).read_bytes() == before
    assert not (tmp_path / "clean.jsonl.lock").exists()


@pytest.mark.parametrize(
    ("others", "error"),
    [
        ({"name": "clean.csv"}, "one format"),
        ({"name": "clean.txt"}, "ending in .jsonl"),
        ({"processes": 0}, "at least one process"),
        ({"use_rules": False}, "--model"),
        ({"style": "surrogate"}, "16 bytes"),
        ({"style": "x"}, "style"),
        ({"keys": Keys(text="body")}, "'body'"),
    ],
)
def test_bad_settings_are_refused_before_a_file_is_made(source, tmp_path, others, error):
    with pytest.raises(ValueError, match=error):
        deidentify(settings(source, tmp_path, **others))
    assert not (tmp_path / "clean.jsonl").exists()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
