"""Commands without any flag show themselves on invented notes."""

import json
import pathlib
import shutil

import pytest

from clinicalbert_tf import embedded_tools
from tests import processes, support


@pytest.fixture
def folder(tmp_path):
    """A folder with a pretrained model, so that none is trained."""
    shutil.copytree(support.GOLDEN / "tf1_checkpoint", tmp_path / "runs" / "pretrain-golden")
    return tmp_path


def run(folder, command):
    done = processes.run(["-m", f"clinicalbert_tf.{command}"], cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "\nNext:\n" in done.stdout
    return done.stdout


@pytest.mark.parametrize(
    ("command", "said", "written"),
    [
        ("search", "60 notes in ", ["notes.index", "notes.jsonl"]),
        ("extract_features", "60 rows", ["notes.jsonl", "vectors.npz"]),
        ("attention_map", "attention.html", ["attention.html", "attention.png"]),
        ("fill_mask", "[MASK] 1 of 1", None),
    ],
)
def test_a_command_without_flags_takes_the_model_that_is_here(folder, command, said, written):
    assert said in run(folder, command)
    made = sorted(path.name for path in (folder / "runs").glob(f"{command}-*/*"))
    assert made == (written or [])


def test_deidentify_cleans_invented_letters(tmp_path):
    printed = run(tmp_path, "deidentify")
    assert "20 notes in, 20 out" in printed
    (clean,) = (tmp_path / "runs").glob("deidentify-*/clean.jsonl")
    rows = [json.loads(line) for line in clean.read_text().splitlines()]
    dirty = [json.loads(line) for line in (clean.parent / "notes.jsonl").read_text().splitlines()]
    assert [row["note_id"] for row in rows] == [row["note_id"] for row in dirty]
    for before, after in zip(dirty, rows, strict=True):
        surname = before["text"].split("\n")[0].removeprefix("Patient: ")
        assert surname in before["text"] and surname not in after["text"]
        assert "2151" not in after["text"] and "@" not in after["text"]


@pytest.mark.large
def test_a_model_is_trained_only_if_there_is_none(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(embedded_tools, "STEPS", 10)
    first = embedded_tools.checkpoint_here()
    (weights,) = pathlib.Path(first).glob("*.index")
    made = weights.stat().st_mtime_ns
    assert embedded_tools.checkpoint_here() == first
    assert weights.stat().st_mtime_ns == made
    assert capsys.readouterr().err.count("training a tiny BERT") == 1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
