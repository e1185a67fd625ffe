"""Paths and globs from flags to files."""

import hashlib

import pytest

from tfrecords_builder.sources import input_files


def test_files_keep_their_order_and_globs_are_sorted(tmp_path):
    for name in ("b.txt", "a.txt", "c.csv"):
        (tmp_path / name).write_text("x")
    (tmp_path / "folder.txt").mkdir()
    found = input_files.find([str(tmp_path / "c.csv"), str(tmp_path / "*.txt")])
    assert found == [str(tmp_path / name) for name in ("c.csv", "a.txt", "b.txt")]


def test_a_name_with_glob_characters_is_a_file_first(tmp_path):
    (tmp_path / "a[1].txt").write_text("x")
    assert input_files.find([str(tmp_path / "a[1].txt")]) == [str(tmp_path / "a[1].txt")]


@pytest.mark.parametrize("pattern", ["missing.txt", "*.nothing"])
def test_what_names_no_file_is_an_error(pattern, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"received none\. Check the path or glob"):
        input_files.find([str(tmp_path / pattern)])


def test_no_pattern_at_all_is_an_error():
    with pytest.raises(FileNotFoundError, match="Name at least one"):
        input_files.find([])


def test_sources_may_be_folders_and_databases_too(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "a.csv").write_text("x")
    url = "sqlite:///mimic.db#SELECT note_id, text FROM notes"
    sources = [url, str(tmp_path / "notes"), str(tmp_path / "*.csv")]
    found = input_files.find_sources(sources)
    assert found == [url, str(tmp_path / "notes"), str(tmp_path / "a.csv")]


@pytest.mark.parametrize("source", ["gs://bucket/notes.csv", "https://host/notes.csv"])
def test_the_address_of_a_remote_file_is_an_error(source):
    with pytest.raises(FileNotFoundError, match=f"received {source}.*--runner=beam"):
        input_files.find_sources([source])


def test_a_missing_source_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"received none\. Check the path or glob"):
        input_files.find_sources([str(tmp_path / "missing")])
    with pytest.raises(FileNotFoundError, match="Name at least one"):
        input_files.find_sources([])


def test_a_query_keeps_its_commas():
    url = "postgresql:///mimic#SELECT note_id, text FROM discharge"
    assert input_files.split_sources(["a.csv, b.txt", url]) == ["a.csv", "b.txt", url]
    urls = "sqlite:///a.db,sqlite:///b.db"
    assert input_files.split_sources([urls]) == urls.split(",")


def test_a_file_is_described_by_its_bytes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"abc")
    assert input_files.describe(str(path)) == {
        "path": str(path),
        "bytes": 3,
        "sha256": hashlib.sha256(b"abc").hexdigest(),
    }


def test_a_folder_is_described_by_the_names_and_bytes_of_its_notes(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "b.txt").write_text("bb")
    (tmp_path / "inner" / "a.txt").write_text("a")
    before = input_files.describe(str(tmp_path))
    lines = "".join(
        f"{name}\0{hashlib.sha256(text).hexdigest()}\n"
        for name, text in (("b.txt", b"bb"), ("inner/a.txt", b"a"))
    )
    assert before["bytes"] == 3
    assert before["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    (tmp_path / "ignored.log").write_text("x")
    assert input_files.describe(str(tmp_path)) == before
    (tmp_path / "b.txt").rename(tmp_path / "c.txt")
    assert input_files.describe(str(tmp_path))["sha256"] != before["sha256"]


def test_a_database_is_described_without_its_password():
    described = input_files.describe("postgresql://me:secret@host/mimic#SELECT 1")
    assert described["sha256"] is None and described["bytes"] is None
    assert "secret" not in described["path"]
    assert described["path"].endswith("@host/mimic#SELECT 1")


def test_commas_part_a_flag():
    assert input_files.split(" a.txt, b/*.txt,,") == ["a.txt", "b/*.txt"]
