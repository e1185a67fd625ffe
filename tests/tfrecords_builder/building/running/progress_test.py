"""How far the reading of notes is."""

import shutil

import pytest

from tfrecords_builder.building.document_encoder import Counts
from tfrecords_builder.building.running import progress
from tfrecords_builder.building.settings import BuilderSettings


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


def test_a_database_has_an_estimate_for_a_million_notes(tmp_path, lines):
    size = progress.SAMPLE_CHARACTERS
    assert run(tmp_path, None, [size, size, size]) == 4 * size
    (line,) = lines
    assert line.startswith("Estimate from the first 100 notes for each million of them: about ")
    # 419,430 tokens in 100 notes.
    assert "320,000,000 instances" in line


def test_a_small_input_is_estimated_at_its_end(tmp_path, lines):
    assert run(tmp_path, 600, [100, 200, 300, 0]) == 600
    (line,) = lines
    assert line.startswith("Estimate from the first 100.0% of the inputs: about ")


def test_a_slow_sample_is_estimated_from_what_there_is(tmp_path, lines, monkeypatch):
    seconds = iter([0.0, 1.0, 2.5, 9.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    run(tmp_path, 1000, [100, 200, 300, 50])
    (line,) = lines
    assert line.startswith("Estimate from the first 30.0% of the inputs: about ")


@pytest.mark.parametrize(("total", "expected"), [(1 << 24, 1 << 24), (None, None)])
def test_the_bar_begins_when_the_estimate_is_said(total, expected, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(progress.logging, "info", lambda *_: said.append("estimate"))

    class Bar:
        def __init__(self, total, initial, **_):
            said.append(("bar", total, initial))

        def set_postfix_str(self, text, refresh):
            said.append(text.split(", ")[0])

        def update(self, step):
            said.append(step)

        def close(self):
            said.append("close")

    monkeypatch.setattr(progress.tqdm, "tqdm", Bar)
    size = progress.SAMPLE_CHARACTERS
    run(tmp_path, total, [size, size, size])
    # A character in two is a byte.
    begin = 2 * size if total is None else size
    assert said == ["estimate", ("bar", expected, begin), "100 notes", begin, "close"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
