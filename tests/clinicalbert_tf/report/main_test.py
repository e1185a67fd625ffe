"""`python -m clinicalbert_tf.report`."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.support import ROOT


def run(*arguments, folder):
    return subprocess.run(
        [sys.executable, "-m", "clinicalbert_tf.report", *map(str, arguments)],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_report_of_a_named_run_goes_where_asked(run_folder, tmp_path):
    done = run(run_folder, f"--output_file={tmp_path / 'x.html'}", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"Wrote {tmp_path / 'x.html'}" in done.stdout
    assert "Finished at step 40" in (tmp_path / "x.html").read_text()
    assert not (run_folder / "report.html").exists()


def test_newest_run_is_taken_where_none_is_named(run_folder, tmp_path):
    for name, when in (("new", 2e9), ("old", 1e9)):
        copy = tmp_path / "runs" / name
        shutil.copytree(run_folder, copy)
        os.utime(copy / "run.json", (when, when))
    done = run(folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "new" / "report.html").exists()
    assert not (tmp_path / "runs" / "old" / "report.html").exists()


def test_what_is_no_run_is_an_error_that_says_what_to_do(tmp_path):
    done = run(folder=tmp_path)
    assert done.returncode == 1
    assert "none under runs/ either" in done.stderr and "Name the --output_dir" in done.stderr
    done = run(tmp_path, folder=tmp_path)
    assert done.returncode == 1 and "has no run.json" in done.stderr
    done = run("a", "b", folder=tmp_path)
    assert done.returncode == 1 and "at most one OUTPUT_DIR" in done.stderr


def test_help_lists_the_flag_and_loads_no_tensorflow(run_folder, tmp_path):
    listed = run("--help", folder=tmp_path).stdout
    assert "--output_file" in listed and "Default: OUTPUT_DIR/report.html." in listed
    code = (
        "import sys\nfrom clinicalbert_tf.report import page\n"
        f"page.write_report({str(run_folder)!r})\n"
        "print('LOADED', sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "LOADED []" in done.stdout


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
