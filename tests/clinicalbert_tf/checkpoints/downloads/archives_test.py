"""Archives: what is unpacked, what is refused, and that nothing escapes or stays half done."""

import io
import os
import pathlib
import stat
import tarfile
import zipfile

import pytest

from clinicalbert_tf.checkpoints.downloads import archives
from clinicalbert_tf.checkpoints.downloads.archives import ArchiveError, ArchiveLimits, unpack


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("CLINICALBERT_TF_CACHE", str(folder))
    return folder


def write_tar(path, members, mode="w:gz"):
    """members: {name: bytes, None for a folder, or a TarInfo as it is}."""
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = content if isinstance(content, bytes) else b""
            if content is None:
                info.type = tarfile.DIRTYPE
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def files_below(folder):
    return {str(p.relative_to(folder)) for p in pathlib.Path(folder).rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("ending", "mode"), [(".tar", "w:"), (".tgz", "w:gz"), (".tar.bz2", "w:bz2"), ("", "w:xz")]
)
def test_every_kind_of_tar_is_unpacked(tmp_path, ending, mode):
    path = write_tar(tmp_path / f"model{ending}", {"m": None, "m/a": b"1", "m/b/c": b"2"}, mode)
    folder = pathlib.Path(unpack(path))
    assert files_below(folder) == {"m/a", "m/b/c"}
    assert (folder / "m" / "b" / "c").read_bytes() == b"2"
    assert archives.is_archive(path)


def test_an_archive_is_unpacked_once(tmp_path):
    path = write_tar(tmp_path / "m.tar.gz", {"a.txt": b"1"})
    first = pathlib.Path(unpack(path))
    (first / "a.txt").write_text("kept")
    assert (pathlib.Path(unpack(path)) / "a.txt").read_text() == "kept"


def test_a_changed_archive_is_unpacked_anew(tmp_path):
    path = write_tar(tmp_path / "m.tar.gz", {"a.txt": b"1"})
    first = unpack(path)
    write_tar(path, {"a.txt": b"22"})
    os.utime(path, ns=(1, 1))
    assert (pathlib.Path(unpack(path)) / "a.txt").read_bytes() == b"22"
    assert unpack(path) != first


def test_what_is_unpacked_is_for_its_owner_only(tmp_path, cache):
    member = tarfile.TarInfo("m/run.sh")
    member.mode = 0o4777
    folder = unpack(write_tar(tmp_path / "m.tar.gz", {"m/run.sh": member}))
    assert stat.S_IMODE(os.stat(os.path.join(folder, "m/run.sh")).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(cache).st_mode) == 0o700


def test_another_process_that_was_faster_is_no_error(tmp_path, monkeypatch):
    path = write_tar(tmp_path / "m.tar.gz", {"a.txt": b"1"})
    extract = archives.extract_members

    def slow(*arguments):
        with monkeypatch.context() as faster:
            faster.setattr(archives, "extract_members", extract)
            unpack(path)
        return extract(*arguments)

    monkeypatch.setattr(archives, "extract_members", slow)
    assert files_below(unpack(path)) == {"a.txt"}
    assert [name for name in os.listdir(archives.cache_folder()) if name.startswith(".")] == []


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "m/../../out.txt", "C:\\out.txt"])
@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_a_member_outside_the_folder_is_refused(tmp_path, cache, write, name):
    path = write(tmp_path / "evil.archive", {"fine.txt": b"1", name: b"2"})
    with pytest.raises(ArchiveError, match="below the archive's own folder") as error:
        unpack(path)
    assert "out.txt" in str(error.value)
    assert files_below(tmp_path) == {"evil.archive"}
    assert not os.path.exists("/out.txt")


@pytest.mark.parametrize(
    ("kind", "what"),
    [(tarfile.SYMTYPE, "a link"), (tarfile.LNKTYPE, "a link"), (tarfile.FIFOTYPE, "a device")],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path, cache, kind, what):
    member = tarfile.TarInfo("vocab.txt")
    member.type, member.linkname = kind, "/etc/passwd"
    path = write_tar(tmp_path / "m.tar.gz", {"vocab.txt": member})
    with pytest.raises(ArchiveError, match=f"files and folders only, received {what}.*vocab.txt"):
        unpack(path)
    assert files_below(cache) == set()


def test_a_link_in_a_zip_is_refused(tmp_path):
    info = zipfile.ZipInfo("vocab.txt")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(ArchiveError, match=r"received a link or device: .vocab\.txt"):
        unpack(write_zip(tmp_path / "m.zip", {info: b"/etc/passwd"}))


def test_an_encrypted_zip_is_refused(tmp_path):
    path = write_zip(tmp_path / "m.zip", {"vocab.txt": b"[PAD]"})
    data = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags] |= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match=r"received an encrypted file: .vocab\.txt"):
        unpack(path)


