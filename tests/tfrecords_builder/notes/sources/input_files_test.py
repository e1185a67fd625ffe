"""Paths and globs from flags to files."""

import hashlib

import pytest

from tfrecords_builder.notes.sources import input_files


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


@pytest.mark.parametrize("stream", ["-", "/dev/stdin"])
def test_standard_input_is_refused_with_the_way_out(stream):
    with pytest.raises(FileNotFoundError, match=r"standard input.*Write it to a file"):
        input_files.find([stream])


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
    assert described["query_sha256"] == hashlib.sha256(b"SELECT 1").hexdigest()
    assert "secret" not in described["path"]
    assert described["path"].endswith("@host/mimic#SELECT 1")


def test_commas_part_a_flag():
    assert input_files.split(" a.txt, b/*.txt,,") == ["a.txt", "b/*.txt"]


def test_a_changed_query_file_changes_the_description(tmp_path):
    path = tmp_path / "q.sql"
    path.write_text("SELECT note_id, text FROM a")
    source = f"postgresql:///mimic#{path}"
    before = input_files.describe(source)
    assert input_files.describe(source) == before
    path.write_text("SELECT note_id, text FROM b")
    assert input_files.describe(source) != before


def test_a_comma_in_a_password_separates_nothing():
    url = "postgresql://me:sec,ret@host/mimic"
    assert input_files.split_sources([url]) == [url]
    assert input_files.split_sources([f"{url}, sqlite:///b.db"]) == [url, "sqlite:///b.db"]
    assert input_files.split_sources([f"a.csv, b.csv,{url}"]) == ["a.csv", "b.csv", url]
    assert input_files.split_sources([f"a.csv,{url}#SELECT a, b"]) == [
        "a.csv",
        f"{url}#SELECT a, b",
    ]
    assert input_files.split_sources(["gs://me@b/a.csv,b.csv"]) == ["gs://me@b/a.csv", "b.csv"]


def test_a_hash_sign_in_a_password_is_found_before_anything_is_read():
    with pytest.raises(ValueError, match="%23") as raised:
        input_files.find_sources(["postgresql://me:sec#ret@host/mimic#SELECT 1"])
    assert "ret@" not in str(raised.value)


@pytest.mark.parametrize(
    "patterns",
    [
        ("*.csv", "b.csv"),
        ("b.csv", "./b.csv"),
        ("[ab].csv", "b*"),
        ("link.csv", "b.csv"),
        ("folder", "folder/part.parquet"),
        ("folder", "folder/"),
        ("folder/inner", "folder"),
        ("sqlite:///b.db#SELECT 1",) * 2,
    ],
)
def test_the_same_notes_twice_are_an_error(patterns, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "folder/part.parquet", "folder/inner/part.parquet"):
        (tmp_path / name).write_text("x")
    (tmp_path / "link.csv").symlink_to("b.csv")
    if patterns[0] == "*.csv":
        (tmp_path / "link.csv").unlink()
    with pytest.raises(
        ValueError, match=r"received the same twice: .*(b|part).*Drop one"
    ) as raised:
        input_files.find_sources(patterns)
    assert f"by {patterns[0]} and by {patterns[1]}." in str(raised.value)


def test_the_same_url_twice_is_named_without_its_password():
    with pytest.raises(ValueError, match="received the same twice") as raised:
        input_files.find_sources(["postgresql://me:secret@host/db"] * 2)
    assert "secret" not in str(raised.value)


def test_different_queries_of_one_database_are_different_inputs():
    sources = [f"sqlite:///a.db#SELECT note_id, text FROM {name}" for name in "ab"]
    assert input_files.find_sources(sources) == sources


def test_what_opens_a_remote_file_is_not_shown():
    with pytest.raises(FileNotFoundError, match="received https://me:") as raised:
        input_files.find_sources(["https://me:secret@host/notes.csv?signature=secret"])
    assert "secret" not in str(raised.value)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
