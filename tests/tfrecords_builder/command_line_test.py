"""Commands whose output nobody reads to its end, and --help."""

import ast
import os
import subprocess
import sys

import pytest

from tests.support import ROOT

PROGRAM = """
import sys
from absl import logging
from tfrecords_builder import command_line

def main(argv):
    try:
        for number in range({lines}):
            print("x" * 100)
    except OSError as error:
        sys.exit(f"Error: {{error}}")
    logging.warning("done")
    open({done!r}, "w").close()

command_line.run(main)
"""


def run(program, *flags, shell="{} | true"):
    command = f"\"{sys.executable}\" -c '{program}' " + " ".join(flags)
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell.format(command)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


@pytest.mark.parametrize("lines", [1, 10_000])
def test_output_that_nobody_reads_ends_the_command_quietly(lines, tmp_path):
    program = PROGRAM.format(lines=lines, done=str(tmp_path / "done")).replace("'", '"')
    # The reader is gone before the first line.
    ran = run(program, shell="(sleep 1; {}) | true")
    assert ran.returncode == 141
    assert "Traceback" not in ran.stderr and "Broken pipe" not in ran.stderr


def test_a_command_that_reads_its_arguments_itself_ends_quietly_too(tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("a B-X B-X\n\n")
    command = f'"{sys.executable}" -m clinicalbert_tf.score spans --file {words}'
    ran = run("", shell=f"(sleep 1; {command}) | true; {command}")
    assert ran.returncode == 0 and ran.stderr == ""
    assert "f1" in ran.stdout.lower()


def test_messages_that_nobody_reads_do_not_end_the_work(tmp_path):
    program = PROGRAM.format(lines=1, done=str(tmp_path / "done")).replace("'", '"')
    ran = run(program, shell="(sleep 1; {} 2>&1 >/dev/null) | true")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "done").exists()


def test_help_is_a_success(tmp_path):
    program = PROGRAM.format(lines=1, done=str(tmp_path / "done")).replace("'", '"')
    ran = run(program, "--help", shell="{}")
    assert ran.returncode == 0 and "flags" in ran.stdout
    assert run(program, "--unknown", shell="{}").returncode != 0


def test_every_command_is_run_by_it():
    for package in ("tfrecords_builder", "clinicalbert_tf"):
        for path in (ROOT / package).rglob("*.py"):
            if path.name == "command_line.py":
                continue
            source = path.read_text(encoding="utf-8")
            calls = {
                ast.unparse(node.func)
                for node in ast.walk(ast.parse(source))
                if isinstance(node, ast.Call)
            }
            assert "app.run" not in calls, f"{path}: use command_line.run"
            if '__name__ == "__main__"' in source:
                run_by = calls & {"command_line.run", "command_line.run_plain"}
                assert run_by, f"{path}: use command_line.run"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
