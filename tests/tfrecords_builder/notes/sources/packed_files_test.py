"""Files of notes in every packing and encoding that can be told for certain."""

import bz2
import gzip
import lzma
import zipfile

import pytest

from tfrecords_builder.notes.reading import NoteSourceError, read_notes
from tfrecords_builder.notes.sources import packed_files

TABLE = "note_id,text\n1,Pain.\n2,Café fine.\n".encode()


def zipped(path, members, flags=0):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return str(path)


def packed(path, how):
    if how == "zip":
        return zipped(path, {"notes/": b"", "notes/n.csv": TABLE, "__MACOSX/n.csv": b"x"})
    if how == "zst":
        zstandard = pytest.importorskip("zstandard")
        path.write_bytes(zstandard.compress(TABLE[:20]) + zstandard.compress(TABLE[20:]))
    else:
        path.write_bytes({"gz": gzip, "bz2": bz2, "xz": lzma}[how].compress(TABLE))
    return str(path)


@pytest.mark.parametrize("how", ["gz", "bz2", "xz", "zst", "zip"])
def test_every_packing_is_told_by_its_first_bytes(how, tmp_path):
    read = []
    path = packed(tmp_path / "notes.csv", how)
    texts = [note.text for note in read_notes(path, on_bytes=read.append)]
    assert texts == ["Pain.", "Café fine."]
    assert sum(read) >= (tmp_path / "notes.csv").stat().st_size - 64


@pytest.mark.parametrize("how", ["gz", "bz2", "xz", "zst"])
def test_a_packed_file_that_is_cut_off_is_an_error(how, tmp_path):
    path = tmp_path / "notes.csv"
    packed(path, how)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(NoteSourceError, match=r"notes.csv.*expected a whole (gzip|bzip2|xz|Zst)"):
        list(read_notes(str(path)))


@pytest.mark.parametrize("members", [{}, {"a.csv": TABLE, "b.csv": TABLE}])
def test_a_zip_archive_of_no_or_several_files_is_refused(members, tmp_path):
    path = zipped(tmp_path / "n.zip", members)
    with pytest.raises(NoteSourceError, match=rf"one file, received {len(members)}.*unzip"):
        list(read_notes(path))


def test_a_damaged_zip_archive_is_refused(tmp_path):
    path = tmp_path / "n.zip"
    zipped(path, {"a.csv": TABLE})
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(NoteSourceError, match="expected a whole zip file"):
        list(read_notes(str(path)))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32"])
def test_the_mark_of_an_encoding_is_believed(encoding, tmp_path):
    path = tmp_path / "n.csv"
    path.write_bytes(TABLE.decode().encode(encoding))
    assert [note.text for note in read_notes(str(path))] == ["Pain.", "Café fine."]


@pytest.mark.parametrize(
    "text, encoding, named",
    [
        ("Fieber über 39 und müde", "cp1252", "CP1252"),
        ("患者头痛三天，无发热", "gb18030", "GB18030"),
        ("Pain.", "utf-16-le", "UTF-16LE"),
        ("Pain.", "utf-16-be", "UTF-16BE"),
    ],
)
def test_other_encodings_are_named_with_a_command(text, encoding, named, tmp_path):
    path = tmp_path / "n.csv"
    path.write_bytes(f"note_id,text\n1,{text}\n".encode(encoding))
    with pytest.raises(NoteSourceError, match=rf"iconv -f {named} -t UTF-8 \S*n\.csv > ") as error:
        list(read_notes(str(path)))
    assert text not in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_text_file_of_utf_16_without_its_mark_is_refused(encoding, tmp_path):
    path = tmp_path / "n.txt"
    path.write_bytes("Pain is gone.".encode(encoding))
    with pytest.raises(NoteSourceError, match=r"iconv -f UTF-16[LB]E -t UTF-8 \S*n\.txt"):
        list(read_notes(str(path)))


@pytest.mark.parametrize(
    ("name", "member", "data"),
    [
        ("reports.2019.zip", "r/1.txt", b"Pain."),
        ("n.zip", "n.jsonl", b'\n{"note_id": "1", "text": "Pain."}'),
        ("n.jsonl.zip", "export", b'{"note_id": "1", "text": "Pain."}'),
    ],
)
def test_a_zip_archive_is_what_its_file_is(name, member, data, tmp_path):
    path = zipped(tmp_path / name, {member: data})
    assert [note.text for note in read_notes(path)] == ["Pain."]


def test_names_lose_their_packing_only():
    assert packed_files.without_suffix("A/Notes.CSV.GZ") == "a/notes.csv"
    assert packed_files.without_suffix("notes.csv") == "notes.csv"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
