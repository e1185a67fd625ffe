"""The command: its files, its errors, and nothing of the text where it was not asked for."""

import json
import os
import stat

import pytest

from tests import processes
from tests.support import GOLDEN

MODEL = GOLDEN / "tf1_checkpoint"


def run(*flags, cwd):
    return processes.run(["-m", "clinicalbert_tf.attention_map", *flags], cwd=cwd)


@pytest.mark.large
def test_row_of_a_file_gives_private_files_of_its_text(tmp_path):
    lines = [{"note_id": "a", "text": "other"}, {"note_id": "7", "text": "Denies secretword pain."}]
    (tmp_path / "notes.jsonl").write_text("\n".join(map(json.dumps, lines)))
    done = run(f"--model={MODEL}", "--input=notes.jsonl", "--id=7", "--output_dir=out",
        "--max_seq_length=16", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "secretword" not in done.stdout + done.stderr
    names = sorted(os.listdir(tmp_path / "out"))
    assert names == ["attention.html", "attention.png"]
    for name in names:
        assert stat.S_IMODE((tmp_path / "out" / name).stat().st_mode) == 0o600
    assert "Attention: 7" in (tmp_path / "out" / "attention.html").read_text()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--input=b"], "either --text, or --input with --id"),
        (["--text=a", "--input=b"], "either --text, or --input with --id"),
        (["--input=notes.txt", "--id=9"], "with the identifier 9 in notes.txt, found none"),
        (["--text=a", "--model=nowhere"], "nowhere"),
    ],
)
def test_error_is_one_message(tmp_path, flags, words):
    (tmp_path / "notes.txt").write_text("one\ntwo\n")
    done = run(*flags, cwd=tmp_path)
    assert done.returncode == 1
    assert words in done.stderr and "Traceback" not in done.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
