import os
import stat
import subprocess
import sys

import pytest

from tests.support import GOLDEN, ROOT

CASED = GOLDEN / "pretraining_data" / "cased_128.tfrecord.gz"
VOCABULARY = GOLDEN / "vocab" / "cased.txt"


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tfrecords_builder.inspect", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_counts_are_printed_and_no_text_by_default(tmp_path):
    page, picture = tmp_path / "r.html", tmp_path / "r.png"
    done = run(CASED, f"--vocab_file={VOCABULARY}", f"--html={page}", f"--png={picture}")
    assert done.returncode == 0, done.stderr
    assert "instances                                                948" in done.stdout
    assert "[CLS] Brief" not in done.stdout + done.stderr + page.read_text(encoding="utf-8")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert stat.S_IMODE(os.stat(page).st_mode) == 0o600
    assert str(page) in done.stderr and str(picture) in done.stderr


def test_text_is_shown_when_asked_for():
    done = run(CASED, "--show_text", f"--vocab_file={VOCABULARY}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n  [CLS] ") == 3
    assert all(f"record {i}: " in done.stdout for i in range(3))
    assert "record 3: " not in done.stdout


def test_as_many_instances_are_shown_as_asked_for():
    done = run(f"--vocab_file={VOCABULARY}", "--show_count=2", "--show_text", CASED)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n  [CLS] ") == 2


def test_a_count_alone_shows_no_text():
    done = run(CASED, f"--vocab_file={VOCABULARY}", "--show_count=2")
    assert done.returncode == 0, done.stderr
    assert "\n  [CLS] " not in done.stdout


def test_text_without_a_vocabulary_is_an_error():
    done = run(CASED, "--show_text")
    assert done.returncode == 1
    assert "Give --vocab_file" in done.stderr


def test_without_arguments_invented_records_are_built_and_inspected():
    done = run()
    assert done.returncode == 0, done.stderr
    assert "invented notes" in done.stderr
    assert done.stdout.rstrip().endswith("agree with their manifest.")


def test_disagreement_is_named_and_a_failure(tmp_path):
    small = tmp_path / "vocab.txt"
    small.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n", encoding="utf-8")
    done = run(CASED, f"--vocab_file={small}")
    assert done.returncode == 1
    verdict = done.stdout.splitlines()[-2:]
    assert verdict[0] == "1 disagreements:"
    assert "ids below the vocabulary's 6" in verdict[1]


@pytest.mark.parametrize(
    "flag", ["--vocab_file", "--[no]show_text", "--show_count", "--html", "--png", "--num_workers"]
)
def test_help_lists_every_flag(flag):
    done = run("--help")
    assert f"{flag}:" in done.stdout


def test_damaged_file_is_one_line_and_a_failure(tmp_path):
    damaged = tmp_path / "damaged.tfrecord.gz"
    damaged.write_bytes(CASED.read_bytes()[:30_000])
    done = run(damaged)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Error: ") and str(damaged) in line and "record" in line


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
