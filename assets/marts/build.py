"""Makes every mart in dependency order and writes those that changed into the warehouse, in one transaction.

What a mart holds lives in its own file. Publishing and Dagster are not known here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from assets.engines.compiled import Compiled, Elsewhere
from assets.engines.duckdb import forget_instants, set_instants, typed
from assets.marts.every import MART_NAMES, MARTS
from assets.marts.given import GIVEN, INSTANTS
from assets.marts.mart import Mart
from assets.marts.mart_writer import MartWriter, mart_writer
from assets.marts.sql_cache import compiled_marts
from checks.schemas import OPS
from checks.schemas.sql import create_table
from marketplace.commission import COMMISSION_COLLECTION, judged_at
from marketplace.health import QuietHours
from marketplace.policy import Policy
from resources.allocator import give_back_rest
from resources.cleanup import afterwards
from resources.sql import quoted
from resources.warehouse import open_warehouse


@dataclass(frozen=True)
class BuildOutcome:
    """What a build made: rows and digest of each mart, the marts whose content changed, and seconds spent on
    each."""

    now: datetime
    judged_at: datetime | None
    rows: Mapping[str, int]
    digests: Mapping[str, str]
    changed: frozenset[str]
    seconds: Mapping[str, float]


def build(
    warehouse: duckdb.DuckDBPyConnection | str | Path,
    *,
    now: datetime,
    policy: Policy,
    tables: Iterable[str] | None = None,
    waived: Iterable[str] = (),
    closed_changes: Sequence[tuple[Any, ...]] = (),
    closed_gaps: Sequence[tuple[Any, ...]] = (),
    clock_frozen: bool = False,
    utc_offset: timedelta = timedelta(hours=8),
    quiet_hours: QuietHours = QuietHours(),  # noqa: B008 - frozen
    cache: Path | None = None,
    engine: Elsewhere | None = None,
) -> BuildOutcome:
    """Make the marts named (default: all) and what they need, from core.* and ops.scans; all marts in one transaction.

    ``now`` is naive UTC; ``clock_frozen`` says that it does not run (BOOKWATCH_NOW). ``waived`` are the ids
    of acknowledged findings, ``closed_changes`` and ``closed_gaps`` rows as given.py says. ``utc_offset`` is
    the marketplace's zone, for quiet hours and the current month. Unchanged marts are not written again.
    ``cache`` is a folder where the compiled SQL is kept (a cold process then needs no Ibis). ``engine`` makes them, and
    the steps they need, in DuckDB's place. Raises KeyError for an unknown mart, duckdb.Error if core is not there, what
    ``engine`` raises; then no mart was written.
    """
    given = _Given(
        now,
        clock_frozen,
        quiet_hours.cover(now, utc_offset),
        (now + utc_offset).date().replace(day=1),
        int(utc_offset.total_seconds() // 60),
        {
            "waivers": [(finding_id,) for finding_id in sorted(set(waived))],
            "closed_changes": closed_changes,
            "closed_gaps": closed_gaps,
        },
    )
    if isinstance(warehouse, duckdb.DuckDBPyConnection):
        return _build(warehouse, policy, tables, given, cache, engine)
    with open_warehouse(Path(warehouse)) as con:
        return _build(con, policy, tables, given, cache, engine)


@dataclass(frozen=True)
class _Given:
    """The instants and rows a build is given beside core and ops."""

    now: datetime
    clock_frozen: bool
    quiet: bool
    local_month: date
    utc_offset_minutes: int
    rows: Mapping[str, Sequence[tuple[Any, ...]]]


def _wanted(tables: Iterable[str] | None) -> list[Mart]:
    wanted = set(MART_NAMES if tables is None else tables)
    for name in wanted:
        MARTS[name]  # KeyError for a name that is none
    for mart in reversed(tuple(MARTS.values())):
        if mart.name in wanted:
            wanted |= set(mart.needs)
    return [mart for mart in MARTS.values() if mart.name in wanted]


def _build(
    con: duckdb.DuckDBPyConnection,
    policy: Policy,
    tables: Iterable[str] | None,
    given: _Given,
    cache: Path | None,
    engine: Elsewhere | None,
) -> BuildOutcome:
    wanted = _wanted(tables)
    compiled: Mapping[str, Compiled] = (
        {} if engine else {made.name: _of_what_there_is(con, made) for made in compiled_marts(policy, cache)}
    )
    rows: dict[str, int] = {}
    digests: dict[str, str] = {}
    seconds: dict[str, float] = {}
    changed: set[str] = set()
    with afterwards(lambda: _clear(con)):
        with _transaction(con):
            judged = _prepare(con, given)
        if engine:
            compiled = engine.make(con, wanted, _instants(given, judged), policy, cache)
            wanted = [mart for mart in wanted if not mart.step]
        with mart_writer(con) as writer:
            early = [mart for mart in wanted if mart.step and all(MARTS[need].step for need in mart.needs)]
            for mart in early:
                started = time.perf_counter()
                writer.write_step(mart.name, typed(compiled[mart.name]))
                seconds[mart.name] = time.perf_counter() - started
            with _transaction(con):
                known = dict(con.execute("SELECT mart, digest FROM ops.mart_digests").fetchall())
                present = {
                    name
                    for (name,) in con.execute(
                        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts' AND NOT temporary"
                    ).fetchall()
                }
                for mart in wanted:
                    if mart in early:
                        continue
                    started = time.perf_counter()
                    made = compiled[mart.name]
                    if mart.step:
                        writer.write_late(mart.name, typed(made))
                    else:
                        columns = _write(con, writer, mart, made)
                        rows[mart.name], digests[mart.name] = _digest(
                            con, writer.draft, columns, mart.clock_columns
                        )
                        same = mart.name in present and known.get(mart.name) == digests[mart.name]
                        if not same:
                            changed.add(mart.name)
                        writer.swap_in(mart.name, keep=not same or bool(mart.clock_columns))
                    if time.perf_counter() - started > _LONG_SECONDS:
                        give_back_rest()
                    seconds[mart.name] = time.perf_counter() - started
                con.executemany(
                    "INSERT OR REPLACE INTO ops.mart_digests VALUES (?, ?, ?, ?)",
                    [
                        [name, digests[name], rows[name], given.now]
                        for name in digests
                        if name in changed or name not in known
                    ],
                ) if changed else None
    return BuildOutcome(given.now, judged, rows, digests, frozenset(changed), seconds)


def _clear(con: duckdb.DuckDBPyConnection) -> None:
    """Drop what a build was given."""
    forget_instants(con)
    for name in GIVEN:
        con.execute(f"DROP TABLE IF EXISTS temp.{quoted(name)}")


@contextmanager
def _transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    con.execute("BEGIN TRANSACTION")
    try:
        yield
        con.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.Error):  # why it failed is told, not that it cannot be taken back
            con.execute("ROLLBACK")
        raise


def _prepare(con: duckdb.DuckDBPyConnection, given: _Given) -> datetime | None:
    con.execute("CREATE SCHEMA IF NOT EXISTS marts")
    con.execute("CREATE SCHEMA IF NOT EXISTS ops")
    con.execute(create_table(OPS["mart_digests"]))
    scan = con.execute(
        "SELECT completed_at, watermark FROM ops.scans WHERE collection = ? AND completed_at IS NOT NULL"
        " ORDER BY completed_at DESC LIMIT 1",
        [COMMISSION_COLLECTION],
    ).fetchone()
    judged = judged_at(given.now, *(scan or (None, None)), frozen=given.clock_frozen)
    instants = _instants(given, judged)
    set_instants(con, instants)
    _keep_instants(con, instants)
    for name, columns in GIVEN.items():
        _fill(con, name, columns, given.rows[name])
    return judged


def _instants(given: _Given, judged: datetime | None) -> tuple[Any, ...]:
    """One value for each column of ``INSTANTS``."""
    return (given.now, judged, given.quiet, given.local_month, given.utc_offset_minutes)


def _keep_instants(con: duckdb.DuckDBPyConnection, values: Sequence[Any]) -> None:
    """Let ops.judged say what the marts are judged at: what is behind their figures is asked for later."""
    con.execute(create_table(OPS["judged"]))
    named = ", ".join(quoted(name) for name in INSTANTS)
    if con.execute("SELECT count(*) FROM ops.judged").fetchone() == (0,):
        con.execute(
            f"INSERT INTO ops.judged ({named}) VALUES ({', '.join('?' * len(INSTANTS))})", list(values)
        )
    else:
        con.execute(
            f"UPDATE ops.judged SET {', '.join(f'{quoted(name)} = ?' for name in INSTANTS)}", list(values)
        )


#: What takes longer held much: what it left is given back before the next.
_LONG_SECONDS = 1.0
#: The name under which DuckDB reads a frame that becomes a mart.
_FRAME = "bw_frame"
_SQL_TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
}


def _fill(
    con: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """A temporary table of a few rows."""
    listed = ", ".join(f"{quoted(column)} {_SQL_TYPES[kind]}" for column, kind in columns.items())
    con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} ({listed})")
    if rows:
        con.executemany(f"INSERT INTO temp.{quoted(name)} VALUES ({', '.join('?' * len(columns))})", rows)


#: A table that most warehouses have no row of, as the compiled SQL names it.
_OFFERS = '"core"."booking_offers"'


def _of_what_there_is(con: duckdb.DuckDBPyConnection, made: Compiled) -> Compiled:
    """A mart that reads no offers where there are none. To DuckDB a table without rows is a table, and a join with it
    reads the other side's keys; of what it knows to be nothing it makes the query as if offers were not named."""
    if _OFFERS not in made.sql or con.execute(f"SELECT 1 FROM {_OFFERS} LIMIT 1").fetchone():
        return made
    return replace(made, sql=made.sql.replace(_OFFERS, f"(SELECT * FROM {_OFFERS} WHERE false)"))


def _write(con: duckdb.DuckDBPyConnection, writer: MartWriter, mart: Mart, made: Compiled) -> list[str]:
    """Write the draft of a mart; its columns."""
    if mart.through is None or mart.table is None:
        writer.write_draft(typed(made))
        return [name for name, _ in made.columns]
    frame = mart.through(con.sql(typed(made)).pl())
    con.register(_FRAME, frame)
    with afterwards(lambda: con.unregister(_FRAME)):
        declared = tuple(mart.table.sql_columns.items())
        writer.write_draft(typed(Compiled(mart.name, declared, f"FROM {_FRAME}")))
    return list(mart.table.sql_columns)


def _digest(
    con: duckdb.DuckDBPyConnection, table: str, names: Iterable[str], clock_columns: tuple[str, ...]
) -> tuple[int, str]:
    """Rows of a table and a digest of them that does not depend on their order."""
    columns = ", ".join(quoted(name) for name in names if name not in clock_columns)
    found = con.execute(
        f"SELECT count(*), coalesce(sum(hash({columns})::HUGEINT), 0)::VARCHAR FROM {table}"
    ).fetchone()
    if found is None:
        raise AssertionError("an aggregate without groups has one row")
    return int(found[0]), f"{found[0]}:{found[1]}"
