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
from typing import Any, Final

import duckdb

from assets.core import since
from assets.engines.compiled import Compiled, Elsewhere, Wanted
from assets.engines.duckdb import asked_instants, forget_instants, set_instants, typed
from assets.marts.every import MART_NAMES, MARTS
from assets.marts.given import GIVEN, INSTANTS
from assets.marts.mart import Mart
from assets.marts.mart_writer import MartWriter, largest_table, mart_writer
from assets.marts.parts import judged as parts
from assets.marts.parts import links
from assets.marts.parts.part import Change, Ranks, gone_of, part_of
from assets.marts.parts.remake import Remake, Replaced
from assets.marts.parts.windows import Windows, place_of
from assets.marts.sql_cache import compiled_marts, fingerprint
from checks.changes import prove_change
from checks.proven import Writing, contents_of
from checks.schemas import CORE, OPS
from checks.schemas.sql import create_table
from marketplace.commission import COMMISSION_COLLECTION, judged_at
from marketplace.health import QuietHours
from marketplace.policy import Policy
from resources.allocator import give_back_rest
from resources.cleanup import afterwards
from resources.sql import literal, quoted
from resources.warehouse import MEMORY_LIMIT, MEMORY_LIMIT_OF_PARTS, open_warehouse

#: Rows of the largest core table from which parts are made: finding out what is reached costs some queries, too.
PARTS_FROM: Final = 50_000


