"""The PostgreSQL database that Dagster may keep its history in: its address, how it is opened, what stands in the way.
What lies in it is Dagster's own. Who schedules on it: pipelines/scheduling.py.

psycopg2 comes with the extra ``postgres`` and is loaded by what opens the database alone.
"""

# psycopg2 carries no types.
# pyright: reportMissingModuleSource=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import re
import socket
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from resources.errors import BookwatchError, UsageError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

SCHEMA: Final = "bookwatch_dagster"
"""Of its own: what else a database holds is neither looked at nor changed."""
PATIENCE_S: Final = 10
_PORT: Final = 5432
#: A server that lost its client without a word (a machine that went away) lets go of what it held after this.
_LOST_AFTER_S: Final = (10, 5, 4)
_OPTIONS: Final = f"-csearch_path={SCHEMA}"

#: What PostgreSQL says before there is a session, and so without a code; in English, as by default. What is not found
#: here is told without its cause.
_SAID: Final[tuple[tuple[str, str], ...]] = (
    (
        r"password authentication failed|no password supplied|role \".*\" does not exist|no pg_hba\.conf entry",
        "password",
    ),
    (r"database \".*\" does not exist", "database"),
    (r"\bSSL\b|certificate", "tls"),
)
_RIGHTS, _READ_ONLY = "42501", "25006"
_REVISION: Final = re.compile(r"^(down_)?revision(?:: [^=]+)? = [\"']([0-9a-f]+)[\"']", re.MULTILINE)


def place(url: str) -> str:
    """Where it is, without user and password: host, port and database."""
    parts = urlsplit(url)
    host = parts.hostname or dict(parse_qsl(parts.query)).get("host", "")
    return f"{host}:{parts.port or _PORT}{parts.path}"


def for_dagster(url: str) -> str:
    """The address as Dagster's SQLAlchemy takes it: with the driver that is there, in the schema of its own. Holds the
    password."""
    parts = urlsplit(url)
    known = dict(parse_qsl(parts.query)) | {"options": _OPTIONS}
    known.setdefault("connect_timeout", str(PATIENCE_S))
    return parts._replace(scheme="postgresql+psycopg2", query=urlencode(known, quote_via=quote)).geturl()


@contextmanager
def opened(url: str, *, known_as: str = "bookwatch") -> Generator[Connection]:
    """A connection, in the schema of its own, each statement by itself. Raises BookwatchError: the extra is not
    installed, or the database cannot be reached or refuses."""
    connection = connect(url, known_as=known_as)
    try:
        with said_of(url):
            yield connection
    finally:
        connection.close()


def connect(url: str, *, known_as: str = "bookwatch") -> Connection:
    """The same, for the caller to close. ``known_as``: what the server's list of sessions calls it."""
    try:
        import psycopg2
    except ImportError:
        raise UsageError.of("failure.postgres_extra") from None
    idle, every, times = _LOST_AFTER_S
    try:
        connection = psycopg2.connect(
            url,
            options=f"{_OPTIONS} -ctcp_keepalives_idle={idle} -ctcp_keepalives_interval={every}"
            f" -ctcp_keepalives_count={times}",
            application_name=known_as,
            connect_timeout=PATIENCE_S,
            keepalives_idle=idle,
            keepalives_interval=every,
            keepalives_count=times,
        )
    except psycopg2.Error as refused:
        raise _not_opened(url, str(refused)) from None
    connection.autocommit = True
    return connection


@contextmanager
def said_of(url: str) -> Generator[None]:
    """What the database refuses within the block, in one sentence: raises BookwatchError."""
    import psycopg2

    try:
        yield
    except psycopg2.Error as refused:
        raise _refused(url, refused.pgcode) from None


def make_ready(url: str) -> None:
    """Make the schema, and see that what Dagster keeps there is of the version it knows. Raises BookwatchError."""
    with opened(url) as con, con.cursor() as ask:
        ask.execute("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean")
        if ask.fetchone() == (True,):
            raise BookwatchError.of("failure.postgres_read_only", place=place(url))
        ask.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (SCHEMA,))
        if ask.fetchone() is None:
            ask.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    if state := version_state(url):
        raise BookwatchError.of(f"failure.postgres_{state}", place=place(url))


def version_state(url: str) -> str:
    """How what Dagster keeps there stands to the Dagster that is installed: ``older``, ``newer``; '' where it is the
    same, or there is nothing yet. Raises BookwatchError."""
    with opened(url) as con, con.cursor() as ask:
        ask.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.alembic_version",))
        if ask.fetchone() == (None,):
            return ""
        ask.execute(f"SELECT version_num FROM {SCHEMA}.alembic_version")
        found = {str(number) for (number,) in ask.fetchall()}
    newest, known = revisions()
    if not found or found == {newest}:
        return ""
    return "older" if found <= known else "newer"


def revisions() -> tuple[str, frozenset[str]]:
    """The newest revision of Dagster's tables, and all there ever were: read from the files of the Dagster that is
    installed, as loading it takes seconds."""
    spec = find_spec("dagster")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "_core" / "storage" / "alembic" / "versions"
    known: set[str] = set()
    before: set[str] = set()
    for path in folder.glob("*.py"):
        for down, revision in _REVISION.findall(path.read_text(encoding="utf-8")):
            (before if down else known).add(revision)
    (newest,) = known - before
    return newest, frozenset(known)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """The answer to one question. Raises BookwatchError."""
    with opened(url) as con, con.cursor() as ask:
        ask.execute(query)
        return ask.fetchall()


def _not_opened(url: str, told: str) -> BookwatchError:
    where = place(url)
    for pattern, cause in _SAID:
        if re.search(pattern, told):
            return BookwatchError.of(f"failure.postgres_{cause}", place=where)
    return BookwatchError.of(f"failure.postgres_{'refused' if _answers(url) else 'away'}", place=where)


def _answers(url: str) -> bool:
    """Whether anything listens there."""
    parts = urlsplit(url)
    if not parts.hostname:
        return False
    try:
        with socket.create_connection((parts.hostname, parts.port or _PORT), timeout=PATIENCE_S):
            return True
    except OSError:
        return False


def _refused(url: str, code: str | None) -> BookwatchError:
    where = place(url)
    if code == _RIGHTS:
        return BookwatchError.of("failure.postgres_rights", place=where, schema=SCHEMA)
    if code == _READ_ONLY:
        return BookwatchError.of("failure.postgres_read_only", place=where)
    if code is None or code.startswith(("08", "57P")):
        return BookwatchError.of("failure.postgres_away", place=where)
    return BookwatchError.of("failure.postgres_failed", place=where, code=code)
