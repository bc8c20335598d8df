"""A person's SQL on a snapshot: judged before it runs, then answered within bounds of time and memory.

The connection is read-only and without file or network access already (snapshots.py). That does not suffice: DuckDB
lets a connection use the path of its own database all the same, so that COPY … TO the snapshot itself wrote over it.
How rows are printed is not decided here.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, cast

import duckdb
import orjson

from resources.errors import FAILED, BookwatchError, UsageError

#: Table functions that only make rows of their arguments, or describe the snapshot. Any other reads files or runs SQL
#: of its own, or would, in a version to come.
TABLE_FUNCTIONS: Final = frozenset(
    {
        "duckdb_columns", "duckdb_constraints", "duckdb_databases", "duckdb_functions", "duckdb_indexes",
        "duckdb_keywords", "duckdb_schemas", "duckdb_tables", "duckdb_types", "duckdb_views", "generate_series",
        "histogram", "histogram_values", "json_each", "json_tree", "pg_timezone_names", "pragma_show",
        "pragma_table_info", "pragma_version", "range", "repeat", "repeat_row", "summary", "unnest",
    }
)  # fmt: skip
#: Functions of a single value that do more than compute it. Those of DuckDB compute, but for these.
REFUSED_FUNCTIONS: Final = frozenset({"getenv", "nextval", "write_log"})
_WAY = (
    "`bookwatch sql` reads only: give one SELECT (or DESCRIBE, SHOW, SUMMARIZE, EXPLAIN of one) on tables of the"
    " snapshot; `SHOW ALL TABLES` lists them (docs/tables.md)."
)
# Comments before EXPLAIN, none within another (DuckDB nests them): what is not understood is refused.
_EXPLAIN: Final = re.compile(
    r"(?:\s|--[^\n]*\n|/\*(?:(?!/\*|\*/).)*\*/)*EXPLAIN\b(?P<analyze>\s+ANALYZE\b)?(?P<options>\s*\([^()]*\))?(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
# A name with one of these is taken for a file where no table has it.
_FILE_SIGNS: Final = re.compile(r"[/\\.:*?\[]")

_WHOLE: Final = re.compile(r"[+-]?\d{1,18}", re.ASCII)

BATCH_ROWS: Final = 2048
#: After this many seconds more a query that does not heed being interrupted (one value that takes minutes to compute)
#: ends with the process.
GRACE_S: Final = 3.0
# What Python and DuckDB need beside what a query holds.
_BESIDE: Final = 64 << 20


class TooMuch(BookwatchError):
    """A query went over its bounds of time or memory."""


@dataclass(frozen=True)
class Bounds:
    """What a query may take: ``seconds`` until its last row, ``memory`` in bytes, its rows included."""

    seconds: float
    memory: int


def _refuse(what: str) -> NoReturn:
    raise UsageError(f"{what}.", _WAY)


def require_reading(con: duckdb.DuckDBPyConnection, query: str) -> None:
    """Raise UsageError unless ``query`` is one statement that does nothing but read tables of the database.

    Nothing of it is run. Judged are the statement's kind and every table and function its parse tree names.
    """
    try:
        statements = con.extract_statements(query)
    except duckdb.Error as wrong:
        raise UsageError(_first_line(wrong), _WAY) from None
    if not statements:
        _refuse("There is no statement")
    kinds = [_kind(statement) for statement in statements]
    for kind in kinds:
        if kind not in ("SELECT", "EXPLAIN"):
            hint = "; in PIVOT, list the values with ON … IN (…)" if "PIVOT" in query.upper() else ""
            _refuse(f"A statement of the kind {kind} is not run here{hint}")
    if len(statements) > 1:
        _refuse(f"These are {len(statements)} statements, not one")
    # The text DuckDB parsed: PRAGMA show_tables stands for a SELECT.
    _require_tables_only(con, statements[0].query if kinds == ["SELECT"] else _explained(con, query))


def _kind(statement: Any) -> str:
    return str(statement.type).rpartition(".")[2].replace("_", " ")


def _explained(con: duckdb.DuckDBPyConnection, query: str) -> str:
    """The SELECT that an EXPLAIN is of."""
    found = _EXPLAIN.fullmatch(query)
    if found is None:
        _refuse("This EXPLAIN is not understood (comments within comments)")
    # EXPLAIN (SELECT 1): what stands in brackets may be the query itself.
    for rest in (f"{found['options'] or ''}{found['rest']}", found["rest"]):
        try:
            inner = con.extract_statements(rest)
        except duckdb.Error:
            continue
        if [_kind(statement) for statement in inner] == ["SELECT"]:
            return inner[0].query
    _refuse("Only a SELECT is explained here")


def _require_tables_only(con: duckdb.DuckDBPyConnection, select: str) -> None:
    row = con.execute("SELECT json_serialize_sql(?)", [select]).fetchone()
    tree = orjson.loads(row[0]) if row else {"error": True}
    if tree["error"]:
        _refuse("This form of SELECT is not run here")
    for node in nodes(tree["statements"]):
        kind = node.get("type")
        if kind == "TABLE_FUNCTION":
            name = str(node["function"].get("function_name", "")).lower()
            if name not in TABLE_FUNCTIONS:
                _refuse(f"The table function {name} is not run here")
        elif kind in ("BASE_TABLE", "SHOW_REF"):
            if _FILE_SIGNS.search(str(node.get("table_name") or "")):
                _refuse("A table's name that reads like a file's is not opened here")
        elif node.get("class") == "FUNCTION" and str(node["function_name"]).lower() in REFUSED_FUNCTIONS:
            _refuse(f"The function {str(node['function_name']).lower()} is not run here")


def select_of(con: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any] | None:
    """The parse tree of a query that is one SELECT; None of any other text. Nothing of it is run."""
    row = con.execute("SELECT json_serialize_sql(?)", [query]).fetchone()
    tree: dict[str, Any] = orjson.loads(row[0]) if row else {"error": True}
    statements = [] if tree["error"] else cast("list[dict[str, Any]]", tree["statements"])
    return cast("dict[str, Any]", statements[0]["node"]) if len(statements) == 1 else None


def nodes(tree: object) -> Iterator[dict[str, Any]]:
    """Every object of the parse tree. Not by recursion: a query may be nested as deep as DuckDB parses."""
    waiting: list[object] = [tree]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            node = cast("dict[str, Any]", here)
            yield node
            waiting.extend(node.values())
        elif isinstance(here, list):
            waiting.extend(cast("list[object]", here))


Parameters = Mapping[str, object]
"""Name in the query (``$name``) → the value bound to it."""


def answer(
    con: duckdb.DuckDBPyConnection,
    query: str,
    bounds: Bounds | None = None,
    parameters: Parameters | None = None,
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of a query that reads only.

    Raises UsageError where it does anything else or the engine refuses it, TooMuch over ``bounds`` (None: none, for
    queries of ours), KeyboardInterrupt at Ctrl-C.
    """
    with _asking(con, bounds):
        cursor = _asked(con, query, parameters)
        names = [column[0] for column in cursor.description or ()]
        rows: list[tuple[Any, ...]] = []
        while batch := cursor.fetchmany(BATCH_ROWS):
            rows += batch
        return names, rows


