"""Names of databases: what is URL, what query, and that no secret is shown."""

import hashlib

import pytest

from tfrecords_builder.notes import reading
from tfrecords_builder.notes.sources import database_urls

QUERY = "#SELECT note_id, text FROM n"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("postgresql://u:secret@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:sec/ret@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:sec:ret@h:5/db", "postgresql://u:***@h:5/db"),
        ("postgresql://u:secret@ret@h/db", "postgresql://u:***@h/db"),
        ("postgresql+psycopg://u:s%40cret@h/db", "postgresql+psycopg://u:***@h/db"),
        # Where the host begins is not certain.
        ("postgresql://u:sec?ret@h/db", "postgresql://u:***"),
        ("postgresql:///db?user=me@site&password=secret", "postgresql:///db?***"),
        ("postgresql:///db?password=a@secret", "postgresql:///db?***"),
        ("postgresql://u:secret", "postgresql://u:***"),
        ("duckdb:///md:db?motherduck_token=SECRET", "duckdb:///md:db?motherduck_token=***"),
        ("mssql+pyodbc:///?odbc_connect=D%3Dx%3BPWD%3Dsecret", "mssql+pyodbc:///?odbc_connect=***"),
        ("x://h/db?passwd=secret", "x://h/db?passwd=***"),
        ("x://h/db?PASSWORD=secret&sslmode=require", "x://h/db?PASSWORD=***&sslmode=require"),
        ("x://h/db?password=sec&ret", "x://h/db?password=***&***"),
        ("x://h/db?password=sec;pw=ret", "x://h/db?password=***&pw=***"),
        ("x://h/db?host=a%20password=secret", "x://h/db?host=***"),
        ("x://h/db?host=a?password=secret", "x://h/db?host=***"),
        ("x://me@/db?host=/tmp/pg-1&User=me&port=5", "x://me@/db?host=/tmp/pg-1&User=me&port=5"),
        ("postgresql://h1:5432,h2:5432/db", "postgresql://h1:5432,h2:5432/db"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
    ],
)
def test_no_secret_of_a_url_is_shown(source, shown):
    for query in ("", QUERY):
        assert reading.source_name(source + query) == shown + query
        database_urls.check_source(source + query)


@pytest.mark.parametrize(
    "source",
    [
        "postgresql://u:sec#ret@h/db#SELECT 1",
        "postgresql://u:sec#ret@h/db",
        "postgresql://u:#ret@h/db#q.sql",
        "postgresql://u:1#ret@h/q.sql",
        "postgresql://u:a@b#ret@h/db",
        "postgresql://u:a#b #ret@h/db",
        "x:///db?password=sec#ret",
        "x://h/db?user=me&password=sec#ret#q.sql",
        "x://h/db?password=sec#ret&user=me.sql",
        "x://h/db?password=sec#ret?q.sql",
        "x://h/db?password=sec#ret=q.sql",
    ],
)
def test_a_hash_sign_in_a_password_is_an_error_that_shows_nothing_of_it(source):
    with pytest.raises(reading.NoteSourceError, match=r"belongs to the password as %23") as raised:
        database_urls.split_source(source)
    assert str(raised.value).startswith(source.partition("://")[0] + "://***: ")
    assert not any(part in str(raised.value) for part in ("sec#", "ret", "u:", "@h"))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 'a:b@c'",
        " select*from n",
        "with t as (select 1) select * from t",
        "(SELECT 1)",
        "-- notes\nSELECT 1",
        "/* notes */ SELECT 1",
        "FROM read_csv('n@x.csv')",
        "queries/notes.sql",
    ],
)
def test_queries_are_told_from_passwords(query):
    source = f"postgresql:///mimic#{query}"
    database_urls.check_source(source)
    assert reading.source_name(source) == source


def test_a_comma_in_a_parameter_separates_nothing():
    url = "postgresql://dbhost/mimic?user=me&password=sesame,open"
    assert database_urls.split_urls(url) == [url]
    assert database_urls.split_urls(f"{url}, duckdb:///f.db?motherduck_token=a,b") == [
        url,
        "duckdb:///f.db?motherduck_token=a,b",
    ]
    assert database_urls.split_urls("sqlite:///a.db,b.csv") == ["sqlite:///a.db", "b.csv"]


def test_a_query_file_may_have_any_name_if_it_is_there(tmp_path):
    path = tmp_path / "me@site.sql"
    path.write_text("SELECT 1;\n")
    assert database_urls.split_source(f"x:///db#{path}") == ("x:///db", "SELECT 1")
    path.write_bytes(b"SELECT '\xff'")
    with pytest.raises(reading.NoteSourceError, match="expected a query in UTF-8"):
        database_urls.split_source(f"x:///db#{path}")
    path = tmp_path / "a#b=c&d?.sql"
    path.write_text("SELECT 2")
    assert database_urls.split_source(f"x:///db#{path}") == ("x:///db", "SELECT 2")
    with pytest.raises(FileNotFoundError, match=r"none\.sql"):
        database_urls.split_source("x:///db#none.sql")


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (
            "SELECT * FROM postgres_scan('host=h password=secret', 'n')",
            "SELECT * FROM postgres_scan('host=h password=***', 'n')",
        ),
        ("SELECT * FROM x('postgres://u:secret@h/db')", "SELECT * FROM x('postgres://***@h/db')"),
        ("SELECT a FROM b WHERE Api_Token = 'sec ret'", "SELECT a FROM b WHERE Api_Token = ***"),
    ],
)
def test_secrets_in_a_query_are_hidden(query, shown):
    assert reading.source_name(f"duckdb:///x.db#{query}") == f"duckdb:///x.db#{shown}"


def test_the_hash_of_a_query_is_that_of_what_the_file_holds(tmp_path):
    path = tmp_path / "q.sql"
    path.write_text("SELECT 1;\n")
    expected = hashlib.sha256(b"SELECT 1").hexdigest()
    assert database_urls.query_sha256(f"x:///db#{path}") == expected
    assert database_urls.query_sha256("x:///db#SELECT 1") == expected
    path.write_text("SELECT 2;\n")
    assert database_urls.query_sha256(f"x:///db#{path}") != expected


def test_what_may_be_secret_in_a_drivers_message():
    found = database_urls.secrets(
        {"host": "h", "PassWord": "one", "odbc": "D=x;PWD=three"}, "fourth"
    )
    assert {"one", "three", "fourth"} <= set(found)
    assert "h" not in found
    assert found[0] == "D=x;PWD=three"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
