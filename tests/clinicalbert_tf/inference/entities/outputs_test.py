"""Entities as files: formats, resuming, bad input. The tagger is a stand-in: capital words."""

import json
import re

import pytest

from clinicalbert_tf.datasets.brat import read_brat
from clinicalbert_tf.datasets.documents import Account
from clinicalbert_tf.datasets.i2b2_xml import read_i2b2_xml
from clinicalbert_tf.datasets.json_spans import read_json_spans
from clinicalbert_tf.inference.entities.note_inputs import InputNote, read_notes
from clinicalbert_tf.inference.entities.outputs import concept_file_of_note, write_entities
from clinicalbert_tf.inference.entities.tagger import Entity

TEXT = "Seen by Dr. Wren,\r\n  with cough  of Low\nBack é Pain."


def capitals(texts):
    for number, text in enumerate(texts):
        found = re.finditer(r"[A-Z]\w+", text)
        yield number, [Entity(*match.span(), "name", 0.75) for match in found]


def notes(count=3):
    return [InputNote(f"n{number}", TEXT * (number + 1), f"p{number}") for number in range(count)]


def entities_of(document):
    return [(span.start, span.end, span.label) for span in document.spans]


def expected(note):
    ((_, found),) = capitals([note.text])
    return [(entity.start, entity.end, entity.label) for entity in found]


def test_json_lines_are_read_back(tmp_path):
    output = tmp_path / "out.jsonl"
    assert write_entities(notes(), capitals, str(output), "jsonl") == (3, 0)
    with open(output, "rb") as file:
        read = list(read_json_spans("out", file))
    for document, note in zip(read, notes(), strict=True):
        assert (document.note_id, document.text, document.patient_id) == (
            note.note_id,
            note.text,
            note.patient_id,
        )
        assert entities_of(document) == expected(note)
    assert json.loads(output.read_text().splitlines()[0])["spans"][0]["probability"] == 0.75
    assert output.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError, match="--output"):
        write_entities(notes(), capitals, str(output), "jsonl")


def test_a_note_of_many_entities_is_one_line(tmp_path):
    note = InputNote("n", "Wren " * 2500)
    output = tmp_path / "out.jsonl"
    write_entities([note], capitals, str(output), "jsonl")
    (line,) = output.read_text().splitlines()
    assert [(s["start"], s["end"], s["label"]) for s in json.loads(line)["spans"]] == expected(note)
    ((_, found),) = capitals([note.text])
    assert concept_file_of_note(note, found).endswith('c="wren" 1:2499 1:2499||t="name"')


def test_brat_and_xml_are_read_back(tmp_path):
    for name in ("brat", "xml"):
        write_entities(notes(), capitals, str(tmp_path / name), name)
    for note in notes():
        text, annotations = (
            (tmp_path / "brat" / f"{note.note_id}{ending}").read_bytes()
            for ending in (".txt", ".ann")
        )
        account = Account()
        document = read_brat("f", text, annotations, note.note_id, account)
        assert entities_of(document) == expected(note) and document.text == note.text
        data = (tmp_path / "xml" / f"{note.note_id}.xml").read_bytes()
        document = read_i2b2_xml("f", data, note.note_id, account)
        assert entities_of(document) == expected(note) and document.text == note.text
        assert not account.entries


def test_half_of_a_surrogate_pair_is_written_back(tmp_path):
    note = InputNote("n", "\ud800 é Wren")
    write_entities([note], capitals, str(tmp_path / "out.jsonl"), "jsonl")
    line = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    assert json.loads(line)["text"] == note.text


def test_concept_files_name_lines_and_words():
    note = InputNote("n", TEXT)
    start, end = TEXT.index("Low"), TEXT.index("Pain") + 4
    found = [Entity(12, 16, "doctor", 1.0), Entity(start, end, "problem", 1.0)]
    assert concept_file_of_note(note, found) == (
        'c="wren," 1:3 1:3||t="doctor"\nc="low back é pain." 2:3 3:2||t="problem"'
    )
    assert concept_file_of_note(note, []) == ""