def answer_in_batches(
    con: duckdb.DuckDBPyConnection,
    query: str,
    take: Callable[[Any], None],
    *,
    bounds: Bounds | None = None,
    parameters: Parameters | None = None,
) -> None:
    """The same for rows that are not to be held: ``take`` is given an Arrow reader of them, once. What it raises that
    is no error of DuckDB's goes through."""
    with _asking(con, bounds):
        cursor: Any = _asked(con, query, parameters)
        take(cursor.to_arrow_reader(BATCH_ROWS))


def _asked(
    con: duckdb.DuckDBPyConnection, query: str, parameters: Parameters | None
) -> duckdb.DuckDBPyConnection:
    require_reading(con, query)
    given = dict(parameters or {})
    _require_parameters(con.extract_statements(query)[0].named_parameters, given)
    if not given:
        return con.execute(query)
    try:
        return con.execute(query, given)
    except duckdb.BinderException:
        # Where a text is compared with nothing ($a + $b, range($n)), whole numbers are meant as such.
        numbers = {
            name: int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value
            for name, value in given.items()
        }
        if numbers == given:
            raise
        return con.execute(query, numbers)


def _require_parameters(named: set[str], given: dict[str, object]) -> None:
    """DuckDB takes names in any case, so that is how they are compared."""
    asked = {name.lower(): name for name in named}
    told = {name.lower(): name for name in given}
    if any(name.isdigit() for name in asked):
        raise UsageError(
            "The query has a parameter without a name (? or $1).",
            "Name it in the query ($day), and give it as --param day=2026-11-01.",
        )
    missing = sorted(asked[name] for name in asked.keys() - told.keys())
    if missing:
        raise UsageError(
            f"The query's {', '.join(f'${name}' for name in missing)} {'are' if len(missing) > 1 else 'is'} not given.",
            f"Add {' '.join(f'--param {name}=…' for name in missing)}.",
        )
    strangers = sorted(told[name] for name in told.keys() - asked.keys())
    if strangers:
        raise UsageError(
            f"The query has no {', '.join(f'${name}' for name in strangers)}.",
            f"Its parameters are {', '.join(f'${asked[name]}' for name in sorted(asked))}."
            if asked
            else "It has no parameters: write $name where the value belongs, or leave --param out.",
        )


