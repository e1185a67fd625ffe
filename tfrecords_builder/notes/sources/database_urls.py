"""Names of databases as sources of notes: `URL#QUERY`, and what of them may be shown.

A name stands in manifests, plans, messages and logs, a password nowhere: rather too much is hidden.
"""

import hashlib
import os
import re

from tfrecords_builder.notes.sources.note_rows import NoteSourceError

DEFAULT_QUERY = "SELECT row_id, subject_id, hadm_id, category, iserror, text FROM noteevents"
HIDDEN = "***"
_QUERY_FILE = ".sql"
# Parameters of a URL whose values are shown; every driver has other words for a secret.
_SHOWN = frozenset(
    {
        "access_mode",
        "application_name",
        "charset",
        "client_encoding",
        "connect_timeout",
        "database",
        "dbname",
        "host",
        "mode",
        "port",
        "read_only",
        "schema",
        "sslmode",
        "threads",
        "timeout",
        "uri",
        "user",
    }
)
# In a shown value: nothing that could begin another parameter.
_plain = re.compile(r"[\w./:,-]*")
_url = re.compile(r"(\w+(?:\+\w+)?://)(.*)", re.DOTALL)
_statement = re.compile(
    r"\s*(?:\(|--|/\*|(?:call|declare|exec|execute|fetch|from|pivot|pragma|select|show|summarize|"
    r"table|unpivot|values|with)(?=[\s(*'\"]))",
    re.IGNORECASE,
)
# Databases read from others, whose secrets stand in the query.
_secret_in_query = re.compile(
    r"(?<=://)[^\s'\"]*:[^\s'\"]*(?=@)"
    r"|\b(\w*(?:passw|pwd|secret|token)\w*\s*=\s*)(?:'[^']*'|[^\s'\";&)]+)",
    re.IGNORECASE,
)
_next_url = re.compile(r",(?=\s*\w+(?:\+\w+)?://)")


def is_url(source: str) -> bool:
    """Whether a source is a database's URL."""
    return _url.match(source) is not None


def split_urls(value: str) -> list[str]:
    """The URLs of a flag's value; a comma in a password, parameter or query parts nothing."""
    if "#" in value:
        parts = [value]
    else:
        # Behind a ? stand parameters, of which any can be a password.
        parts = _next_url.split(value) if re.search("[@?]", value) else value.split(",")
    return [part for part in map(str.strip, parts) if part]


def split_source(source: str) -> tuple[str, str]:
    """A source's URL and its query.

    Args:
        source: `URL`, `URL#QUERY` or `URL#FILE.sql`, for example
            `postgresql:///mimic#SELECT note_id, text FROM discharge`. Without a query it is that
            for MIMIC-III's table `noteevents`.

    Raises:
        FileNotFoundError: there is no such `.sql` file.
        NoteSourceError: see `check_source`; or the file is not UTF-8.
    """
    check_source(source)
    url, _, query = source.partition("#")
    if _names_file(query):
        with open(query, "rb") as file:
            data = file.read()
        query = data.decode("utf-8", "replace")
        if query.encode("utf-8") != data:
            raise NoteSourceError(
                f"{source_name(source)}: expected a query in UTF-8, received other bytes. Convert "
                "the file to UTF-8."
            )
    return url, query.strip().rstrip(";") or DEFAULT_QUERY


def query_sha256(source: str) -> str:
    """Of the query itself, wherever it stands; hexadecimal."""
    return hashlib.sha256(split_source(source)[1].encode()).hexdigest()


def check_source(source: str) -> None:
    """Refuses a source in which no query follows the first `#`: it may be part of a password.

    Raises:
        NoteSourceError: it is one; shows nothing behind the `://`.
    """
    if not _is_query(source.partition("#")[2]):
        raise NoteSourceError(
            f"{source_name(source)}: expected SQL or the name of a {_QUERY_FILE} file behind the "
            "first # of a database's URL, received something else. Write a # that belongs to the "
            "password as %23, @ as %40, / as %2F; begin the query with SELECT or WITH."
        )


def source_name(source: str) -> str:
    """The source fit for messages and manifests: a URL without password and other secrets.

    Hidden are what stands between the user's name and the host, the values of all parameters but
    a few harmless ones, and what looks like a password in the query.
    """
    if not is_url(source):
        return source
    url, mark, query = source.partition("#")
    scheme, rest = _url.fullmatch(url).groups()
    if not _is_query(query):
        return scheme + HIDDEN
    query = _secret_in_query.sub(lambda found: (found[1] or "") + HIDDEN, query)
    return scheme + _masked(rest) + mark + query


def secrets(parameters: dict, password: str | None) -> list[str]:
    """What must not be repeated from a driver's message, the longest first.

    Args:
        parameters: of the URL, decoded: strings or sequences of them.
        password: of the URL, decoded.
    """
    found = {password or ""}
    for name, values in parameters.items():
        if name.casefold() not in _SHOWN:
            values = (values,) if isinstance(values, str) else values
            # A value can be a list of parameters itself.
            found.update(part for value in values for part in (value, *re.split("[;=]", value)))
    return sorted(found - {""}, key=len, reverse=True)


def _masked(rest: str) -> str:
    """What follows the `://`."""
    at = rest.rfind("@")
    question = rest.find("?")
    first_colon = re.match("[^/?:]*:", rest)
    if at < 0 and first_colon and not re.match(r"[^/?:]*:\d*(?:[/?,]|$)", rest):
        # No port, and no host behind it: a password that was cut off.
        return first_colon[0] + HIDDEN
    if 0 <= question < at:
        # A ? in the password, or an @ in a parameter; nothing tells where the host begins.
        return re.match("[^:?]*[:?]", rest)[0] + HIDDEN
    user, place = rest[: at + 1], rest[at + 1 :]
    if ":" in user:
        user = f"{user.partition(':')[0]}:{HIDDEN}@"
    place, mark, parameters = place.partition("?")
    shown = "&".join(map(_masked_parameter, re.split("[&;]", parameters))) if mark else ""
    return user + place + mark + shown


def _masked_parameter(parameter: str) -> str:
    name, mark, value = parameter.partition("=")
    if not mark:
        return HIDDEN
    if name.casefold() in _SHOWN and _plain.fullmatch(value):
        return parameter
    return f"{name}={HIDDEN}"


def _names_file(query: str) -> bool:
    if not query.endswith(_QUERY_FILE):
        return False
    # An @ may be the end of a password that holds the #; the others part a URL's parameters.
    return os.path.isfile(query) or not (re.search("[@#?&=]", query) or _statement.match(query))


def _is_query(query: str) -> bool:
    return not query.strip() or _names_file(query) or _statement.match(query) is not None
