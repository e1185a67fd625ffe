"""The command that starts local workers."""

import os
import subprocess
import sys

import pytest

from tests.support import ROOT


def launch(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "clinicalbert_tf.launch", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, env={**os.environ, "LANG": "C"},
    )  # fmt: skip


def test_command_runs_once_a_worker_with_its_own_flags():
    code = "import sys; print(sys.argv[1:]); sys.exit(4)"
    ended = launch("--workers=3", "--", sys.executable, "-c", code, "--workers", "x", "--", "y")
    assert ended.returncode == 4
    expected = [f"[worker {index}] ['--workers', 'x', '--', 'y']" for index in range(3)]
    assert sorted(ended.stdout.splitlines()) == expected


def test_missing_command_is_said():
    ended = launch("--workers=2", "--")
    assert ended.returncode == 1
    assert "Expected a command after --, received none." in ended.stderr


def test_flag_in_the_place_of_the_command_is_said():
    ended = launch("--workers=2", "--", "--input_file=records")
    assert ended.returncode == 1
    assert "Expected a command after --, received the flag --input_file=records." in ended.stderr


def test_program_that_is_not_there_is_said():
    ended = launch("--", "no_such_program")
    assert ended.returncode == 1
    assert "launch: " in ended.stderr and "no_such_program" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_workers_are_refused():
    ended = launch("--workers=0", "--", "true")
    assert ended.returncode == 1
    assert "--workers=0" in ended.stderr


def test_help_says_units_and_defaults():
    text = " ".join(launch("--help").stdout.split())
    assert "--workers: Worker processes on this machine. (default: '2')" in text
    assert "--seconds_to_end: Seconds that the other workers" in text and "'40.0'" in text


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
