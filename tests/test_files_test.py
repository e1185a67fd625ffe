"""Every test file can be run alone: `python tests/.../x_test.py`, from any folder."""

import subprocess
import sys

import pytest

from tests import conftest, support

FILES = sorted(support.TESTS.rglob("*_test.py"))
BY_PYTEST = "    raise SystemExit(pytest.main([__file__]))\n"
BY_TENSORFLOW = "    tf.test.main()\n"


def test_every_file_ends_with_the_lines_that_run_it():
    lacking = []
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        # tf.test.main() knows classes alone.
        functions = "\ndef test_" in text
        run = text.rpartition('\n\n\nif __name__ == "__main__":\n')[2]
        if run != BY_PYTEST and (functions or run != BY_TENSORFLOW):
            lacking.append(str(path.relative_to(support.TESTS)))
    assert len(FILES) > 250 and lacking == []


@pytest.mark.large
def test_a_file_runs_from_another_folder(tmp_path):
    for name in ("clinicalbert_tf/modeling/crf_test.py", "clinicalbert_tf/report/chart_test.py"):
        done = subprocess.run(
            [sys.executable, support.TESTS / name],
            cwd=tmp_path, capture_output=True, text=True, check=False,
            env={"PYTHONPATH": str(support.ROOT)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "OK" in done.stderr or " passed" in done.stdout


def test_the_files_named_as_the_longest_are_there():
    for name in conftest.LONGEST:
        assert support.TESTS / name in FILES, name


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
