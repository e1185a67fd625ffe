"""TFRecord framing without TensorFlow's readers."""

import gzip
import mmap

import pytest
import tensorflow as tf

from tfrecords_builder.tfrecord_files import (
    CorruptRecordsError,
    count_records,
    first_record,
    is_gzip,
    read_records,
    whole_records,
)

RECORDS = [b"first", b"", b"x" * 3000]


@pytest.fixture(params=["plain", "gzip"])
def file(request, tmp_path):
    path = str(tmp_path / f"{request.param}.tfrecord")
    options = "GZIP" if request.param == "gzip" else None
    with tf.io.TFRecordWriter(path, options=options) as writer:
        for record in RECORDS:
            writer.write(record)
    return path


def test_records_are_counted_and_the_first_is_read(file):
    assert count_records(file) == 3
    assert first_record(file) == b"first"
    assert list(read_records(file)) == RECORDS
    assert is_gzip(file) == ("gzip" in file.rsplit("/", 1)[-1])


def test_cut_off_file_is_named(file, tmp_path):
    with open(file, "rb") as whole:
        data = whole.read()
    cut = tmp_path / "cut.tfrecord"
    cut.write_bytes(data[:-10])
    with pytest.raises(CorruptRecordsError, match=r"cut\.tfrecord: expected (a )?whole"):
        count_records(str(cut))


def test_records_cut_off_inside_a_whole_gzip_stream_are_named(tmp_path):
    path = tmp_path / "plain"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"record")
    cut = tmp_path / "cut.tfrecord.gz"
    cut.write_bytes(gzip.compress(path.read_bytes()[:-1]))
    with pytest.raises(CorruptRecordsError, match=r"cut\.tfrecord\.gz: .* inside record 0"):
        count_records(str(cut))


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("read", [first_record, count_records])
def test_file_of_something_else_is_no_record_file(tmp_path, read, compress):
    path = tmp_path / "notes.txt"
    # Read as a length, the first letters are more than any memory holds.
    path.write_bytes(compress(b"a sentence that is long enough for a header\n"))
    with pytest.raises(CorruptRecordsError, match=r"notes\.txt: .*not a TFRecord file") as raised:
        read(str(path))
    assert raised.value.path == str(path) and "sentence" not in str(raised.value)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("place", "message"),
    [
        (0, "length of record 0"),
        (7, "length of record 0"),
        (9, "length of record 0"),
        (12, "checksum of record 0"),
        (16, "checksum of record 0"),
        (18, "checksum of record 0"),
    ],
)
def test_changed_byte_of_the_first_record_is_damage(tmp_path, compress, place, message):
    path = tmp_path / "changed.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in RECORDS:
            writer.write(record)
    data = bytearray(path.read_bytes())
    data[place] ^= 0x01
    path.write_bytes(compress(bytes(data)))
    with pytest.raises(CorruptRecordsError, match=rf"changed\.tfrecord: .*{message}"):
        first_record(str(path))


def test_empty_file_has_no_first_record(tmp_path):
    path = tmp_path / "empty.tfrecord"
    path.write_bytes(b"")
    assert count_records(str(path)) == 0
    with pytest.raises(CorruptRecordsError, match="the file is empty"):
        first_record(str(path))


def test_a_file_that_is_still_written_ends_before_the_record_that_is_cut_off(tmp_path):
    path = tmp_path / "events"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in RECORDS:
            writer.write(record)
    for cut, expected in ((0, RECORDS), (1, RECORDS[:2]), (3010, RECORDS[:2]), (3030, [b"first"])):
        size = path.stat().st_size - cut
        path.with_suffix(".cut").write_bytes(path.read_bytes()[:size])
        with (
            open(path.with_suffix(".cut"), "rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            assert list(whole_records(content)) == expected


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