@pytest.mark.parametrize("output_format", ["jsonl", "brat", "con", "xml"])
def test_a_stopped_run_resumes(tmp_path, output_format):
    whole, resumed = str(tmp_path / "whole"), str(tmp_path / "resumed")
    write_entities(notes(5), capitals, whole, output_format)

    def stops(texts):
        for number, found in capitals(texts):
            if number == 2:
                raise KeyboardInterrupt
            yield number, found

    with pytest.raises(KeyboardInterrupt):
        write_entities(notes(5), stops, resumed, output_format)
    if output_format == "jsonl":
        with open(f"{resumed}.partial", "ab") as file:
            file.write(b'{"text": "cut off')
    labelled = []

    def counted(texts):
        for number, found in capitals(texts):
            labelled.append(number)
            yield number, found

    assert write_entities(notes(5), counted, resumed, output_format) == (3, 2)
    assert len(labelled) == 3
    if output_format == "jsonl":
        with open(whole, "rb") as a, open(resumed, "rb") as b:
            assert a.read() == b.read()
    else:
        files = sorted(path.name for path in (tmp_path / "whole").iterdir())
        assert files == sorted(path.name for path in (tmp_path / "resumed").iterdir())


def test_resuming_with_other_notes_is_refused(tmp_path):
    output = str(tmp_path / "out.jsonl")

    def stops(texts):
        yield from list(capitals([next(iter(texts))]))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_entities(notes(), stops, output, "jsonl")
    with pytest.raises(ValueError, match="expected the first 1 notes"):
        write_entities(notes()[1:], capitals, output, "jsonl")


def test_identifiers_become_safe_file_names(tmp_path):
    odd = [InputNote("../a/b", "Wren"), InputNote("c d", "Wren")]
    write_entities(odd, capitals, str(tmp_path / "out"), "con")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "..%2Fa%2Fb.con",
        "c d.con",
    ]
    with pytest.raises(ValueError, match="n0 twice"):
        write_entities(notes(1) * 2, capitals, str(tmp_path / "twice"), "con")


def test_no_notes_and_unknown_formats(tmp_path):
    assert write_entities([], capitals, str(tmp_path / "none.jsonl"), "jsonl") == (0, 0)
    assert (tmp_path / "none.jsonl").read_bytes() == b""
    with pytest.raises(ValueError, match="jsonl, brat, con, xml"):
        write_entities([], capitals, str(tmp_path / "x"), "csv")


def no_noteevents(path):
    raise AssertionError(path)


def test_notes_are_read_from_every_form(tmp_path):
    (tmp_path / "a.jsonl").write_text(
        '{"note_id": "1", "text": "x"}\n'
        '{"meta": {"note_id": "2", "patient_id": "p"}, "text": "y"}\n'
        '{"note_id": null, "text": null}\n'
    )
    (tmp_path / "b.csv").write_text('note_id,text\n1,"x\ny"\n')
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "2.txt").write_bytes(b"\xef\xbb\xbfx\r\n")
    (folder / "1.xml").write_text(
        "<a><TEXT><![CDATA[\nx]]></TEXT><TAGS></TAGS></a>", encoding="utf-8"
    )
    found = {
        name: [
            (note.note_id, note.text) for note in read_notes(str(tmp_path / name), no_noteevents)
        ]
        for name in ("a.jsonl", "b.csv", "c")
    }
    assert found == {
        "a.jsonl": [("1", "x"), ("2", "y"), ("2", "")],
        "b.csv": [("1", "x\ny")],
        "c": [("1", "\nx"), ("2", "x\r\n")],
    }


def test_missing_inputs(tmp_path):
    with pytest.raises(FileNotFoundError, match="--input"):
        read_notes(str(tmp_path / "no.jsonl"), no_noteevents)
    with pytest.raises(FileNotFoundError, match=r"\.txt or i2b2 \.xml"):
        read_notes(str(tmp_path), no_noteevents)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
