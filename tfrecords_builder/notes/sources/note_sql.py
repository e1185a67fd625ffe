"""Reads notes from a database with a SQL query: MIMIC in PostgreSQL, DuckDB, SQLite."""

import os
import re
import urllib.parse
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from tfrecords_builder.notes.sources import database_urls
from tfrecords_builder.notes.sources.note_rows import NoteRows, NoteSourceError, SourceNote

_ROWS_A_FETCH = 512
_DUCKDB_MEMORY = "256MB"
_EXTRA = "Install the extra: pip install clinicalbert_tf[sql]."
_LONGEST_REASON = 300
# Databases that plan `LIMIT 0` without running what it limits.
_PLANNERS = frozenset({"duckdb", "postgresql", "sqlite"})
_plain_select = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)
_quoted = re.compile("\"[^\"]*\"|'[^']*'")


def read_query(
    source: str, needed: Collection[str] = (), columns_only: bool = False
) -> Iterator[SourceNote]:
    """Streams the rows of a query.

    Args:
        source: see `database_urls.split_source`. The columns are those of `note_rows.NoteRows`.
        needed: columns without which notes cannot be left out as was asked.
        columns_only: have the database only look whether the query can run and what columns it
            gives, if it does so without running it; else the first row tells.

    Raises:
        ImportError: SQLAlchemy or the database's driver is not installed; names the extra.
        NoteSourceError: the database cannot be reached, the query fails, a column is missing or a
            row has no id. Names the driver's exception; its message on a query is cut at the first
            quotation mark, behind which a value of the table could stand.
    """
    name = database_urls.source_name(source)
    try:
        import sqlalchemy
    except ImportError:
        raise ImportError(f"Expected SQLAlchemy for {name}. {_EXTRA}") from None
    url, query = database_urls.split_source(source)
    parsed = _parse(sqlalchemy, url, name)
    _check_file(parsed, name)
    if columns_only:
        query = _without_rows(parsed.get_backend_name(), query)
    row = 0
    secrets: Sequence[str] | None = database_urls.secrets(dict(parsed.query), parsed.password)
    try:
        with _engine(sqlalchemy, parsed).connect() as connection:
            secrets = None
            # Without parameters no driver takes a % in the query for a placeholder.
            streaming = connection.execution_options(
                stream_results=True, max_row_buffer=_ROWS_A_FETCH, no_parameters=True
            )
            result = streaming.exec_driver_sql(query)
            rows = NoteRows(name, result.keys(), needed=needed)
            for fetched in result.partitions(_ROWS_A_FETCH):
                for fields in fetched:
                    row += 1
                    yield rows.note(row, fields)
        return
    except ModuleNotFoundError as error:
        missing: str | None = error.name
        problem = ""
    except sqlalchemy.exc.NoSuchModuleError:
        missing, problem = url.partition("://")[0], ""
    except sqlalchemy.exc.SQLAlchemyError as error:
        missing, problem = None, public_message(error, secrets)
    if missing:
        raise ImportError(f"Expected the driver {missing} to read {name}, received none. {_EXTRA}")
    raise NoteSourceError(
        f"{name}, after row {row}: expected the rows of a query, received {problem}. "
        "Check the URL, the rights and the query."
    )


def _parse(sqlalchemy: Any, url: str, name: str) -> Any:
    try:
        parsed = sqlalchemy.engine.make_url(url)
    except (ValueError, sqlalchemy.exc.ArgumentError):
        # Its message repeats what it took for the port, which can be a piece of the password.
        parsed = None
    if parsed is None:
        raise NoteSourceError(
            f"{name}: expected a URL such as postgresql://USER:PASSWORD@HOST:5432/DATABASE, "
            "received one that cannot be read. Write @, /, : and # in a password as %40, %2F, %3A "
            "and %23."
        )
    if parsed.drivername in ("postgresql", "postgres"):
        # SQLAlchemy's own default is the older psycopg2.
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def _check_file(parsed: Any, name: str) -> None:
    """Refuses the name of no file, for which SQLite would make an empty database."""
    path = parsed.database
    if parsed.get_backend_name() != "sqlite" or path in (None, "", ":memory:"):
        return
    if path.startswith("file:"):
        if path.startswith("file::memory:") or parsed.query.get("mode") == "memory":
            return
        path = urllib.parse.unquote(re.sub("^file:(//[^/]*)?", "", path))
    if not os.path.exists(path):
        raise NoteSourceError(
            f"{name}: expected the file of a database, received the name of none. Check the path: "
            "sqlite:///FOLDER/FILE from here, sqlite:////FOLDER/FILE from the root."
        )


def _without_rows(backend: str, query: str) -> str:
    """The query asked for no row, where that is known to cost nothing; else the query itself."""
    if backend not in _PLANNERS or ";" in query or not _plain_select.match(query):
        return query
    # The line feed ends a comment.
    return f"SELECT * FROM (\n{query}\n) AS checked LIMIT 0"


def _engine(sqlalchemy: Any, parsed: Any) -> Any:
    options = {}
    if parsed.get_backend_name() == "duckdb":
        # Its own default is four fifths of the machine's memory.
        options = {"config": {"memory_limit": _DUCKDB_MEMORY}}
        if parsed.database not in (None, "", ":memory:"):
            options["read_only"] = True
    return sqlalchemy.create_engine(
        parsed, connect_args=options, poolclass=sqlalchemy.pool.NullPool
    )


def public_message(error: Exception, secrets: Sequence[str] | None) -> str:
    """The driver's exception, its code and as much of its message as holds nothing secret.

    Args:
        error: SQLAlchemy's.
        secrets: of the URL, while there is no connection yet: then the message can hold these but
            no row, and its reason stands behind quoted names. None on a query.
    """
    original = getattr(error, "orig", None) or error
    codes = (getattr(original, name, None) for name in ("sqlstate", "pgcode", "sqlite_errorname"))
    code = next(filter(None, codes), "")
    text = str(original)
    if secrets is not None:
        for secret in secrets:
            text = text.replace(secret, database_urls.HIDDEN)
        text = " ".join(_quoted.sub("...", text).split())
    line = re.split("['\"\n]", text, maxsplit=1)[0].strip()[:_LONGEST_REASON]
    return f"{type(original).__name__}{f' {code}' if code else ''} ({line})"
