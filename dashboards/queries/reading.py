"""The published snapshot: which one it is, and how it is asked. The only module here that opens a DuckDB file, and
never for writing; the other modules of this folder ask through it.

Not here: what is asked (the other modules), what the figures mean (marts), how they look (kit).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, wraps
from pathlib import Path
from threading import Condition
from typing import Any, Concatenate, ParamSpec, TypeVar

import duckdb
import polars as pl

from resources.errors import BookwatchError
from resources.seals import SnapshotChanged, require_unchanged

P = ParamSpec("P")
T = TypeVar("T")

CONFIG: dict[str, Any] = {
    "enable_external_access": "false",
    "lock_configuration": "true",
    "python_enable_replacements": "false",
    "threads": "2",
    "memory_limit": "1GB",
}


KEPT_OPEN = 2
LONGEST_WAIT_S = 20
Stamp = tuple[int, int]
"""Inode and time of a file."""

_opening = Condition()


class SnapshotUnreadable(BookwatchError):
    """The snapshot could not answer. Names the snapshot and the kind of failure, no value of a row."""


class NotInSnapshot(SnapshotUnreadable):
    """The snapshot has no such table: it was published by a version of bookwatch that did not make it yet."""


heard: Callable[[Callable[..., Any], str, tuple[Any, ...], Mapping[str, Any]], None] | None = None
"""Told of each question that is asked (dashboards/warmth.py): the question, the snapshot's path, what else."""


def cached(question: Callable[Concatenate[str, P], T]) -> Callable[Concatenate[str, P], T]:
    """Keep the answers of a question, by the snapshot's path and what else was asked.

    A replaced snapshot has another real path, and one that was written anew another stamp, so an answer that is kept is
    never out of date; one that was changed in its place is answered no more. A few snapshots' worth is kept. Not
    st.cache_data: it unpickles on each hit, and notebooks ask the same questions. Callers change no answer. Who asks
    the same at the same time waits for the first answer: thirty people meet a new snapshot within seconds.
    """

    @lru_cache(maxsize=256)
    def kept(stamp: Stamp, path: str, *more: P.args, **named: P.kwargs) -> T:
        del stamp
        return question(path, *more, **named)

    @wraps(question)
    def asked(path: str, *more: P.args, **named: P.kwargs) -> T:
        stamp = _require_unchanged(path)
        if heard is not None:
            heard(asked, path, more, named)
        with _one_at_a_time((question, stamp, path, more, tuple(sorted(named.items())))):
            return kept(stamp, path, *more, **named)

    return asked


_answering = Condition()
_being_answered: set[Any] = set()


@contextmanager
def _one_at_a_time(key: Any) -> Iterator[None]:
    """Wait while another thread answers the same question."""
    with _answering:
        _answering.wait_for(lambda: key not in _being_answered, timeout=LONGEST_WAIT_S)
        _being_answered.add(key)
    try:
        yield
    finally:
        with _answering:
            _being_answered.discard(key)
            _answering.notify_all()


def _require_unchanged(path: str) -> Stamp:
    """What tells this file from another under its name. Raises SnapshotUnreadable where it is not the one that was
    published, or is gone."""
    try:
        require_unchanged(Path(path))
        state = os.stat(path)
        return state.st_ino, state.st_mtime_ns
    except SnapshotChanged as changed:
        raise SnapshotUnreadable(changed.why, changed.todo or "") from None
    except OSError as gone:
        raise SnapshotUnreadable.of(
            "failure.snapshot_gone", snapshot=Path(path).stem, why=str(gone.strerror)
        ) from None


@dataclass(frozen=True)
class Snapshot:
    """The row of ops.snapshot. ``published_at`` is naive UTC."""

    snapshot_id: str
    run_id: str | None
    published_at: datetime | None
    rules_version: str | None


