"""Paths and globs from flags to files."""

import pytest

from tfrecords_builder import input_files


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


def test_commas_part_a_flag():
    assert input_files.split(" a.txt, b/*.txt,,") == ["a.txt", "b/*.txt"]