def test_one_name_twice_is_refused(tmp_path):
    path = tmp_path / "m.tar"
    with tarfile.open(path, "w") as archive:
        for data in (b"1", b"2"):
            info = tarfile.TarInfo("vocab.txt")
            info.size = 1
            archive.addfile(info, io.BytesIO(data))
    with pytest.raises(ArchiveError, match=r"every member once, received .vocab\.txt. twice"):
        unpack(path)


@pytest.mark.parametrize("write", [write_tar, write_zip])
@pytest.mark.parametrize(
    ("limits", "named"),
    [
        (ArchiveLimits(member_bytes=999), "at most 999 bytes in 'b.bin'"),
        (ArchiveLimits(total_bytes=1009), "at most 1,009 bytes in all"),
        (ArchiveLimits(members=1), "at most 1 files and folders"),
        (ArchiveLimits(ratio=0.5, ratio_floor_bytes=0), "at most 0.5 bytes for each byte"),
    ],
)
def test_an_archive_over_a_limit_is_refused(tmp_path, cache, write, limits, named):
    path = write(tmp_path / "m", {"a.bin": b"1" * 10, "b.bin": os.urandom(1000)})
    with pytest.raises(ArchiveError, match=named):
        unpack(path, limits=limits)
    assert files_below(cache) == set()
    assert len(files_below(unpack(path))) == 2


def test_a_bomb_of_zeros_is_stopped_while_it_unpacks(tmp_path):
    path = write_tar(tmp_path / "m.tar.gz", {"a.bin": bytes(3 << 20)})
    with pytest.raises(ArchiveError, match="at most 100 bytes for each byte"):
        unpack(path, limits=ArchiveLimits(ratio=100, ratio_floor_bytes=1 << 20))
    # Of ordinary size it is harmless.
    assert files_below(unpack(path)) == {"a.bin"}


def test_a_zip_that_hides_its_size_is_damaged(tmp_path):
    path = write_zip(tmp_path / "m.zip", {"a.bin": bytes(1000)})
    data = bytearray(path.read_bytes())
    position = data.index(b"PK\x01\x02") + 24
    data[position : position + 4] = (10).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="damaged or truncated"):
        unpack(path)


@pytest.mark.parametrize("kind", ["w:gz", "w:", "w:bz2", "w:xz", "zip"])
@pytest.mark.parametrize("keep", [0.2, 0.6, 0.9])
def test_a_truncated_archive_is_an_error_and_leaves_nothing(tmp_path, cache, kind, keep):
    path = tmp_path / "m.tar.gz"
    members = {name: os.urandom(9000) for name in ("a", "b", "c", "d")}
    write_zip(path, members) if kind == "zip" else write_tar(path, members, kind)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(ArchiveError, match=r"m\.tar\.gz: expected.*Download it again"):
        unpack(path)
    assert files_below(cache) == set() and os.listdir(cache) == []


def test_a_tar_cut_between_two_members_is_an_error(tmp_path):
    path = write_tar(tmp_path / "m.tar", {"a": b"1" * 512, "b": b"2" * 512}, "w:")
    path.write_bytes(path.read_bytes()[:1024])
    with pytest.raises(ArchiveError, match="damaged or truncated"):
        unpack(path)


def test_a_damaged_header_in_the_middle_is_an_error(tmp_path):
    path = write_tar(tmp_path / "m.tar", {"a": b"1" * 512, "b": b"2" * 512}, "w:")
    data = bytearray(path.read_bytes())
    data[1024:1034] = b"\xff" * 10
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="damaged or truncated"):
        unpack(path)


@pytest.mark.parametrize("position", [0.3, 0.5, -6])
def test_a_changed_byte_is_an_error(tmp_path, position):
    path = write_tar(tmp_path / "m.tar.gz", {"a": os.urandom(20_000)})
    data = bytearray(path.read_bytes())
    data[int(position * len(data)) if position > 0 else position] ^= 0x55
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="damaged or truncated"):
        unpack(path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html><html>404", "a web page"),
        (b"", "an empty file"),
        (b"words " * 200, "other content"),
    ],
)
def test_what_is_no_archive_is_named(tmp_path, content, what):
    path = tmp_path / "pretrained_bert_tf.tar.gz"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=f"received {what}.*Download it again"):
        unpack(path)


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Expected an archive .* at .*none\.tar\.gz"):
        unpack(tmp_path / "none.tar.gz")


def test_weights_that_are_a_zip_by_content_are_no_archive(tmp_path):
    path = write_zip(tmp_path / "pytorch_model.bin", {"archive/data.pkl": b""})
    assert not archives.is_archive(path)
    assert archives.is_archive(path.rename(tmp_path / "download"))


def test_an_archive_without_members_is_an_error(tmp_path):
    with pytest.raises(ArchiveError, match="received an empty gzip archive"):
        unpack(write_tar(tmp_path / "e.tar.gz", {}))


def test_a_cache_that_cannot_be_made_says_what_to_give_instead(tmp_path):
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match=r"a folder for the cache at .*CLINICALBERT_TF_CACHE"):
            archives.cache_folder(place)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
