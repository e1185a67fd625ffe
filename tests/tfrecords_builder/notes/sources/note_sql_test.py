"""Notes from real databases: SQLite, DuckDB and, where it can be started, PostgreSQL."""

import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import traceback

import pytest

from tfrecords_builder import schema, synthetic
from tfrecords_builder.notes import reading
from tfrecords_builder.notes.sources import note_sql

pytest.importorskip("sqlalchemy")

COUNT = 1200
CREATE = (
    "CREATE TABLE noteevents (row_id INTEGER, subject_id INTEGER, hadm_id INTEGER, "
    "category VARCHAR(50), iserror CHAR(1), text TEXT)"
)


def table_rows():
    for row in synthetic.generate_notes(COUNT, seed=11):
        yield (
            int(row["ROW_ID"]),
            int(row["SUBJECT_ID"]),
            int(row["HADM_ID"]) if row["HADM_ID"] else None,
            row["CATEGORY"],
            row["ISERROR"] or None,
            row["TEXT"] or None,
        )


def expected_notes(tmp_path):
    path = str(tmp_path / "expected.csv")
    synthetic.write_noteevents(path, COUNT, seed=11)
    return list(reading.read_notes(path))


@pytest.fixture
def sqlite_url(tmp_path):
    path = tmp_path / "mimic.db"
    with sqlite3.connect(path) as database:
        database.execute(CREATE)
        database.executemany("INSERT INTO noteevents VALUES (?, ?, ?, ?, ?, ?)", table_rows())
    database.close()
    return f"sqlite:///{path}"


def test_sqlite_gives_the_notes_of_the_csv_file(tmp_path, sqlite_url):
    counts = reading.NoteCounts()
    assert list(reading.read_notes(sqlite_url, counts=counts)) == expected_notes(tmp_path)
    assert (counts.read, counts.empty) == (COUNT, 6)


def test_query_and_query_file(tmp_path, sqlite_url):
    query = (
        "SELECT row_id AS note_id, text, 'kind: x' AS category FROM noteevents WHERE row_id = 3;"
    )
    (note,) = reading.read_notes(f"{sqlite_url}#{query}")
    assert note == schema.Note("3", "kind: x", expected_notes(tmp_path)[2].text)
    file = tmp_path / "query.sql"
    file.write_text(query + "\n")
    assert list(reading.read_notes(f"{sqlite_url}#{file}")) == [note]


