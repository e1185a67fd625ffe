"""Reads notes from a database with a SQL query: MIMIC in PostgreSQL, DuckDB, SQLite."""

import re
from collections.abc import Iterator
from typing import Any

from tfrecords_builder.sources.note_rows import NoteRows, NoteSourceError, SourceNote

DEFAULT_QUERY = "SELECT row_id, subject_id, hadm_id, category, iserror, text FROM noteevents"
_ROWS_A_FETCH = 512
_DUCKDB_MEMORY = "256MB"
_EXTRA = "Install the extra: pip install clinicalbert_tf[sql]."
# Between the user and the host, or as a parameter.
_password = re.compile(r"(?<=:)(?!//)[^/?]*(?=@)|(?<=password=)[^&]*")


def is_url(source: str) -> bool:
    """Whether a source is a database's URL."""
    return re.match(r"\w+(\+\w+)?://", source) is not None


def split_source(source: str) -> tuple[str, str]:
    """A source's URL and its query.

    Args:
        source: `URL`, `URL#QUERY` or `URL#FILE.sql`, for example
            `postgresql:///mimic#SELECT note_id, text FROM discharge`. Without a query it is that
            for MIMIC-III's table `noteevents`.
    """
    url, _, query = source.partition("#")
    if query.endswith(".sql"):
        with open(query, encoding="utf-8") as file:
            query = file.read()
    return url, query.strip().rstrip(";") or DEFAULT_QUERY


def source_name(source: str) -> str:
    """The source without its password, fit for messages and manifests."""
    url, mark, query = source.partition("#")
    return _password.sub("***", url) + mark + query


def read_query(source: str) -> Iterator[SourceNote]:
    """Streams the rows of a query.

    Args:
        source: see `split_source`. The columns are those of `note_rows.NoteRows`.

    Raises:
        ImportError: SQLAlchemy or the database's driver is not installed; names the extra.
        NoteSourceError: the database cannot be reached, the query fails, a column is missing or a
            row has no id. The database's own message is cut at the first quotation mark, behind
            which a value of the table could stand.
    """
    try:
        import sqlalchemy
    except ImportError:
        raise ImportError(f"Expected SQLAlchemy for {source_name(source)}. {_EXTRA}") from None
    name = source_name(source)
    url, query = split_source(source)
    row = 0
    try:
        engine = _engine(sqlalchemy, url)
        with engine.connect() as connection:
            streaming = connection.execution_options(
                stream_results=True, max_row_buffer=_ROWS_A_FETCH
            )
            result = streaming.exec_driver_sql(query)
            rows = NoteRows(name, result.keys())
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
        missing, problem = None, _public_message(error)
    if missing:
        raise ImportError(f"Expected the driver {missing} to read {name}, received none. {_EXTRA}")
    raise NoteSourceError(
        f"{name}, after row {row}: expected the rows of a query, received {problem}. "
        "Check the URL, the rights and the query."
    )


def _engine(sqlalchemy: Any, url: str) -> Any:
    parsed = sqlalchemy.engine.make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        # SQLAlchemy's own default is the older psycopg2.
        parsed = parsed.set(drivername="postgresql+psycopg")
    options = {}
    if parsed.get_backend_name() == "duckdb":
        # Its own default is four fifths of the machine's memory.
        options = {"config": {"memory_limit": _DUCKDB_MEMORY}}
        if parsed.database not in (None, "", ":memory:"):
            options["read_only"] = True
    return sqlalchemy.create_engine(
        parsed, connect_args=options, poolclass=sqlalchemy.pool.NullPool
    )


def _public_message(error: Exception) -> str:
    original = getattr(error, "orig", None) or error
    line = re.split("['\"\n]", str(original), maxsplit=1)[0].strip()
    return f"{type(original).__name__} ({line[:200]})"
