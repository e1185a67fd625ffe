"""How far the reading of notes is."""

import shutil

import pytest

from tfrecords_builder.documents import Counts
from tfrecords_builder.running import progress
from tfrecords_builder.settings import BuilderSettings


@pytest.fixture
def lines(monkeypatch):
    """What is logged."""
    found = []
    for level in ("info", "warning"):
        monkeypatch.setattr(
            progress.logging, level, lambda text, *values: found.append(text % values)
        )
    return found


def counts(characters):
    return Counts(read=100, written=100, tokens=characters // 5, characters_read=characters)


def run(folder, total_bytes, sizes):
    """A batch of `size` bytes each, every one twice as many characters, tokenized one late."""
    characters = 0
    settings = BuilderSettings(str(folder))
    with progress.ReadingProgress(settings, 30_000, total_bytes) as shown:
        for number, size in enumerate(sizes):
            shown.on_bytes(size)
            shown.on_batch()
            if number:
                characters += 2 * sizes[number - 1]
                shown.update(counts(characters))
        return shown.done


def test_it_moves_by_the_bytes_of_the_batches_that_came_back(tmp_path, lines):
    assert run(tmp_path, 1000, [100, 200, 300, 50]) == 600
    assert lines == []


def test_a_sample_gives_the_estimate_once(tmp_path, lines):
    size = progress.SAMPLE_CHARACTERS // 2
    run(tmp_path, 100 * size, [size, size, size, size])
    (line,) = lines
    assert line.startswith("Estimate from the first 1.0% of the inputs: about ")
    # 20,971 thousand tokens in 10,000 notes.
    assert "1,600,000 instances" in line


def test_a_disk_too_small_is_said_before_it_is_full(tmp_path, lines, monkeypatch):
    monkeypatch.setattr(
        progress.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1)
    )
    size = progress.SAMPLE_CHARACTERS // 2
    run(tmp_path, 100 * size, [size, size, size])
    assert "received 0.0 GB of free disk" in lines[1]
    assert "--masking=dynamic" in lines[1]


def test_a_database_has_no_estimate(tmp_path, lines):
    size = progress.SAMPLE_CHARACTERS
    assert run(tmp_path, None, [size, size, size]) == 4 * size
    assert lines == []
