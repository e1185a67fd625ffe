"""Files that are no notes at all are named for what they are."""

import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from tfrecords_builder.notes.reading import NoteSourceError, read_notes

TABLE = b"note_id,text\n1,Pain.\n"


def zipped(*names, data="<x/>"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, data)
    return packed.getvalue()


def gzipped(data):
    # Without the time: the two processes of the test run must name the tests alike.
    return gzip.compress(data, mtime=0)


def tarred():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        member = tarfile.TarInfo("notes.csv")
        member.size = len(TABLE)
        archive.addfile(member, io.BytesIO(TABLE))
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "what", "advice"),
    [
        ("n.xlsx", zipped("[Content_Types].xml", "xl/workbook.xml"), "workbook of Excel", "CSV"),
        ("n.csv", zipped("[Content_Types].xml", "word/document.xml"), "document of Word", ".txt"),
        ("n.ods", zipped("mimetype", "content.xml"), "LibreOffice", "CSV"),
        ("n.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Microsoft Office", "CSV"),
        ("n.pdf", b"%PDF-1.4\n", "a PDF", "pdftotext"),
        ("n.txt", b"{\\rtf1\\ansi Pain.}", "RTF", ".txt"),
        ("._n.txt", b"\0\5\x16\7\0\2", "macOS", "the file itself"),
        ("n.csv", b"PAR1" + bytes(8), "Parquet", ".parquet"),
        ("n.db", b"SQLite format 3\0", "SQLite", "sqlite:///"),
        ("n.csv", b"<!DOCTYPE html><html>Pain.", "a web page", "sign in and download"),
        ("n.txt", b"\xef\xbb\xbf\n<HTML>Pain.", "a web page", ".txt"),
        ("n.xml", b'<?xml version="1.0"?><TEXT>Pain.</TEXT>', "XML", "note_id"),
        ("n.csv.Z", b"\x1f\x9d\x90Pain.", "compress", "gunzip"),
        ("n.csv.lz4", b"\x04\x22\x4d\x18Pain.", "lz4", "unlz4"),
        ("n.csv.lzma", lzma.compress(TABLE, lzma.FORMAT_ALONE), "old lzma", "unlzma"),
        ("n.csv.gz", gzipped(gzipped(TABLE)), "packed twice", "once"),
        ("n.zip", zipped("n.csv.gz", data=gzipped(TABLE)), "packed twice", "once"),
        ("n.tar", tarred(), "tar archive", "tar -xf"),
        ("n.tar.gz", gzipped(tarred()), "tar archive", "tar -xf"),
    ],
)
def test_it_says_what_a_file_is_and_what_to_do(tmp_path, name, data, what, advice):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(NoteSourceError, match=what) as error:
        list(read_notes(str(tmp_path / name)))
    assert advice in str(error.value) and "Pain" not in str(error.value)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
