"""Sentence files in blocks and documents."""

import hypothesis
import hypothesis.strategies as st
import pytest

from tfrecords_builder.notes.sources import sentence_files


@pytest.mark.parametrize("block_bytes", [1, 7, 64, 1 << 20])
def test_blocks_end_between_documents_and_lose_nothing(block_bytes, tmp_path, monkeypatch):
    monkeypatch.setattr(sentence_files, "BLOCK_BYTES", block_bytes)
    data = "Ä one\ntwo\n\nthree\r\n\r\nfour\n \t\n\n\nfive, six\nseven".encode()
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    blocks = list(sentence_files.read_blocks(str(path)))
    assert b"".join(block for _, _, block in blocks) == data
    for offset, line, block in blocks:
        assert data[offset:].startswith(block)
        assert line == 1 + data[:offset].count(b"\n")
    for _, _, block in blocks[:-1]:
        assert block.endswith(b"\n") and not block.split(b"\n")[-2].strip()
    if block_bytes == 1:
        assert len(blocks) == 5


@pytest.mark.parametrize("block_bytes", [6, 1 << 20])
def test_carriage_returns_alone_end_lines(block_bytes, tmp_path, monkeypatch):
    monkeypatch.setattr(sentence_files, "BLOCK_BYTES", block_bytes)
    path = tmp_path / "a.txt"
    path.write_bytes(b"one.\rtwo.\r\rthree.\r")
    blocks = list(sentence_files.read_blocks(str(path)))
    documents = [
        document
        for _, line, block in blocks
        for document in sentence_files.decode_documents(block, "a.txt", line)
    ]
    assert documents == [["one.", "two."], ["three."]]


def blocks_of_a_whole_scan(data, block_bytes):
    """The blocks that looking through everything held after every read gives."""
    found, offset, held = [], 0, b""
    for start in range(0, len(data), block_bytes):
        held += data[start : start + block_bytes]
        if cut := sentence_files.last_blank_line(held):
            found.append((offset, held[:cut]))
            offset, held = offset + cut, held[cut:]
    return found + [(offset, held)] * bool(held)


@hypothesis.given(
    st.text(alphabet="a\n\r \t", max_size=60).map(str.encode), st.sampled_from([1, 2, 3, 5, 8])
)
def test_blocks_are_those_of_a_whole_scan(tmp_path_factory, data, block_bytes):
    # Carriage returns alone are another kind of file.
    hypothesis.assume(b"\n" in data[:block_bytes] or b"\r" not in data[:block_bytes])
    path = tmp_path_factory.mktemp("blocks") / "a.txt"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sentence_files, "BLOCK_BYTES", block_bytes)
        found = list(sentence_files.read_blocks(str(path)))
    assert [(offset, block) for offset, _, block in found] == blocks_of_a_whole_scan(
        data, block_bytes
    )
    assert [line for _, line, _ in found] == [
        1 + data[:offset].count(b"\n") for offset, _, _ in found
    ]


def test_a_file_without_blank_lines_is_looked_through_once(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one line\n" * 5000)
    looked_through = []
    look = sentence_files.last_blank_line

    def counted(data):
        looked_through.append(len(data))
        return look(data)

    monkeypatch.setattr(sentence_files, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(sentence_files, "last_blank_line", counted)
    ((offset, line, block),) = sentence_files.read_blocks(str(path))
    assert (offset, line, len(block)) == (0, 1, 45000)
    assert sum(looked_through) < 46000


def test_a_document_without_an_end_is_refused_with_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(sentence_files, "BLOCK_BYTES", 1 << 10)
    monkeypatch.setattr(sentence_files, "MOST_BYTES", 1 << 20)
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\ntwo\n\n" + b"Secret\n" * 149_000)
    assert len(list(sentence_files.read_blocks(str(path)))) == 2
    path.write_bytes(b"one\ntwo\n\n" + b"Secret\n" * 151_000)
    with pytest.raises(
        ValueError, match=r"a\.txt, line 4 \(from byte 9\): expected a blank line.* in 1 MiB"
    ) as raised:
        list(sentence_files.read_blocks(str(path)))
    assert "Secret" not in str(raised.value)


def test_a_block_gives_its_documents_as_lines():
    data = "One .\r\n two\n\n \nThree ä\n".encode()
    assert sentence_files.decode_documents(data, "a.txt") == [["One .", "two"], ["Three ä"]]
    with pytest.raises(ValueError, match=r"a\.txt, line 8: .*0xff") as raised:
        sentence_files.decode_documents(b"one\nSecret \xff\n", "a.txt", first_line=7)
    assert "Secret" not in str(raised.value)


def test_an_empty_file_holds_no_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"")
    assert not sentence_files.holds_text(str(path))
    path.write_bytes(b"One .\n")
    assert sentence_files.holds_text(str(path))


def test_sentence_files_are_told_by_their_ending(tmp_path):
    (tmp_path / "folder.txt").mkdir()
    for name, expected in (("a.txt", True), ("A.TXT", True), ("a.csv", False)):
        (tmp_path / name).write_text("x")
        assert sentence_files.is_sentence_file(str(tmp_path / name)) == expected
    assert not sentence_files.is_sentence_file(str(tmp_path / "folder.txt"))
    assert not sentence_files.is_sentence_file(str(tmp_path / "none.txt"))


@pytest.mark.parametrize(
    ("encoding", "named"), [("utf-16", "UTF-16"), ("cp1252", "CP1252"), ("gb18030", "GB18030")]
)
def test_other_encodings_are_named_with_a_command(encoding, named):
    text = "患者头痛三天" if encoding == "gb18030" else "Fieber über 39"
    with pytest.raises(ValueError, match=rf"line 1: .*iconv -f {named} -t UTF-8 s\.txt") as error:
        sentence_files.decode_documents(text.encode(encoding), "s.txt")
    assert text not in str(error.value)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