@dataclass(frozen=True)
class BuildOutcome:
    """What a build made: rows and digest of each mart, the marts whose content changed, and seconds spent on
    each. ``whole``: why all of them were made anew; None: of some only parts were."""

    now: datetime
    judged_at: datetime | None
    rows: Mapping[str, int]
    digests: Mapping[str, str]
    changed: frozenset[str]
    seconds: Mapping[str, float]
    whole: str | None = None


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
    in_parts: bool = False,
    parts_from: int = PARTS_FROM,
    engine: Elsewhere | None = None,
) -> BuildOutcome:
    """Make the marts named (default: all) and what they need, from core.* and ops.scans; all marts in one transaction.

    ``now`` is naive UTC; ``clock_frozen`` says that it does not run (BOOKWATCH_NOW). ``waived`` are the ids
    of acknowledged findings, ``closed_changes`` and ``closed_gaps`` rows as given.py says. ``utc_offset`` is
    the marketplace's zone, for quiet hours and the current month. Unchanged marts are not written again.
    ``cache`` is a folder where the compiled SQL is kept (a cold process then needs no Ibis).

    ``in_parts``: where it is known what changed since the build before (assets/core/since.py), only the rows that
    this reaches are made anew, and what else the next one needs to do so is kept beside the warehouse; the marts named
    have to be all that have parts. A warehouse whose largest table has less than ``parts_from`` rows is made whole: it
    takes no longer. What the connection's queries may hold is set by that (resources/warehouse.py), and stays so.

    ``engine`` makes them, and the steps they need, in DuckDB's place, and whole.

    Raises KeyError for an unknown mart, duckdb.Error if core is not there, and what ``engine`` raises; then no mart was
    written.
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
        return _build(warehouse, policy, tables, given, cache, parts_from if in_parts else None, engine)
    with open_warehouse(Path(warehouse)) as con:
        return _build(con, policy, tables, given, cache, parts_from if in_parts else None, engine)


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
    """Those that were named, and what they need; of what parts are looked up in, all where anything has parts."""
    wanted = set(MART_NAMES if tables is None else tables)
    for name in wanted:
        MARTS[name]  # KeyError for a name that is none
    for mart in reversed(tuple(MARTS.values())):
        if mart.name in wanted:
            wanted |= set(mart.needs)
    units = {mart.part.unit for mart in MARTS.values() if mart.name in wanted and mart.part is not None}
    return [
        mart
        for mart in MARTS.values()
        if mart.name in wanted or (mart.sought and mart.part is not None and mart.part.unit in units)
    ]


def _build(
    con: duckdb.DuckDBPyConnection,
    policy: Policy,
    tables: Iterable[str] | None,
    given: _Given,
    cache: Path | None,
    parts_from: int | None,
    engine: Elsewhere | None,
) -> BuildOutcome:
    wanted = _wanted(tables)
    compiled: Mapping[str, Compiled] = {}
    if engine is None:
        offered = _offered(con)
        compiled = {
            made.name: made if offered else _without_offers(made) for made in compiled_marts(policy, cache)
        }
    with afterwards(lambda: _clear(con)):
        with _transaction(con):
            judged = _prepare(con, given)
        if engine is not None:
            wanted = [mart for mart in wanted if not mart.sought]
            compiled = engine.make(con, Wanted(wanted, _instants(given, judged), policy, cache))
            wanted = [mart for mart in wanted if not mart.step]
            parts_from = None
        keep = parts_from is not None and largest_table(con) >= parts_from
        # What is looked up in is of use to the next build alone.
        wanted = [mart for mart in wanted if keep or not mart.sought]
        ledger = None if parts_from is None else _Made(con, given, judged, policy, wanted)
        with mart_writer(con, keep=keep, kept_of=ledger and ledger.build_before) as writer:
            making = _Making(con, writer, compiled, wanted)
            if ledger is not None:
                making.in_parts(ledger.change(writer))
                # It stays so for what is checked afterwards.
                con.execute(f"SET memory_limit = '{MEMORY_LIMIT if making.whole else MEMORY_LIMIT_OF_PARTS}'")
            with afterwards(making.clear):
                making.steps()
                # (A transaction that failed takes no statement: what it was set to is taken back after it.)
                with writer.in_no_order(), _transaction(con):
                    making.marts(given.now)
                    if ledger is not None:
                        ledger.enter()
                    elif any(mart.part or mart.difference for mart in wanted) and since.reason(con) is None:
                        # The next build cannot tell any more what the parts of these were.
                        since.whole(con, "some marts were made by themselves")
                making.writing.committed()
                if ledger is not None and writer.steps is not None:
                    making.keep_late()
                    ranked = [place_of(mart.ranks) for mart in wanted if mart.ranks is not None]
                    writer.steps.say(ledger.build, [*_kept(wanted), *ranked])
                    writer.steps.whole = True
    return BuildOutcome(
        given.now,
        judged,
        making.rows,
        making.digests,
        frozenset(making.changed),
        making.seconds,
        making.whole,
    )


class _Made:
    """What the marts of a warehouse were made of last, and what of that changed since."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        given: _Given,
        judged: datetime | None,
        policy: Policy,
        wanted: Sequence[Mart],
    ) -> None:
        self._con = con
        self._wanted = wanted
        since.ensure(con)
        found = con.execute(f"SELECT build, given FROM {since.MADE}").fetchone()
        self.build_before, before = found or (None, None)
        self._before = parts.read(before) if before else None
        number = int(self.build_before.split("@")[0]) if self.build_before else 0
        self.build = f"{number + 1}@{given.now.isoformat()}"
        self._now = parts.judged(
            con,
            now=given.now,
            judged_at=judged,
            waived=[finding for (finding,) in given.rows["waivers"]],
            rules=fingerprint(policy),
            offset=given.utc_offset_minutes,
            beside=_beside(con, wanted) | _told_instants(_instants(given, judged)),
        )

    def change(self, writer: MartWriter) -> Change | str:
        """What changed since they were made, or why all of them are made anew."""
        kept = _kept(self._wanted)
        marts = [mart.name for mart in self._wanted if mart.part and not mart.step]
        there = _standing(self._con)
        unknown = since.reason(self._con)
        if unknown is not None:
            return unknown
        if self._before is None or self._now is None:
            return "what they were made of is not known"
        if (
            self._before.rest != self._now.rest
            or self._before.read_until.keys() != self._now.read_until.keys()
        ):
            return "rules, policy, zone or what was read are others"
        if parts.went_back(self._before, self._now):
            return "the clock, or what was read, went back"
        if writer.steps is None or writer.steps.of != self.build_before or not writer.steps.has(kept):
            return "the steps of the build before are not there"
        if not there.issuperset(marts):
            return "a mart is not there"
        return Change(self._before, self._now, frozenset(since.captured(self._con)))

    def enter(self) -> None:
        """The marts are made of core as it is, in the transaction that made them."""
        since.clear(self._con)
        self._con.execute(f"DELETE FROM {since.MADE}")
        given = None if self._now is None else parts.written(self._now)
        self._con.execute(f"INSERT INTO {since.MADE} VALUES (?, ?)", [self.build, given])


