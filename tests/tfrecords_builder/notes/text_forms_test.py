"""Texts as exports leave them are told, counted and said; numbers with < and > are none."""

import json

import pytest

from tfrecords_builder import format_notes
from tfrecords_builder.notes import reading
from tfrecords_builder.notes.text_forms import ESCAPED_LINE_ENDS, HTML_TAGS, unusual_form


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("HPI: seen.\\nPlan: home.", ESCAPED_LINE_ENDS),
        # A path, or a typing error, in a note with lines.
        ("Scan in C:\\notes.\nPlan: home.", None),
        ("Seen.<br>Home.", HTML_TAGS),
        ("Seen.<BR />Home.", HTML_TAGS),
        ('<p class="note">Seen.</p>', HTML_TAGS),
        ("Na <138, K > 4.", None),
        ("a <b and b> c, p<i>0", HTML_TAGS),
        ("a <b and b> c, WBC <p 3", None),
        ("Seen.\nHome.", None),
        ("", None),
    ],
)
def test_form_of_a_text(text, form):
    assert unusual_form(text) == form


def test_notes_are_counted_and_said_without_their_text(tmp_path, caplog):
    texts = ["HPI: seen.\\nPlan: home.", "Seen.<br>Home.", "Seen.<br>Back.", "No fever."]
    rows = [{"note_id": str(n), "text": text} for n, text in enumerate(texts)]
    path = tmp_path / "notes.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    counts = reading.NoteCounts()
    # Nothing is changed.
    assert [note.text for note in reading.read_notes(str(path), counts=counts)] == texts
    assert counts.forms == {ESCAPED_LINE_ENDS: 1, HTML_TAGS: 2}
    format_notes.format_notes(
        format_notes.FormatSettings(input=(str(path),), output_dir=str(tmp_path / "out"))
    )
    said = [record.getMessage() for record in caplog.records if "notes used" in record.getMessage()]
    assert said[0].startswith("1 of the 4 notes used hold \\n as two characters")
    assert said[1].startswith("2 of the 4 notes used hold HTML tags")
    assert "Plan" not in caplog.text and "Home" not in caplog.text
    counted = json.loads((tmp_path / "out" / "counts.json").read_text())
    assert "escaped_line_ends" in json.dumps(counted)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