def newest(current: Path) -> str | None:
    """The real path of the newest snapshot, or None where nothing was published yet.

    The link is resolved first: a DuckDB connection to a name whose file was replaced goes on returning the
    old data.
    """
    try:
        return str(current.resolve(strict=True))
    except (FileNotFoundError, NotADirectoryError):
        return None


@dataclass
class _Opened:
    """A database that is open, of a file of this stamp; ``readers`` are asking it right now."""

    connection: duckdb.DuckDBPyConnection
    stamp: Stamp
    readers: int = 0


_databases: dict[str, _Opened] = {}


def _take(path: str, stamp: Stamp) -> _Opened:
    """The database of a path. The newest and the one before stay open: opening one for each of a page's questions took
    most of the time. While an old file under the same name is being read this waits: DuckDB would give it again."""
    with _opening:
        while (opened := _databases.get(path)) is not None and opened.stamp != stamp:
            if not opened.readers:
                _databases.pop(path).connection.close()
            elif not _opening.wait(timeout=LONGEST_WAIT_S):
                raise SnapshotUnreadable.of("failure.snapshot_anew", snapshot=Path(path).stem)
        if opened is None:
            for other in [name for name, database in _databases.items() if not database.readers][
                : -(KEPT_OPEN - 1)
            ]:
                _databases.pop(other).connection.close()
            opened = _databases[path] = _Opened(duckdb.connect(path, read_only=True, config=CONFIG), stamp)
        opened.readers += 1
        return opened


def _give_back(opened: _Opened) -> None:
    with _opening:
        opened.readers -= 1
        _opening.notify_all()


@contextmanager
def reading(path: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection without access to files or network. Raises SnapshotUnreadable."""
    stamp = _require_unchanged(path)
    try:
        opened = _take(path, stamp)
        try:
            with opened.connection.cursor() as connection:
                yield connection
        finally:
            _give_back(opened)
    except duckdb.Error as failure:
        if isinstance(failure, duckdb.CatalogException) and "Table with name" in str(failure):
            raise NotInSnapshot.of("failure.snapshot_lacks", snapshot=Path(path).stem) from None
        raise SnapshotUnreadable.of(
            "failure.snapshot_answer", snapshot=Path(path).stem, kind=type(failure).__name__
        ) from None


def ask(path: str, sql: str, parameters: list[Any] | dict[str, Any] | None = None) -> pl.DataFrame:
    """The rows of a question. Raises SnapshotUnreadable, NotInSnapshot where a table is not there."""
    with reading(path) as connection:
        return connection.sql(sql, params=parameters or []).pl()


def with_messages(table: str, *others: str) -> str:
    """A table as SQL reads it: with ``code`` and ``args``, and other columns of text, null where the snapshot is of
    before the table had them."""
    columns = ", ".join(f"NULL::VARCHAR AS {name}" for name in ("code", "args", *others))
    return f"(SELECT {columns} WHERE false UNION ALL BY NAME FROM {table})"


@cached
def holds(path: str, table: str) -> bool:
    """Whether the snapshot has a table (``marts.broken_links``): one that is older than the table has not."""
    found = ask(
        path,
        "SELECT count(*) AS n FROM duckdb_tables() WHERE concat(schema_name, '.', table_name) = ?",
        [table],
    )
    return bool(found["n"][0])


def readable(path: str) -> bool:
    """Whether a snapshot can be asked at all."""
    try:
        snapshot(path)
    except SnapshotUnreadable:
        return False
    return True


@cached
def snapshot(path: str) -> Snapshot:
    """Which snapshot this is. Raises SnapshotUnreadable."""
    rows = ask(
        path, "SELECT snapshot_id, run_id, published_at, rules_version FROM ops.snapshot LIMIT 1"
    ).rows()
    if not rows:
        return Snapshot(Path(path).stem, None, None, None)
    snapshot_id, run_id, published_at, rules_version = rows[0]
    return Snapshot(
        str(snapshot_id), run_id, published_at, None if rules_version is None else str(rules_version)
    )