class _Making:
    """The steps and marts of one build, one after another."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        writer: MartWriter,
        compiled: Mapping[str, Compiled],
        wanted: Sequence[Mart],
    ) -> None:
        self._con = con
        self._writer = writer
        self._compiled = compiled
        self._wanted = wanted
        self._early = [mart for mart in wanted if mart.step and all(MARTS[need].step for need in mart.needs)]
        self._remake: Remake | None = None
        self.writing = Writing(con)
        """What becomes of marts of which a part is replaced. Of those made whole nothing is known (mart_writer.py)."""
        self._stirred: frozenset[str] | None = None
        """What may be another than at the build before, as far as can be told before anything is made; None:
        anything."""
        self._moved: set[str] | None = None
        """What of core, of what is given and of what was made so far is another; None: anything may be."""
        self._settled: set[str] = set()
        """The steps and marts of which that is known."""
        self._late: list[str] = []
        """The steps made of marts that wait to be kept."""
        self._waiting: dict[str, str] = {}
        """The steps that are made of marts and not kept, each with its query, until something that is made reads it."""
        self._written: set[str] = set()
        """The steps that were made whole."""
        self.rows: dict[str, int] = {}
        self.digests: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self.changed: set[str] = set()
        self.whole: str | None = "parts were not asked for"

    def in_parts(self, change: Change | str) -> None:
        """Make only parts, as far as marts have them and the change is known."""
        self.whole = change if isinstance(change, str) else None
        if isinstance(change, Change) and self._writer.steps is not None:
            remake = Remake(
                self._con, change, lambda name: typed(self._compiled[name]), self._writer.steps.place
            )
            self.whole = remake.find(links.NAME)
            if self.whole is None:
                self._remake = remake
                self._stirred = _stirred(self._wanted, change.written)
                self._moved = {*change.written, *change.given}
            else:
                remake.clear()
        if self._remake is None and self._writer.steps is not None:
            self._writer.steps.forget()

    def clear(self) -> None:
        if self._remake is not None:
            self._remake.clear()

    def _follows(self, mart: Mart) -> bool:
        """Whether a step follows from what it was."""
        return (
            self._remake is not None and mart.follows is not None and self._remake.find(mart.follows) is None
        )

    def _in_part(self, mart: Mart) -> bool:
        return (
            self._remake is not None and mart.part is not None and self._remake.find(mart.part.unit) is None
        )

    def _needless(self, mart: Mart) -> bool:
        """Whether it is known before anything is made to be as it was."""
        return self._stirred is not None and mart.part is None and mart.name not in self._stirred

    def _still(self, mart: Mart) -> bool:
        """Whether a step or mart is as it was: all it is made of is, and the instants it asks for are."""
        if self._moved is None:
            return False
        asked = asked_instants(self._compiled[mart.name].sql)
        return self._moved.isdisjoint(asked) and all(self._stands(name) for name in mart.reads)

    def _stands(self, name: str) -> bool:
        """Whether what something reads is as it was. (A name that core has is core's.)"""
        assert self._moved is not None
        if name in CORE or name not in MARTS or name in self._settled:
            return name not in self._moved
        # One that is not made by itself is what it is made of.
        return self._still(MARTS[name])

    def _settle(self, mart: Mart, *, moved: bool) -> None:
        if self._moved is None or mart.name in CORE:
            return
        self._settled.add(mart.name)
        if moved:
            self._moved.add(mart.name)

    def steps(self) -> None:
        """Every step that is made of core alone. First those with parts, unit by unit: the others may read them."""
        read = self._read_by_whole()
        if self._remake is not None and self._writer.steps is not None:
            self._writer.steps.begin()
        units = dict.fromkeys(mart.part.unit for mart in self._early if mart.part is not None)
        for unit in units:
            self._steps_of(unit)
        for mart in self._early:
            if mart.part is not None:
                continue
            if self._follows(mart):
                with self._timed(mart):
                    self._follow(mart)
            elif mart.name not in self._written and (self._remake is None or mart.kept or mart.name in read):
                self._write_step(mart)

    def _steps_of(self, unit: str) -> None:
        marts = [mart for mart in self._early if mart.part is not None and mart.part.unit == unit]
        if self._remake is None or self._remake.find(unit) is not None:
            for mart in marts:
                self._write_step(mart)
            return
        for mart in marts:
            with self._timed(mart):
                self._make_part(mart)
        with _transaction(self._con):
            for mart in marts:
                self._put_part(mart)

    def _write_step(self, mart: Mart) -> None:
        for name in mart.needs:
            if MARTS[name].of and name not in self._written:
                self._write_step(MARTS[name])
        self._written.add(mart.name)
        self._settle(mart, moved=not self._still(mart))
        with self._timed(mart):
            if self._remake is not None and mart.remembered:
                self._remake.remember(mart)
            if self._remake is not None and not mart.kept and mart.of is None:
                # Of few rows where the large ones are made in parts: the file of those that are kept is left alone.
                self._writer.write_late(mart.name, typed(self._compiled[mart.name]))
                return
            self._writer.write_step(mart.name, typed(self._compiled[mart.name]))
            if mart.ranks is not None and self._writer.keeps:
                self._windows(mart.ranks).make()

    def _follow(self, step: Mart) -> None:
        """A step of core alone that follows from what it was."""
        assert self._remake is not None
        query: str | None = None
        if self._still(step):
            pass
        elif step.difference is not None:
            query = self._remake.differs(step, step.difference)
        else:
            assert step.ranks is not None
            made, gone = self._remake.passed(step.ranks.unit, MARTS[step.ranks.rows])
            if self._remake.differ(made, gone):
                query = self._windows(step.ranks).follow(f"temp.{quoted(step.name)}", made, gone)
        self._settle(step, moved=query is not None)
        if query is not None:
            # It reads what it replaces.
            self._writer.write_step(step.name, f"FROM {self._remake.keep(step.name, query)}")

    def _windows(self, ranks: Ranks) -> Windows:
        assert self._writer.steps is not None
        rows = ranks.rows
        # Where all is made the step of rows was made before.
        made = self._remake is None or self._remake.find(ranks.unit) is not None
        query = f"FROM temp.{quoted(rows)}" if made else typed(self._compiled[rows])
        return Windows(self._con, ranks, self._writer.steps.place, query)

    def _read_by_whole(self) -> set[str]:
        """The steps that are not kept, and that something reads which is made now."""
        read: set[str] = set()
        for mart in reversed(self._wanted):
            if self._needless(mart) or (mart.step and not mart.kept and mart.name not in read):
                continue
            needs = [MARTS[name] for name in mart.needs if MARTS[name].step]
            # What is made of a unit's parts has such parts made for it.
            read |= {need.name for need in needs if not (need.of and self._by_parts(mart, need.of))}
        return read

    def _by_parts(self, mart: Mart, unit: str) -> bool:
        """Whether a step or mart is made of the parts of a unit."""
        made_by = mart.follows if mart.part is None else mart.part.unit
        return made_by == unit and (self._follows(mart) if mart.part is None else self._in_part(mart))

    def marts(self, now: datetime) -> None:
        """Every mart, and the steps that are made of marts."""
        known = dict(self._con.execute("SELECT mart, digest FROM ops.mart_digests").fetchall())
        standing = _standing(self._con)
        for mart in self._wanted:
            if mart in self._early:
                continue
            before = known.get(mart.name) if mart.name in standing else None
            with self._timed(mart):
                if mart.step:
                    self._write_late(mart)
                elif mart.part is None and before is not None and self._still(mart):
                    self._settle(mart, moved=False)
                    self._enter(mart, before, before)
                elif self._in_part(mart) and before is not None:
                    self._bring(mart)
                    self._make_part(mart)
                    self._enter(mart, before, _after(before, self._put_part(mart)))
                else:
                    self._make_whole(mart, before)
        entered = [name for name in self.digests if name in self.changed or name not in known]
        if self.changed:
            self._con.executemany(
                "INSERT OR REPLACE INTO ops.mart_digests VALUES (?, ?, ?, ?)",
                [[name, self.digests[name], self.rows[name], now] for name in entered],
            )

    def _write_late(self, step: Mart) -> None:
        """A step that is made of marts. One that is not kept is made when something that is made reads it."""
        query: str | None = typed(self._compiled[step.name])
        if self._remake is not None and step.difference is not None and self._follows(step):
            query = None if self._still(step) else self._remake.differs(step, step.difference)
            self._settle(step, moved=query is not None)
            if query is None and step.kept:
                return
            query = query or step.difference.was
        else:
            self._settle(step, moved=not self._still(step))
        assert query is not None
        if step.kept:
            self._bring(step)
            self._writer.write_late(step.name, query, kept=True)
            self._late.append(step.name)
        else:
            self._waiting[step.name] = query

    def _bring(self, mart: Mart) -> None:
        """Make the steps that waited for something that reads them."""
        for name in mart.needs:
            if (query := self._waiting.pop(name, None)) is not None:
                self._bring(MARTS[name])
                self._writer.write_late(name, query)

    def keep_late(self) -> None:
        """Keep the steps made of marts that the next build needs. After the marts: a transaction writes one file."""
        for name in self._late:
            self._writer.keep_late(name)

    def _make_whole(self, mart: Mart, before: str | None) -> None:
        self._bring(mart)
        columns = _write(self._con, self._writer, mart, self._compiled[mart.name])
        digest = _digest(self._con, self._writer.draft, columns, mart.clock_columns)
        # (What the clock alone changes counts for no digest, and others may read it.)
        self._settle(mart, moved=before != digest or bool(mart.clock_columns))
        self._enter(mart, before, digest)
        self._writer.swap_in(mart.name, keep=before != digest or bool(mart.clock_columns))

    def _make_part(self, mart: Mart) -> None:
        assert self._remake is not None
        assert mart.part is not None
        made = self._compiled[mart.name]
        self._remake.make(mart, mart.part, made, typed(made), self._place(mart))

    def _place(self, mart: Mart) -> str:
        """Where a step or mart with parts is stored."""
        if not mart.step:
            return f"marts.{quoted(mart.name)}"
        assert self._writer.steps is not None
        return self._writer.steps.place(mart.name)

    def _put_part(self, mart: Mart) -> Replaced:
        assert self._remake is not None
        assert mart.part is not None
        columns = [name for name, _ in self._compiled[mart.name].columns]
        replaced = self._remake.put(mart, mart.part, columns, self._place(mart))
        self._settle(mart, moved=replaced.differs)
        if replaced.differs and mart.table is not None:
            gone, made = (f"temp.{of(mart.part.unit, mart.name)}" for of in (gone_of, part_of))
            taken = contents_of(self._con, mart.table, gone)
            prove_change(self._con, self.writing, mart.table, taken=taken, added=made, apart=mart.part.by)
        return replaced

    def _enter(self, mart: Mart, before: str | None, digest: str) -> None:
        self.rows[mart.name], self.digests[mart.name] = int(digest.split(":")[0]), digest
        if digest != before:
            self.changed.add(mart.name)

    @contextmanager
    def _timed(self, mart: Mart) -> Iterator[None]:
        started = time.perf_counter()
        yield
        if time.perf_counter() - started > _LONG_SECONDS:
            give_back_rest()
        self.seconds[mart.name] = self.seconds.get(mart.name, 0.0) + time.perf_counter() - started


def _kept(wanted: Iterable[Mart]) -> list[str]:
    """The steps that the next build needs as they are."""
    return [mart.name for mart in wanted if mart.kept]


def _stirred(wanted: Iterable[Mart], written: frozenset[str]) -> frozenset[str]:
    """What may be another than at the build before: what reads a table of core that was written, or one that is not
    core's, asks the clock, or has parts; and what reads that."""
    found = set(written)
    for mart in wanted:
        read = {name for name in mart.reads if name in CORE or name in MARTS}
        if mart.part or mart.asks_clock or len(read) < len(mart.reads) or read & found:
            found.add(mart.name)
    return frozenset(found)


def _beside(con: duckdb.DuckDBPyConnection, wanted: Iterable[Mart]) -> dict[str, str]:
    """A digest of each table that marts read and that is not core's, nor made here: of ops, or of what is given."""
    read = sorted({name for mart in wanted for name in mart.reads if name not in CORE and name not in MARTS})
    places = {name: f"temp.{quoted(name)}" if name in GIVEN else OPS[name].table for name in read}
    asked = " UNION ALL ".join(
        f"SELECT {literal(name)}, count(*) || ':' || coalesce(sum(hash(t)::HUGEINT), 0) FROM {place} AS t"
        for name, place in places.items()
    )
    return {str(name): str(found) for name, found in con.execute(asked).fetchall()} if asked else {}


def _told_instants(values: Sequence[Any]) -> dict[str, str]:
    """The instants as texts."""
    return {name: str(value) for name, value in zip(INSTANTS, values, strict=True)}


def _after(digest: str, replaced: Replaced) -> str:
    """A digest of rows of which some were replaced."""
    rows, hashes = map(int, digest.split(":"))
    return f"{rows - replaced.gone.rows + replaced.made.rows}:{hashes - replaced.gone.hashes + replaced.made.hashes}"


def _standing(con: duckdb.DuckDBPyConnection) -> set[str]:
    """The marts that are there."""
    return {
        str(name)
        for (name,) in con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
            " AND schema_name = 'marts' AND NOT temporary"
        ).fetchall()
    }


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


def _offered(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether there are offers, or were when the marts were made."""
    there = con.execute(f"SELECT 1 FROM {_OFFERS} LIMIT 1").fetchone() is not None
    return there or "booking_offers" in since.captured(con)


def _without_offers(made: Compiled) -> Compiled:
    """A mart that reads no offers. To DuckDB a table without rows is a table, and a join with it reads the other side's
    keys; of what it knows to be nothing it makes the query as if offers were not named."""
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
) -> str:
    """A digest of the rows of a table that does not depend on their order: how many they are, and the sum of their
    hashes."""
    columns = ", ".join(quoted(name) for name in names if name not in clock_columns)
    found = con.execute(
        f"SELECT count(*), coalesce(sum(hash({columns})::HUGEINT), 0)::VARCHAR FROM {table}"
    ).fetchone()
    if found is None:
        raise AssertionError("an aggregate without groups has one row")
    return f"{found[0]}:{found[1]}"
