"""What a build says at its end."""

import dataclasses
import shlex

import pytest

from tfrecords_builder import schema
from tfrecords_builder.building.running import report

MANIFEST = schema.Manifest(
    settings={},
    vocabulary={},
    inputs=[],
    counts={
        "notes": {
            "read": 1234,
            "written": 1200,
            "empty": 20,
            "filtered": {"marked_as_error": 8},
            "failed": 6,
        },
        "sections": 10,
        "sentences": 20,
        "tokens": 30,
        "instances": 5000,
        "characters": {"read": 200, "kept": 199},
    },
    shards=[{"file": "a", "instances": 5000, "bytes": 77}],
    failed_notes=[{"note_id": f"row{i}", "reason": "sections=x: IndexError"} for i in range(6)],
)


def test_every_note_is_accounted_for():
    lines = [line.split() for line in report.format_report(MANIFEST, "records").splitlines()]
    for expected in (
        ["notes", "read", "1,234"],
        ["written", "1,200"],
        ["empty", "20"],
        ["filtered:", "marked_as_error", "8"],
        ["failed", "6"],
        ["characters", "kept,", "%", "99.50"],
        ["bytes", "77"],
    ):
        assert expected in lines


def test_share_of_copies_is_of_the_notes_with_text():
    assert "copies" not in report.format_report(MANIFEST, "records")
    notes = MANIFEST.counts["notes"]
    filtered = {"marked_as_error": 8, "exact_copy": 300, "near_copy": 102}
    counts = MANIFEST.counts | {"notes": notes | {"read": 1636, "filtered": filtered}}
    text = report.format_report(dataclasses.replace(MANIFEST, counts=counts), "records")
    lines = [line.split() for line in text.splitlines()]
    # 402 of 1,200 written, 6 failed and themselves.
    assert ["copies", "left", "out,", "%", "25.00"] in lines
    assert ["filtered:", "near_copy", "102"] in lines


def test_failed_notes_are_named_and_the_next_command_said():
    text = report.format_report(MANIFEST, "my/records")
    assert "row0 (sections=x: IndexError)" in text
    assert "row4" in text and "row5" not in text
    assert "Wrote 5,000 instances to my/records." in text
    assert "Next: python -m clinicalbert_tf.pretrain --input_file=my/records" in text


def test_next_command_is_one_for_a_shell_with_one_placeholder_that_is_explained():
    command, explanation = report.format_report(MANIFEST, "my records").splitlines()[-2:]
    assert shlex.split(command) == [
        *("Next:", "python", "-m", "clinicalbert_tf.pretrain"),
        *("--input_file=my records", "--init_checkpoint=RELEASED_CHECKPOINT"),
    ]
    assert explanation.startswith("(RELEASED_CHECKPOINT: ")
    assert "--bert_config_file=FILE" in explanation


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