@contextmanager
def _asking(con: duckdb.DuckDBPyConnection, bounds: Bounds | None) -> Generator[None]:
    """What goes wrong while a query is asked and its rows are fetched, as our own errors."""
    with _watched(con, bounds) as watch:
        try:
            yield
            if watch.over is not None:
                raise watch.over
            if watch.stopped:
                raise KeyboardInterrupt
        except duckdb.OutOfMemoryException:
            raise watch.too_large() from None
        except duckdb.Error as refused:
            # Interrupted between two batches, DuckDB speaks of a closed result.
            if watch.over is not None:
                raise watch.over from None
            if watch.stopped or isinstance(refused, duckdb.InterruptException):
                raise KeyboardInterrupt from None
            raise UsageError(_first_line(refused), _WAY) from None
        except RuntimeError as stopped:
            # What DuckDB makes of Ctrl-C amid a query.
            if "interrupted" in str(stopped).lower():
                raise KeyboardInterrupt from None
            raise


def _first_line(error: duckdb.Error) -> str:
    return f"{str(error).splitlines()[0].strip().rstrip('.')}."


class _Watch(threading.Thread):
    """Interrupts the query of a connection that goes over its bounds, or after Ctrl-C."""

    def __init__(self, con: duckdb.DuckDBPyConnection, bounds: Bounds) -> None:
        super().__init__(daemon=True, name="sql bounds")
        self.over: TooMuch | None = None
        self.stopped = False
        self._con, self._bounds = con, bounds
        self._ended = threading.Event()
        self._until = time.monotonic() + bounds.seconds
        self._before = _resident()
        self._wakeups: socket.socket | None = None

    def too_large(self) -> TooMuch:
        return TooMuch(
            f"The query needs more than its {self._bounds.memory / (1 << 20):,.0f} MiB of memory, and was stopped.",
            "Ask for fewer rows or columns (WHERE, LIMIT, GROUP BY), or raise BOOKWATCH_SQL_MEMORY.",
        )

    def too_long(self) -> TooMuch:
        return TooMuch(
            f"The query took more than its {self._bounds.seconds:g} seconds, and was stopped.",
            "Ask for less (WHERE, LIMIT), or raise BOOKWATCH_SQL_SECONDS.",
        )

    @contextmanager
    def hearing(self) -> Generator[None]:
        """Hear of Ctrl-C while DuckDB computes one value and Python's own handler waits for it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._wakeups, told = socket.socketpair()
        told.setblocking(False)
        self._wakeups.setblocking(False)
        before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            told.close()
            self._wakeups.close()

    def end(self) -> None:
        self._ended.set()
        self.join()

    def _heard(self) -> bool:
        if self._wakeups is None:
            return False
        try:
            return signal.SIGINT in self._wakeups.recv(64)
        except BlockingIOError:
            return False

    def run(self) -> None:
        while not self._ended.wait(0.05):
            if time.monotonic() > self._until:
                self.over = self.too_long()
            elif _resident() - self._before > self._bounds.memory + _BESIDE:
                self.over = self.too_large()
            elif self._heard():
                # Python's own handler may raise where DuckDB drops it.
                self.stopped = True
            else:
                continue
            self._con.interrupt()
            if not self._ended.wait(GRACE_S):
                # It computes on without looking up. Nothing is open for writing: the process may end here.
                sys.stderr.write(f"{self.over or 'Stopped.'}\n")
                sys.stderr.flush()
                os._exit(FAILED if self.over else 130)
            return


@contextmanager
def _watched(con: duckdb.DuckDBPyConnection, bounds: Bounds | None) -> Generator[_Watch]:
    watch = _Watch(con, bounds or Bounds(float("inf"), 1 << 62))
    if bounds is None:
        yield watch
        return
    with watch.hearing():
        watch.start()
        try:
            yield watch
        finally:
            watch.end()


def _resident() -> int:
    """Bytes of memory this process holds now; 0 where the system does not tell (then DuckDB's own limit counts)."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
