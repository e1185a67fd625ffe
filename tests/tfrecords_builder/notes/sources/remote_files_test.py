"""What inputs name for Apache Beam, where they lie on this machine."""

import pytest

pytest.importorskip("apache_beam")

from tfrecords_builder.notes.sources import remote_files


def test_the_same_file_by_two_inputs_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x")
    assert remote_files.find(["b.csv", "a*"]) == ["b.csv", "a.csv"]
    with pytest.raises(ValueError, match=r"the same twice: .*b\.csv, by \*\.csv and by b\.csv"):
        remote_files.find(["*.csv", "b.csv"])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
