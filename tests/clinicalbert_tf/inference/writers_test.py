import os
import sys

import pytest

from clinicalbert_tf.inference.writers import check_writable, write_output


def test_parquet_without_its_package_names_the_extra_and_another_format(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"clinicalbert_tf\[parquet\].*--output_format=npz"):
        check_writable("parquet")
    check_writable("npz")


def test_an_output_that_cannot_be_finished_leaves_what_stood_there(tmp_path):
    output, part = tmp_path / "out.jsonl", tmp_path / "part"
    output.write_text("earlier")
    part.write_text("new")
    with pytest.raises(FileNotFoundError):
        write_output("jsonl", str(output), [str(part), str(tmp_path / "lost")], 0)
    assert output.read_text() == "earlier"
    assert sorted(os.listdir(tmp_path)) == ["out.jsonl", "part"]
    write_output("jsonl", str(output), [str(part)], 0)
    assert output.read_text() == "new"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
