"""Tables: every cell as typed, every row there, and what is wrong is named by file and line."""

import csv
import datetime
import decimal
import gzip
import io
import json
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicalbert_tf.datasets.table import (
    RowCounts,
    TableError,
    TableFormat,
    cell_text,
    read_rows,
    read_table,
    require_columns,
)

SECRET = "Mr. Invented Name"


def written(tmp_path, name, content, encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return str(path)


def cells(path, *args, **kwargs):
    return [row.cells for row in read_rows(path, *args, **kwargs)]


def message(path, *args, **kwargs):
    with pytest.raises(TableError) as caught:
        list(read_rows(path, *args, **kwargs))
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_cells_stay_as_typed(tmp_path):
    typed = ["01", "NA", "null", "None", "", "nan", "1.0", "1e3", "TRUE", " x ", "#N/A"]
    path = written(tmp_path, "a.csv", "id,text\n" + "".join(f"{t},{t}\n" for t in typed))
    assert [row["text"] for row in read_rows(path)] == typed
    frame = read_table(path).frame()
    assert frame["id"].tolist() == typed
    assert not frame.isna().to_numpy().any()


def test_quoted_line_breaks_and_doubled_quotes(tmp_path):
    path = written(tmp_path, "a.csv", 'id,text\n1,"a\nb ""c"", d\r\ne"\n2,f\n')
    rows = list(read_rows(path))
    assert [row["text"] for row in rows] == ['a\nb "c", d\r\ne', "f"]
    assert [row.line for row in rows] == [2, 5]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")),
            min_size=2,
            max_size=2,
        ),
        max_size=8,
    )
)
def test_any_text_comes_back_from_csv(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    assert [[c["a"], c["b"]] for c in cells(str(path))] == rows


def test_unquoted_tsv_keeps_quotes_and_drops_carriage_returns(tmp_path):
    layout = TableFormat("tsv", columns=("sentence", "label"), quoted=False)
    path = written(tmp_path, "a.tsv", '"a\t1\r\nb"\t0\r\nc\rd\u2028e\x85f\t1')
    assert cells(path, layout) == [
        {"sentence": '"a', "label": "1"},
        {"sentence": 'b"', "label": "0"},
        {"sentence": "cd\u2028e\x85f", "label": "1"},
    ]


def test_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    path = written(tmp_path, "a.csv", "\ufeffid,text\n1,x\n")
    assert cells(path) == [{"id": "1", "text": "x"}]
    path = written(tmp_path, "a.jsonl", '\ufeff{"id": 1}\n')
    assert cells(path) == [{"id": 1}]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_utf_16_with_a_mark_is_recognised(tmp_path, encoding):
    path = written(tmp_path, "a.csv", "id,text\n1,né\n", encoding)
    assert cells(path) == [{"id": "1", "text": "né"}]


def test_utf_16_without_a_mark_is_refused_by_name(tmp_path):
    path = written(tmp_path, "a.csv", f"id,text\n1,{SECRET}\n", "utf-16-le")
    assert "iconv -f UTF-16LE" in message(path)
    path = written(tmp_path, "b.csv", f"id,text\n1,{SECRET}\n", "utf-16-be")
    assert "iconv -f UTF-16BE" in message(path)


@pytest.mark.parametrize(
    ("letter", "named", "choice"),
    [
        (b"\x92", "cp1252", "cp1252"),
        (b"\xe9", "latin-1", "latin-1"),
        (b"\x81", "latin-1", "latin-1"),
    ],
)
def test_other_encodings_are_refused_by_name_and_read_if_named(tmp_path, letter, named, choice):
    content = f"id,text\n1,{SECRET}".encode() + letter + b"\n"
    path = written(tmp_path, "a.csv", content)
    said = message(path)
    assert f"--encoding={choice}" in said and named in said
    assert f"at byte {content.index(letter)}" in said
    text = cells(path, TableFormat("csv", encoding=choice))[0]["text"]
    assert text == SECRET + letter.decode(choice)


def test_wrong_bytes_far_into_a_file_are_found(tmp_path):
    content = b"id,text\n" + b"1,caf\xc3\xa9\n" * 200_000 + b"2,\xff\n"
    path = written(tmp_path, "a.csv", content)
    assert f"at byte {len(content) - 2}" in message(path)


def test_gzip_and_zip_are_told_by_their_bytes(tmp_path):
    plain = b"id,text\n01,x\n"
    gzipped = written(tmp_path, "a.csv.gz", gzip.compress(plain))
    misnamed = written(tmp_path, "b.csv", gzip.compress(plain))
    with zipfile.ZipFile(tmp_path / "c.csv.zip", "w") as archive:
        archive.writestr("inner/a.csv", plain)
        archive.writestr("__MACOSX/inner/._a.csv", b"\0")
    for path in (gzipped, misnamed, str(tmp_path / "c.csv.zip")):
        assert cells(path) == [{"id": "01", "text": "x"}]


def test_archives_of_several_files_need_a_name(tmp_path):
    path = str(tmp_path / "a.csv.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "id\n1\n")
        archive.writestr("b.csv", "id\n2\n")
    assert "one of 2" in message(path)
    assert cells(path, member="b.csv") == [{"id": "2"}]
    with pytest.raises(FileNotFoundError, match=r"c\.csv"):
        list(read_rows(path, member="c.csv"))


def test_excel_is_refused_by_name(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    assert "Excel" in message(written(tmp_path, "a.csv", buffer.getvalue()))
    assert "Excel" in message(written(tmp_path, "b.csv", b"\xd0\xcf\x11\xe0rest"))


@pytest.mark.parametrize(
    ("beginning", "words"),
    [
        (b"BZh91AY", "bzip2 file. Unpack it"),
        (b"\xfd7zXZ\0", "xz file. Unpack it"),
        (b"\x28\xb5\x2f\xfd", "Zstandard file. Unpack it"),
        (b"7z\xbc\xaf\x27\x1c", "7z archive. Unpack it"),
        (b"{\\rtf1", "rich text"),
        (b"<!DOCTYPE html>\n", "web page (a download that failed?). Sign in"),
        (b"<?xml version='1.0'?>", "XML"),
    ],
)
def test_other_formats_are_named_with_what_to_do(tmp_path, beginning, words):
    assert words in message(written(tmp_path, "a.csv", beginning + SECRET.encode()))


def test_a_gzip_file_that_is_cut_off_is_an_error(tmp_path):
    whole = gzip.compress(b"id,text\n" + b"1,some text here\n" * 5000)
    path = written(tmp_path, "a.csv.gz", whole[: len(whole) // 2])
    assert "damaged" in message(path)


@pytest.mark.parametrize(
    ("row", "received"), [(f"2,{SECRET},more", "3"), (SECRET, "1"), (f"{SECRET},b,c,d", "4")]
)
def test_rows_of_another_width_are_refused(tmp_path, row, received):
    path = written(tmp_path, "a.csv", f"id,text\n1,x\n{row}\n")
    said = message(path)
    assert "line 3" in said and f"received {received}" in said


def test_cells_beyond_the_columns_are_counted_if_ignored(tmp_path):
    layout = TableFormat("tsv", columns=("sentence", "label"), quoted=False, ignore_more=True)
    path = written(tmp_path, "a.tsv", "a\t1\t0\nb\t0\n")
    counts = RowCounts(path)
    assert cells(path, layout, counts=counts) == [
        {"sentence": "a", "label": "1"},
        {"sentence": "b", "label": "0"},
    ]
    assert (counts.rows, counts.ignored_cells) == (2, 1)
    assert str(counts) == f"{path}: 2 rows, 1 cells beyond the columns left out"


def test_a_quote_that_is_never_closed_is_an_error(tmp_path):
    path = written(tmp_path, "a.csv", f'id,text\n1,x\n2,"{SECRET}\n3,y\n')
    assert "line 3" in message(path)


def test_a_missing_header_is_an_error_where_the_layout_has_one(tmp_path):
    layout = TableFormat("tsv", expected_header=("index", "sentence"), quoted=False)
    path = written(tmp_path, "a.tsv", f"0\t{SECRET}\t1\n")
    assert "header" in message(path, layout)
    path = written(tmp_path, "b.tsv", "index\tsentence\tlabel\n0\tx\t1\n")
    assert cells(path, layout) == [{"index": "0", "sentence": "x", "label": "1"}]


def test_empty_files_and_headers_alone(tmp_path):
    assert "empty" in message(written(tmp_path, "a.csv", ""))
    table = read_table(written(tmp_path, "b.csv", "id,text\n"))
    assert (table.columns, table.rows) == (("id", "text"), [])


def test_repeated_columns_are_refused(tmp_path):
    assert "repeated" in message(written(tmp_path, "a.csv", "id,text,text\n1,a,b\n"))


def test_blank_lines_are_counted_not_lost_or_read(tmp_path):
    path = written(tmp_path, "a.csv", 'id,text\n1,a\n\n2,""\n\n')
    table = read_table(path)
    assert [row.cells for row in table.rows] == [
        {"id": "1", "text": "a"},
        {"id": "2", "text": ""},
    ]
    assert table.counts.blank_lines == 2


def test_json_lines_keep_their_types(tmp_path):
    lines = [{"id": 1, "x": "1"}, {"id": "01", "x": None}, {"id": 1.0, "x": True}]
    path = written(tmp_path, "a.jsonl", "\n".join(map(json.dumps, lines)))
    assert cells(path) == lines
    assert [cell_text(c["x"]) for c in cells(path)] == ["1", None, "true"]
    assert [cell_text(c["id"]) for c in cells(path)] == ["1", "01", "1.0"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f'{{"text": "{SECRET}"', "line 2"),
        (f'["{SECRET}"]', "array"),
        (f'"{SECRET}"', "str"),
        (f'{{"text": "{SECRET}", "text": "b"}}', "repeated key"),
    ],
)
def test_lines_that_are_no_json_object_are_refused(tmp_path, line, said):
    path = written(tmp_path, "a.jsonl", f'{{"text": "x"}}\n{line}\n')
    received = message(path)
    assert said in received and "line 2" in received


def test_json_array_file_is_refused_with_the_remedy(tmp_path):
    assert "jq -c" in message(written(tmp_path, "a.json", '[\n{"text": "x"}\n]'))


def test_missing_columns_name_those_that_are_there(tmp_path):
    path = written(tmp_path, "a.csv", "note,label\nx,1\n")
    row = next(read_rows(path))
    with pytest.raises(TableError, match=r"missing: text.*--text_a") as caught:
        require_columns(path, row, ["text", "label"], "--text_a")
    assert "note" in str(caught.value)


@pytest.mark.parametrize("first_row", [f"7,{SECRET},0", SECRET, "患者头痛三天，无发热"])
def test_a_row_that_stands_for_a_header_is_not_shown(tmp_path, first_row):
    path = written(tmp_path, "a.csv", f"{first_row}\n{first_row}\n")
    with pytest.raises(TableError, match="other") as caught:
        require_columns(path, next(read_rows(path)), ["text"])
    assert first_row not in str(caught.value) and SECRET not in str(caught.value)
    assert "other" in message(written(tmp_path, "b.csv", f"{first_row}\n1,2,3,4\n"))


def test_parquet_keeps_integers_beside_nulls(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    path = str(tmp_path / "a.parquet")
    rows = [{"id": "01", "label": 1}, {"id": "NA", "label": None}, {"id": "", "label": 3}]
    pq.write_table(pa.Table.from_pylist(rows), path)
    assert cells(path) == rows
    assert read_table(path).frame()["label"].tolist() == [1, None, 3]
    assert "Parquet" in message(path, TableFormat("csv"))
    assert "Parquet" in message(written(tmp_path, "b.parquet", b"id\n1\n"), TableFormat("parquet"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (decimal.Decimal(200001), "200001"),
        (decimal.Decimal("1.50"), "1.50"),
        (datetime.date(2150, 3, 1), "2150-03-01"),
        (datetime.datetime(2150, 3, 1, 8, 30), "2150-03-01 08:30:00"),
    ],
)
def test_decimals_and_dates_of_parquet_are_ids_like_others(value, text):
    assert cell_text(value) == text


def test_names_that_say_no_kind_are_refused(tmp_path):
    path = written(tmp_path, "a.xyz", "id\n")
    assert ".csv" in message(path)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("inner/a.tsv", "id\ttext\n1\tx\n")
    assert cells(str(tmp_path / "a.zip")) == [{"id": "1", "text": "x"}]
    with pytest.raises(FileNotFoundError, match="no file"):
        list(read_rows(str(tmp_path / "none.csv")))


@pytest.mark.parametrize("content", ["sep=;\nid;text\n1;a,b\n", '"sep=;"\r\nid;text\r\n1;a,b\r\n'])
def test_excels_line_of_the_separator_is_believed(tmp_path, content):
    (row,) = read_rows(written(tmp_path, "a.csv", content))
    assert row.cells == {"id": "1", "text": "a,b"} and row.line == 3


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("text;label", "--separator=';'"),
        ("text\tlabel", r"--separator=\$'\\t'"),
        ("TEXT,label", "text is there in another case"),
        ("text, label", "label is there in another case, or with white space"),
    ],
)
def test_why_columns_are_missing_is_said(tmp_path, header, reason):
    (row,) = read_rows(written(tmp_path, "a.csv", f"{header}\n{header}\n"))
    with pytest.raises(TableError, match=reason):
        require_columns("a.csv", row, ["text", "label"])


def test_other_separators(tmp_path):
    path = written(tmp_path, "a.csv", "id;text\n1;a,b\n")
    assert cells(path, TableFormat("csv", separator=";")) == [{"id": "1", "text": "a,b"}]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
