"""`python -m tfrecords_builder`."""

import os
import re
import resource
import sqlite3
import subprocess
import sys

import pytest

from tests.support import GOLDEN, ROOT
from tfrecords_builder import schema
from tfrecords_builder.building.settings import BuilderSettings

NOTES = f"--input={GOLDEN}/notes/NOTEEVENTS.csv"
VOCAB = f"--vocab_file={GOLDEN}/vocab/cased.txt"


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "tfrecords_builder", *arguments],
        capture_output=True,
        text=True,
        **({"cwd": ROOT} | options),
    )


def test_notes_become_records_and_a_report(tmp_path):
    done = run(
        NOTES,
        VOCAB,
        f"--output_dir={tmp_path}/records",
        "--num_shards=2",
        "--max_predictions_per_seq=22",
        "--do_whole_word_mask",
        "--categories=Nursing,Radiology",
    )
    assert done.returncode == 0, done.stderr
    manifest = schema.read_manifest(str(tmp_path / "records"))
    assert manifest.settings["max_predictions_per_seq"] == 22
    assert manifest.settings["do_whole_word_mask"] is True
    assert manifest.settings["categories"] == ["Nursing", "Radiology"]
    notes = manifest.counts["notes"]
    assert 0 < notes["written"] < notes["read"] == 80
    assert f"Wrote {manifest.counts['instances']:,} instances to {tmp_path}/records" in done.stdout
    assert "Next: python -m clinicalbert_tf.pretrain" in done.stdout
    # No bar where there is no terminal.
    (line,) = done.stderr.splitlines()
    assert "Estimate from the first 100.0% of the inputs: about " in line
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "records").iterdir()} == {0o600}


def test_without_input_it_says_that_it_invents_notes(tmp_path):
    done = run(f"--output_dir={tmp_path}/records", "--synthetic_notes=30", "--num_shards=1")
    assert done.returncode == 0, done.stderr
    assert "embedded default, 30 invented notes" in done.stderr
    assert schema.read_manifest(str(tmp_path / "records")).counts["notes"]["read"] == 30


def test_without_any_flag_it_builds_into_a_new_folder(tmp_path):
    done = run(cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"records-\d{8}-\d{6}", folder.name)
    assert schema.read_manifest(str(folder)).counts["notes"]["read"] == 500
    assert f"instances to runs/{folder.name}." in done.stdout


def test_a_database_and_files_are_read_together(tmp_path):
    connection = sqlite3.connect(tmp_path / "mimic.db")
    connection.execute("CREATE TABLE notes (note_id TEXT, text TEXT)")
    rows = [(f"n{i}", f"The patient was seen {i} times.") for i in range(7)]
    connection.executemany("INSERT INTO notes VALUES (?, ?)", rows)
    connection.commit()
    connection.close()
    url = f"sqlite:///{tmp_path}/mimic.db"
    done = run(
        NOTES,
        f"--input={url}#SELECT note_id, text FROM notes",
        VOCAB,
        f"--output_dir={tmp_path}/records",
        "--num_shards=2",
    )
    assert done.returncode == 0, done.stderr
    table, database = schema.read_manifest(str(tmp_path / "records")).inputs
    assert (table["notes"], database["notes"]) == (80, 7)
    assert database["path"] == f"{url}#SELECT note_id, text FROM notes"
    assert database["sha256"] is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--input=missing.csv", VOCAB], "missing.csv"),
        ([NOTES, "--vocab_file=missing.txt"], "missing.txt"),
        ([NOTES], "--vocab_file"),
        ([NOTES, VOCAB, "--masking=dynamic", "--dupe_factor=3"], "dupe_factor 1"),
        ([NOTES, VOCAB, "--masked_lm_prob=15"], "masked_lm_prob"),
        ([NOTES, VOCAB, "surplus"], "surplus"),
    ],
)
def test_a_mistake_is_named_without_a_traceback(arguments, named, tmp_path):
    done = run(f"--output_dir={tmp_path}/records", *arguments)
    assert done.returncode != 0
    assert named in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "records" / "manifest.json").exists()


def test_a_file_too_large_for_its_disk_is_named_and_leaves_no_half_shard(tmp_path):
    def limit_file_size():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    done = run(
        NOTES,
        VOCAB,
        f"--output_dir={tmp_path}/records",
        "--num_shards=1",
        "--num_workers=2",
        preexec_fn=limit_file_size,
    )
    assert done.returncode == 1
    assert "part-00000-of-00001.tfrecord, received 'File too large'" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "records").iterdir()] == [".unfinished"]


# What a number counts.
UNITS = {
    "canaries": "secrets",
    "canary_repeats": "Notes",
    "num_shards": "Files",
    "num_workers": "Processes",
    "max_seq_length": "Tokens",
    "max_predictions_per_seq": "tokens",
    "random_seed": "Seed",
    "dupe_factor": "Passes",
    "masked_lm_prob": "a fraction",
    "short_seq_prob": "a fraction",
    "deduplicate_threshold": "a fraction",
    "deduplicate_memory_mb": "MiB",
    "pool_documents": "Documents",
    "synthetic_notes": "notes",
}


def test_help_lists_every_flag_with_its_unit_and_default():
    text = run("--help").stdout
    found = dict(re.findall(r"^  --(?:\[no\])?(\w+): (.*(?:\n    .*)*)", text, re.MULTILINE))
    fields = BuilderSettings.__dataclass_fields__
    # Its size alone is for tests.
    expected = fields.keys() - {"synthetic_vocab_size"} | {"runner", "beam_options"}
    assert expected <= found.keys()
    for name in expected:
        described = " ".join(found[name].split())
        assert len(described) > 20, name
        field = fields.get(name)
        numbered = field is not None and field.type in ("int", "float", "int | None", int, float)
        assert not numbered or name in UNITS, name
        assert UNITS.get(name, "") in described, name
        if field is not None and isinstance(field.default, int | float | str):
            shown = str(field.default)
            shown = shown.lower() if isinstance(field.default, bool) else shown
            assert f"(default: '{shown}')" in described, name
        else:
            assert re.search(r"[dD]efault|None:|where none", described), name


def test_help_says_which_sources_a_filter_refuses():
    described = " ".join(run("--help").stdout.split())
    for sentence in (
        "Rows without a subject id are left out too and counted as unknown_subject; sources that "
        "carry no subject ids are refused.",
        "Notes without hadm_id are kept; sources without hadm_id are refused.",
        "Sentence files have none: refused for them.",
    ):
        assert sentence in described


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