def test_duckdb_gives_the_notes_of_the_csv_file(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("duckdb_engine")
    path = tmp_path / "mimic.duckdb"
    csv_path = tmp_path / "NOTEEVENTS.csv"
    synthetic.write_noteevents(str(csv_path), COUNT, seed=11)
    with duckdb.connect(str(path)) as database:
        database.execute(CREATE)
        database.execute(
            "INSERT INTO noteevents SELECT row_id, subject_id, hadm_id, category, iserror, text "
            f"FROM read_csv('{csv_path}', all_varchar=true, strict_mode=false)"
        )
    assert list(reading.read_notes(f"duckdb:///{path}")) == expected_notes(tmp_path)


def failure(source):
    with pytest.raises(reading.NoteSourceError) as raised:
        list(reading.read_notes(source))
    shown = "".join(traceback.format_exception(raised.value))
    assert "secret" not in shown
    return str(raised.value)


def test_failing_queries_name_source_and_reason(tmp_path, sqlite_url):
    assert "no such table" in failure(f"{sqlite_url}#SELECT note_id, text FROM none")
    assert "missing: TEXT" in failure(f"{sqlite_url}#SELECT row_id FROM noteevents")
    message = failure(f"sqlite:///{tmp_path}")
    assert "unable to open database file" in message
    assert str(tmp_path) in message


@pytest.mark.parametrize(
    "url", ["sqlite:///{}/none.db", "sqlite:///file:{}/none.db?uri=true", "duckdb:///{}/none.db"]
)
def test_a_misspelt_path_makes_no_database(tmp_path, url):
    if url.startswith("duckdb"):
        pytest.importorskip("duckdb_engine")
    message = failure(url.format(tmp_path) + "#SELECT 1 AS note_id, 'a' AS text")
    assert str(tmp_path) in message
    if url.startswith("sqlite"):
        assert "expected the file of a database, received the name of none" in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("database", ["/:memory:", "", "/file:x?mode=memory&uri=true"])
def test_a_database_in_memory_needs_no_file(database):
    (note,) = reading.read_notes(f"sqlite://{database}#SELECT 1 AS note_id, 'a' AS text")
    assert note.note_id == "1"


def test_a_database_file_named_by_a_uri_is_read(tmp_path, sqlite_url):
    url = sqlite_url.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true"
    assert list(reading.read_notes(url)) == expected_notes(tmp_path)


def test_a_query_is_checked_without_being_run(sqlite_url):
    # Text that is no string, in every row, shows whether a row was looked at.
    query = "SELECT row_id, subject_id, 1 AS text FROM noteevents ORDER BY text -- all"
    assert reading.check_ids(f"{sqlite_url}#{query}", exclude_subjects={"1"})
    assert list(note_sql.read_query(f"{sqlite_url}#{query}", columns_only=True)) == []
    # Here the first row tells.
    with pytest.raises(reading.NoteSourceError, match="row 1: expected a string as text"):
        reading.check_ids(f"{sqlite_url}#-- x\n{query}")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT row_id, none FROM noteevents", "no such column: none"),
        ("WITH n AS (SELECT 1 AS row_id) SELECT * FROM n", "missing: TEXT"),
        ("SELECT row_id, text FROM noteevents", "expected a subject_id with each note"),
        ("-- a\nSELECT row_id, text FROM absent", "no such table"),
    ],
)
def test_a_query_that_cannot_run_is_refused_by_the_check(sqlite_url, query, message):
    with pytest.raises(reading.NoteSourceError, match=message):
        reading.check_ids(f"{sqlite_url}#{query}", exclude_subjects={"1"})


def test_values_in_a_databases_message_are_not_shown(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("duckdb_engine")
    path = tmp_path / "x.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE TABLE n AS SELECT 1 AS note_id, 'secret''s text' AS text")
    query = "SELECT CAST(text AS INTEGER) AS note_id, text FROM n"
    assert "Conver" in failure(f"duckdb:///{path}#{query}")


@pytest.mark.parametrize("like", ["'%a%'", "'100%'", "'%(a)s'", "'%%'"])
def test_a_percent_sign_is_part_of_the_query(tmp_path, sqlite_url, like):
    query = f"SELECT row_id, text FROM noteevents WHERE text LIKE {like}"
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as database:
        expected = [str(row) for row, _ in database.execute(query)]
    database.close()
    assert [note.note_id for note in reading.read_notes(f"{sqlite_url}#{query}")] == expected
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("duckdb_engine")
    path = tmp_path / "x.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE TABLE n AS SELECT 1 AS note_id, '100%' AS text")
        database.execute("INSERT INTO n VALUES (2, 'a')")
        found = f"SELECT * FROM n WHERE text LIKE {like}"
        expected = [str(row) for row, _ in database.execute(found).fetchall()]
    assert [note.note_id for note in reading.read_notes(f"duckdb:///{path}#{found}")] == expected


def test_a_refused_connection_names_its_reason_without_the_password():
    pytest.importorskip("psycopg")
    with socket.socket() as taken:
        # Bound and not listening.
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        message = failure(f"postgresql://me:secret@{address}/db")
    assert "OperationalError" in message
    assert "Connection refused" in message
    assert f"postgresql://me:***@{address}/db" in message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:pa@ss:secret@host/db",
        "postgresql://127.0.0.1:1/db?password='secret&connect_timeout=1",
        "postgresql://me:secret@host:port/db",
        "postgresql://127.0.0.1:1/db?options=secret%20x&connect_timeout=1",
        "postgresql://127.0.0.1:1/db?sslmode=none&sslcert=secret",
    ],
)
def test_what_a_driver_says_of_a_url_holds_no_secret(url):
    pytest.importorskip("psycopg")
    assert "secret" not in failure(url)


def test_a_drivers_message_is_shown_but_for_what_is_secret():
    class DriverError(Exception):
        sqlstate = "28P01"

    error = DriverError('no "a table" for my secret\n word, as "secret s" said: refused')
    shown = note_sql.public_message(error, ["secret s", "secret"])
    assert shown == "DriverError 28P01 (no ... for my *** word, as ... said: refused)"
    shown = note_sql.public_message(error, None)
    assert shown == "DriverError 28P01 (no)"


def test_databases_without_ids_cannot_be_filtered_by_them(sqlite_url):
    source = f"{sqlite_url}#SELECT row_id, hadm_id, text FROM noteevents"
    with pytest.raises(reading.NoteSourceError, match="expected a subject_id with each note"):
        list(reading.read_notes(source, exclude_subjects={"1"}))
    everything = list(reading.read_notes(source))
    admission = next(note.hadm_id for note in everything if note.hadm_id)
    left = list(reading.read_notes(source, exclude_admissions={admission}))
    assert left == [note for note in everything if note.hadm_id != admission]
    assert any(note.hadm_id is None for note in left)


def test_missing_driver_names_the_extra():
    with pytest.raises(ImportError, match=r"driver nonesuch.*clinicalbert_tf\[sql\]"):
        list(reading.read_notes("nonesuch://host/db"))


@pytest.fixture
def postgres_url():
    """A PostgreSQL of our own on a socket in a folder of its own."""
    pytest.importorskip("psycopg")
    candidates = ["", *map(str, pathlib.Path("/usr/lib/postgresql").glob("*/bin"))]
    search = os.pathsep.join([os.environ["PATH"], *candidates])
    initdb, pg_ctl = (shutil.which(name, path=search) for name in ("initdb", "pg_ctl"))
    if not initdb or not pg_ctl:
        pytest.skip("no PostgreSQL server")
    folder = tempfile.mkdtemp(prefix="pg-")
    # The server refuses to run as root.
    other = {}
    if os.getuid() == 0:
        try:
            shutil.chown(folder, "postgres", "postgres")
        except LookupError:
            pytest.skip("no user postgres to run the server as")
        other = {"user": "postgres", "group": "postgres"}
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    data = f"{folder}/data"
    subprocess.run([initdb, "-D", data, "-U", "me", "-A", "trust", "-N"], **quiet, **other)
    start = [pg_ctl, "-D", data, "-w", "-o", f"-k {folder} -c listen_addresses=", "start"]
    subprocess.run(start, **quiet, **other)
    yield f"postgresql://me@/postgres?host={folder}"
    subprocess.run([pg_ctl, "-D", data, "-m", "immediate", "stop"], **quiet, **other)
    shutil.rmtree(folder)


@pytest.mark.large
def test_postgresql_gives_the_notes_of_the_csv_file(tmp_path, postgres_url):
    import psycopg

    with psycopg.connect(postgres_url) as database, database.cursor() as cursor:
        cursor.execute(CREATE)
        cursor.executemany("INSERT INTO noteevents VALUES (%s, %s, %s, %s, %s, %s)", table_rows())
    source = postgres_url + "#SELECT * FROM noteevents WHERE text NOT LIKE '%none' OR text IS NULL"
    counts = reading.NoteCounts()
    found = list(reading.read_notes(source + " ORDER BY row_id", counts=counts))
    assert found == expected_notes(tmp_path)
    assert counts.empty == 6
    failing = "SELECT CAST(text AS INTEGER) AS note_id, text FROM noteevents"
    assert "InvalidTextRepresentation" in failure(f"{postgres_url}#{failing}")
    # Only looked at, it does not fail.
    assert reading.check_ids(f"{postgres_url}#{failing} ORDER BY note_id")
    with pytest.raises(reading.NoteSourceError, match="UndefinedColumn"):
        reading.check_ids(f"{postgres_url}#SELECT row_id, words AS text FROM noteevents")
    assert "UndefinedTable" in failure(f"{postgres_url}#SELECT note_id, text FROM none")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
