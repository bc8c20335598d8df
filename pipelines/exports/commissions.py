"""The commission report: its columns and its files.

Which rows there are and what they say is decided in the marts; how files get into a folder is folder.py's, proving a
report again verify.py's.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from marketplace.commission import NO_PROVIDER, RowState
from marketplace.difference import AGGREGATES, Difference
from marketplace.statuses import values
from pipelines.exports.csv_writer import Locale
from pipelines.exports.folder import Exported, Order, Written, export
from pipelines.exports.manifest import (
    MANIFEST,
    FileEntry,
    Manifest,
)
from pipelines.exports.month.instants import local_text
from pipelines.exports.report_files import CsvFile, Format, JsonFile, ReportFile, TableFormat, TakesRows
from pipelines.exports.workbook import SHEET_ROWS, Workbook
from resources.clock import Clock
from resources.errors import UsageError
from resources.home import Home
from resources.instants import z_text_of
from resources.snapshots import open_snapshot
from resources.sql import literal

KIND: Final = "commissions"

# Rows held at a time, rows asked for and sorted at a time, and what DuckDB may hold (also of the snapshot's blocks)
# before it spills into the temporary folder: together they keep memory the same for a thousand rows and for millions.
BATCH_ROWS: Final = 10_000
SLICE_ROWS: Final = 50_000
# The first is enough for any number of rows; a single day of hundreds of thousands, or as many findings, takes more.
QUERY_MEMORY: Final = ("96MB", "384MB", "1500MB")


#: The days ``first`` and ``until`` (ISO 8601), and ``provider``: an id, or None for all.
Period = dict[str, str | None]


@dataclass(frozen=True)
class Column:
    """A column of a report: its name and the SQL it is made of. ``docs/exports.md`` says what each means.

    ``kind``: what its text is where it is not just text (an ISO 8601 instant), and which numbers have decimals.
    """

    name: str
    sql: str
    kind: Literal["instant", "decimal"] | None = None


_OFFSET = (
    "printf('%s%02d:%02d', CASE WHEN {o} < 0 THEN '-' ELSE '+' END, abs({o}) // 60, abs({o}) % 60)".format(
        o="r.utc_offset_minutes"
    )
)
ZONE = (
    "CASE r.utc_offset_minutes WHEN 420 THEN 'Asia/Jakarta' WHEN 480 THEN 'Asia/Makassar'"
    f" WHEN 540 THEN 'Asia/Jayapura' WHEN 0 THEN 'UTC' ELSE 'UTC' || {_OFFSET} END"
)


def _utc(column: str) -> str:
    return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%fZ')"


def _local(column: str) -> str:
    return local_text(column, "r.utc_offset_minutes")


ROW_COLUMNS: Final = (
    Column("local_date", "r.local_date"),
    Column("time_zone", ZONE),
    Column("utc_offset_minutes", "r.utc_offset_minutes"),
    Column("accrued_at_local", _local("r.accrued_at"), "instant"),
    Column("accrued_at_utc", _utc("r.accrued_at"), "instant"),
    Column("booking_id", "r.booking_id"),
    Column("commission_id", "r.commission_id"),
    Column("booking_ref", "r.booking_ref"),
    Column("provider_id", "r.provider_id"),
    Column("provider_name", "p.provider_name"),
    Column("source", "r.source"),
    Column("booking_status", "r.booking_status"),
    Column("commission_status", "r.commission_status"),
    Column("state", "r.state"),
    Column("booking_amount_idr", "r.booking_amount_idr"),
    Column("policy_version", "r.policy_version"),
    Column("policy_rate_ppm", "r.policy_rate_ppm"),
    Column("rate", "r.rate", "decimal"),
    Column("expected_idr", "r.expected_idr"),
    Column("actual_idr", "r.actual_idr"),
    Column("variance_idr", "r.variance_idr"),
    Column("records", "r.records"),
    Column("deadline_at_local", _local("r.deadline_at"), "instant"),
    Column("deadline_at_utc", _utc("r.deadline_at"), "instant"),
    Column("paid_at_local", _local("r.paid_at"), "instant"),
    Column("paid_at_utc", _utc("r.paid_at"), "instant"),
)
FINDING_COLUMNS: Final = (
    Column("local_date", "f.local_date"),
    Column("finding_id", "f.finding_id"),
    Column("finding", "f.finding"),
    Column("severity", "f.severity"),
    Column("booking_id", "f.booking_id"),
    Column("booking_ref", "f.booking_ref"),
    Column("commission_id", "f.commission_id"),
    Column("provider_id", "f.provider_id"),
    Column("provider_name", "p.provider_name"),
    Column("expected_idr", "f.expected_idr"),
    Column("actual_idr", "f.actual_idr"),
    Column("variance_idr", "f.variance_idr"),
    Column("waived", "f.waived"),
    Column("detail", "f.detail"),
)
STATES: Final = values(
    RowState.MATCHED,
    RowState.MISMATCHED,
    RowState.MISSING,
    RowState.AWAITING,
    RowState.UNKNOWN,
    RowState.ORPHAN,
    RowState.NOT_DUE,
    RowState.FREE,
)
SUMMARY_COLUMNS: Final = (
    Column("source", "CASE WHEN grouping(r.source_or_none) = 1 THEN 'total' ELSE r.source_or_none END"),
    Column("rows", "count(*)"),
    *(Column(state, f"count(*) FILTER (r.state = '{state}')") for state in STATES),
    Column(
        "tracking_rate",
        # Where the state of the whole cannot be told, nor can a share of it.
        "CASE WHEN (SELECT state FROM marts.commission_summary) = 'unknown' THEN NULL"
        " WHEN count(*) FILTER (r.state IN ('matched', 'mismatched', 'missing')) = 0 THEN 1.0 ELSE"
        " count(*) FILTER (r.state IN ('matched', 'mismatched'))"
        " / count(*) FILTER (r.state IN ('matched', 'mismatched', 'missing')) END",
        "decimal",
    ),
    *(
        Column(name, f"coalesce(sum(r.{name}), 0)::BIGINT")
        for name in ("booking_amount_idr", "expected_idr", "actual_idr")
    ),
    *(Column(name, f"coalesce({sql}, 0)::BIGINT") for name, sql in AGGREGATES.items()),
)


def in_period(alias: str = "", provider: str = "provider_id") -> str:
    """The condition that a row of ``alias`` is of the period and the provider asked for (all where it is null)."""
    at = f"{alias}." if alias else ""
    return (
        f"{at}local_date >= CAST($first AS DATE) AND {at}local_date < CAST($until AS DATE)"
        f" AND {of_provider(f'{at}{provider}')}"
    )


def of_provider(column: str) -> str:
    """The condition that a row is of the provider asked for; ``none``: of nobody who is named."""
    return f"($provider IS NULL OR coalesce({column}, '{NO_PROVIDER}') = $provider)"


# One id may be a therapist's and a place's; the therapist is meant then, and a join must never double a row.
PROVIDERS = (
    "(SELECT provider_id, arg_min(provider_name, (CASE provider_type WHEN 'therapist' THEN 0 ELSE 1 END,"
    " provider_name)) AS provider_name FROM core.providers GROUP BY provider_id)"
)


def _select(columns: tuple[Column, ...]) -> str:
    return ", ".join(f'{column.sql} AS "{column.name}"' for column in columns)


def _nulls_last(*names: str) -> str:
    return ", ".join(f"{name} NULLS LAST" for name in names)


_BY = ("local_date", "accrued_at", "booking_id", "commission_id", "booking_ref", "provider_id", "state", "actual_idr",
    "expected_idr")  # fmt: skip


def rows_sql(condition: str = "true") -> str:
    """The query of the period's rows that meet a condition on ``r``, in their order."""
    return (
        f"SELECT {_select(ROW_COLUMNS)} FROM marts.commission_reconciliation r"
        f" LEFT JOIN {PROVIDERS} p ON p.provider_id = r.provider_id WHERE {in_period('r')} AND {condition}"
        f" ORDER BY {_nulls_last(*(f'r.{name}' for name in _BY))}"
    )


_ROWS_SQL = rows_sql()
# A finding belongs to the day of the reconciled row it speaks of (to none where that is not known); one that speaks of
# no reconciled row (a vanished record of a booking that earns nothing) to the day of its record, else of its booking.
# So each is in one period. One id may stand in both collections: a finding says in which (one of an older snapshot does
# not: the first day is taken).
# Each step asks only for the findings that the one before gave no day: of a million rows few are looked for.
DATED_FINDINGS = """(
    WITH findings AS (
        SELECT NULL::VARCHAR AS origin WHERE false UNION ALL BY NAME FROM marts.commission_findings
    ), by_record AS (
        SELECT f.finding_id, min(r.local_date) AS local_date
        FROM findings f JOIN marts.commission_reconciliation r ON r.commission_id = f.commission_id
        GROUP BY f.finding_id
    ), of_booking AS (
        SELECT f.finding_id, f.booking_id, f.origin FROM findings f ANTI JOIN by_record USING (finding_id)
    ), by_booking AS (
        SELECT f.finding_id, min(r.local_date) AS local_date
        FROM of_booking f JOIN marts.commission_reconciliation r
            ON r.booking_id = f.booking_id AND coalesce(f.origin, r.origin) IS NOT DISTINCT FROM r.origin
        GROUP BY f.finding_id
    ), others AS (
        SELECT f.finding_id, f.booking_id, f.origin, f.commission_id FROM findings f
        WHERE f.finding_id IN (FROM (SELECT finding_id FROM of_booking) ANTI JOIN by_booking USING (finding_id))
    ), of_record AS (
        SELECT o.finding_id, min(CAST(c.created_at + to_minutes(c.utc_offset_minutes) AS DATE)) AS local_date
        FROM others o JOIN core.commissions c ON c.commission_id = o.commission_id GROUP BY o.finding_id
    ), of_itself AS (
        SELECT o.finding_id,
            min(CAST(coalesce(b.accepted_at, b.created_at) + to_minutes(b.utc_offset_minutes) AS DATE)) AS local_date
        FROM others o JOIN core.bookings b
            ON b.booking_id = o.booking_id AND coalesce(o.origin, b.origin) IS NOT DISTINCT FROM b.origin
        GROUP BY o.finding_id
    )
    SELECT f.*, CASE
        WHEN by_record.finding_id IS NOT NULL THEN by_record.local_date
        WHEN by_booking.finding_id IS NOT NULL THEN by_booking.local_date
        ELSE coalesce(of_record.local_date, of_itself.local_date) END AS local_date
    FROM findings f
    LEFT JOIN by_record ON by_record.finding_id = f.finding_id
    LEFT JOIN by_booking ON by_booking.finding_id = f.finding_id
    LEFT JOIN of_record ON of_record.finding_id = f.finding_id
    LEFT JOIN of_itself ON of_itself.finding_id = f.finding_id
)"""
FINDINGS_SQL = (
    f"SELECT {_select(FINDING_COLUMNS)} FROM temp.dated_findings f"
    f" LEFT JOIN {PROVIDERS} p ON p.provider_id = f.provider_id WHERE {in_period('f')}"
    f" ORDER BY {_nulls_last('f.local_date', 'f.finding_id', 'f.commission_id', 'f.booking_id')}"
)
SUMMARY_SQL = (
    f"SELECT {_select(SUMMARY_COLUMNS)} FROM"
    " (SELECT *, coalesce(source, 'none') AS source_or_none FROM marts.commission_reconciliation"
    f" WHERE {in_period()}) r GROUP BY GROUPING SETS ((r.source_or_none), ())"
    " ORDER BY grouping(r.source_or_none), r.source_or_none"
)
_FACTS_SQL = {
    "snapshot": "SELECT published_at, rules_version, source.endpoint, source.project, source.database"
    " FROM ops.snapshot",
    "as_of": "SELECT as_of FROM marts.commission_summary",
    "policies": "SELECT DISTINCT policy_version FROM marts.commission_reconciliation"
    f" WHERE {in_period()} AND policy_version IS NOT NULL ORDER BY policy_version",
    "zones": f"SELECT {ZONE} AS zone, count(*) FROM marts.commission_reconciliation r"
    f" WHERE {in_period('r')} GROUP BY zone ORDER BY zone NULLS LAST",
    "rows_without_day": "SELECT count(*) FROM marts.commission_reconciliation WHERE local_date IS NULL"
    f" AND {of_provider('provider_id')}",
    "findings": f"SELECT count(*) FROM temp.dated_findings WHERE {in_period()}",
    "findings_without_day": "SELECT count(*) FROM temp.dated_findings WHERE local_date IS NULL"
    f" AND {of_provider('provider_id')}",
    "difference": f"SELECT {', '.join(f'coalesce({sql}, 0)::BIGINT' for sql in AGGREGATES.values())}"
    f" FROM marts.commission_reconciliation WHERE {in_period()}",
    "days": f"SELECT local_date, count(*) FROM marts.commission_reconciliation WHERE {in_period()}"
    " GROUP BY local_date ORDER BY local_date",
}


@dataclass(frozen=True)
class Table:
    """A table of the report: its name (and sheet), the end of its files' names, its rows.

    ``by_day``: its rows come by day, so that the period may be asked for in slices.
    """

    name: str
    suffix: str
    sql: str
    columns: tuple[Column, ...]
    by_day: bool = True

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def of_kind(self, kind: Literal["instant", "decimal"]) -> frozenset[str]:
        return frozenset(column.name for column in self.columns if column.kind == kind)


TABLES: Final = (
    Table("rows", "", _ROWS_SQL, ROW_COLUMNS),
    Table("findings", "_findings", FINDINGS_SQL, FINDING_COLUMNS),
    Table("summary", "_summary", SUMMARY_SQL, SUMMARY_COLUMNS, by_day=False),
)


@dataclass(frozen=True)
class Part:
    """A file of one table. ``safe``: a spreadsheet opens it safely, and as the locale writes it."""

    table: Table
    form: Literal["csv", "json", "parquet"]
    safe: bool = False

    @property
    def suffix(self) -> str:
        return self.table.suffix + ("_spreadsheet" if self.safe else "")


def parts(
    form: TableFormat, too_long: Collection[str] = (), tables: tuple[Table, ...] = TABLES
) -> list[Part]:
    """The files of single tables, in the manifest's order.

    A workbook comes before them; beside it only the tables stand that are ``too_long`` for a sheet.
    """
    if form in ("json", "parquet"):
        return [Part(table, form) for table in tables]
    return [
        Part(table, "csv", safe)
        for table in tables
        if form == "csv" or table.name in too_long
        for safe in (False, True)
    ]


def file_name(
    first: str, until: str, snapshot_id: str, suffix: str, form: str, provider: str | None = None
) -> str:
    """The name of a file of a report: ``commissions_<from>_<to>[_<provider>]_<snapshot><suffix>.<form>``."""
    of = "" if provider is None else f"_{in_a_name(provider)}"
    return f"{KIND}_{first}_{until}{of}_{snapshot_id}{suffix}.{form}"


def in_a_name(provider: str) -> str:
    """A provider's id as it stands in a file's name: itself where it is such as Appwrite gives, else a hash of it."""
    plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,35}", provider, re.ASCII)
    return provider if plain else hashlib.sha256(provider.encode()).hexdigest()[:16]


def require_provider(con: duckdb.DuckDBPyConnection, provider: str) -> None:
    """Raise UsageError where the snapshot knows nobody by this id; ``none`` is always known."""
    known = (
        "SELECT 1 FROM core.providers WHERE provider_id = ? UNION ALL"
        " SELECT 1 FROM marts.commission_reconciliation WHERE provider_id = ? LIMIT 1"
    )
    if provider != NO_PROVIDER and con.execute(known, [provider, provider]).fetchone() is None:
        raise UsageError(
            f"The snapshot knows no provider {provider!r}.",
            '`bookwatch sql "SELECT provider_id, provider_name FROM core.providers"` lists them; none is nobody.',
        )


def check_period(first: date, until: date) -> None:
    """Raise UsageError when the half-open period [first, until) holds no day."""
    if first == until:
        raise UsageError(
            f"--from and --to are both {first}: the period is empty, for --to is exclusive.",
            "For one day give the day after it as --to.",
        )
    if first > until:
        raise UsageError(
            f"--from ({first}) is after --to ({until}).", "Give the earlier day as --from; --to is exclusive."
        )


def export_commissions(
    home: Home,
    clock: Clock,
    *,
    first: date,
    until: date,
    out: Path,
    made_by: str,
    time_zone: str,
    snapshot_id: str | None = None,
    form: Format = "csv",
    locale: Locale = "en",
    provider: str | None = None,
) -> Exported:
    """Write the commission report of the local accrual days [first, until) from one kept snapshot into ``out``, whole
    or one provider's (by id; ``none``: what names nobody).

    The data files are the same bytes whenever they come from one snapshot with the same period, format and
    locale. How they get there: folder.export. ``time_zone`` names the default zone in the manifest; each row carries
    its own.

    Raises UsageError for an empty period or a provider nobody knows, BookwatchError for a snapshot or folder that
    cannot serve.
    """
    check_period(first, until)
    filters = {"from": first.isoformat(), "to": until.isoformat()}
    if provider is not None:
        filters["provider"] = provider

    def write(path: Path, workshop: Path) -> Written:
        facts, files = _write_within_memory(path, workshop, filters, form, locale, path.stem)
        over = facts["as_of"] is not None and _local_day(facts["as_of"], time_zone) >= until

        def manifest_after(previous: str | None, made_at: datetime) -> Manifest:
            return Manifest(
                report=KIND,
                format=form,
                locale=locale,
                snapshot=path.stem,
                published_at=z_text_of(facts["published_at"]),
                as_of=z_text_of(facts["as_of"]),
                period_over=over,
                created_at=z_text_of(made_at),
                made_by=made_by,
                time_zone=time_zone,
                time_zones=facts["zones"],
                rules_version=facts["rules_version"],
                policy_versions=facts["policies"],
                source=facts["source"],
                filters=filters,
                rows_without_day=facts["rows_without_day"],
                findings_without_day=facts["findings_without_day"],
                difference=facts["difference"],
                files=files,
                previous_manifest_sha256=previous,
            )

        return Written(files, manifest_after)

    order = Order(KIND, form, locale, filters, made_by)
    return export(home, clock, order, out=out, write=write, snapshot_id=snapshot_id)


def _local_day(naive_utc: datetime, time_zone: str) -> date:
    return naive_utc.replace(tzinfo=UTC).astimezone(ZoneInfo(time_zone)).date()


def _write_within_memory(
    path: Path, workshop: Path, filters: dict[str, str], form: Format, locale: Locale, snapshot_id: str
) -> tuple[dict[str, Any], list[FileEntry]]:
    """``_write_parts`` with as little memory as it can be done in."""
    *tries, last = QUERY_MEMORY
    for limit in tries:
        attempt = workshop / limit
        attempt.mkdir(mode=0o700)
        try:
            facts, files = _write_parts(path, attempt, filters, form, locale, snapshot_id, limit)
        except duckdb.OutOfMemoryException:
            shutil.rmtree(attempt)
            continue
        for entry in files:
            os.rename(attempt / entry.name, workshop / entry.name)
        return facts, files
    return _write_parts(path, workshop, filters, form, locale, snapshot_id, last)


def _write_parts(
    path: Path,
    workshop: Path,
    filters: dict[str, str],
    form: Format,
    locale: Locale,
    snapshot_id: str,
    memory: str,
) -> tuple[dict[str, Any], list[FileEntry]]:
    """Write every data file into ``workshop``; returns what the snapshot says of itself, and the files."""
    provider = filters.get("provider")
    period: Period = {"first": filters["from"], "until": filters["to"], "provider": provider}

    def name(suffix: str, form: str) -> str:
        return file_name(filters["from"], filters["to"], snapshot_id, suffix, form, provider)

    entries: list[FileEntry] = []
    spill = workshop / "spill"
    with open_snapshot(path, memory_limit=memory, spill_folder=spill) as con:
        if provider is not None:
            require_provider(con, provider)
        con.execute(f"CREATE TEMP TABLE dated_findings AS FROM {DATED_FINDINGS}")
        facts = facts_of(con, period)
        days = facts.pop("days")
        slices = _slices(period, days)
        lengths = {"rows": sum(count for _, count in days), "findings": facts.pop("findings")}
        too_long = {table for table, count in lengths.items() if count > SHEET_ROWS}
        files = parts(form, too_long)
        book = Workbook(workshop, name("", form), workshop / "sheets") if form == "xlsx" else None
        for table in TABLES:
            writers = {
                part.suffix: _file_of(part, workshop, name(part.suffix, part.form), locale)
                for part in files
                if part.table == table
            }
            takers: list[TakesRows] = list(writers.values())
            if book and table.name not in too_long:
                takers.append(book.sheet(table.name, table.names, table.of_kind("instant")))
            for period_or_slice in slices if table.by_day else [period]:
                for batch in _batches(con, table.sql, period_or_slice):
                    for taker in takers:
                        taker.add(batch)
            closed = [writer.close() for writer in writers.values()]
            if book and table.name in too_long:
                raw, safe = closed
                book.elsewhere(table.name, raw, safe.name)
            entries.extend(closed)
        if book:
            entries.insert(0, book.close())
    return facts, entries


def _file_of(part: Part, workshop: Path, name: str, locale: Locale) -> ReportFile:
    if part.form == "json":
        return JsonFile(workshop, name, part.table.names)
    if not part.safe:
        return CsvFile(workshop, name, part.table.names)
    return CsvFile(workshop, name, part.table.names, part.table.of_kind("instant"), locale)


def _slices(period: Period, days: list[tuple[date, int]]) -> list[Period]:
    """The period in half-open parts of whole days, each of some SLICE_ROWS rows: sorting one holds no more than that.

    ``days``: each day that has rows, in order, and their number. A single day is never cut.
    """
    starts = [date.fromisoformat(str(period["first"]))]
    rows = 0
    for day, count in days:
        if rows and rows + count > SLICE_ROWS:
            starts.append(day)
            rows = 0
        rows += count
    ends = [*starts[1:], date.fromisoformat(str(period["until"]))]
    return [
        {**period, "first": first.isoformat(), "until": until.isoformat()}
        for first, until in zip(starts, ends, strict=True)
    ]


def of_period(sql: str, period: Period) -> str:
    """``sql`` with the days and the provider written into it: ``$first``, ``$until``, ``$provider``.

    Written, not bound: a relation with bound parameters is first made whole in memory (1.9 GB for a million rows).
    They are days this process has parsed, and a text as SQL quotes it.
    """
    for name in ("first", "until"):
        sql = sql.replace(f"${name}", f"'{date.fromisoformat(str(period[name]))}'")
    provider = period["provider"]
    return sql.replace("$provider", "NULL" if provider is None else literal(provider))


def _batches(con: duckdb.DuckDBPyConnection, sql: str, period: Period) -> Iterator[pl.DataFrame]:
    for batch in con.sql(of_period(sql, period)).to_arrow_reader(BATCH_ROWS):
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        yield frame


def facts_of(con: duckdb.DuckDBPyConnection, period: Period) -> dict[str, Any]:
    """What the snapshot says of itself and of the period."""

    def rows(query: str) -> list[tuple[Any, ...]]:
        return con.execute(of_period(_FACTS_SQL[query], period)).fetchall()

    published_at, rules_version, endpoint, project, database = (rows("snapshot") or [(None,) * 5])[0]
    as_of = rows("as_of")
    return {
        "published_at": published_at,
        "rules_version": rules_version,
        "source": {"endpoint": endpoint, "project": project, "database": database},
        "as_of": as_of[0][0] if as_of else None,
        "policies": [str(version) for (version,) in rows("policies")],
        "zones": {str(zone or "unknown"): count for zone, count in rows("zones")},
        "rows_without_day": rows("rows_without_day")[0][0],
        "findings": rows("findings")[0][0],
        "findings_without_day": rows("findings_without_day")[0][0],
        "difference": dict(zip(AGGREGATES, rows("difference")[0], strict=True)),
        "days": rows("days"),
    }


def describe(exported: Exported, say: Callable[[str], None]) -> None:
    """Tell a person what was exported: the period and its zone, the files, their rows and control totals."""
    manifest = exported.manifest
    first, until = manifest.filters["from"], manifest.filters["to"]
    say(
        f"Commissions accrued from {first} up to, not including, {until} (--to is exclusive),"
        f" snapshot {manifest.snapshot}."
    )
    elsewhere = {zone: rows for zone, rows in manifest.time_zones.items() if zone != manifest.time_zone}
    if "provider" in manifest.filters:
        say(f"Only those of the provider {manifest.filters['provider']}.")
    say(
        f"Days are local to each row's provider: {manifest.time_zone} by default"
        + "".join(f", {zone} for {rows:,} of them" for zone, rows in elsewhere.items())
        + "."
    )
    if not manifest.period_over:
        say(
            "The period was not over when this snapshot was judged"
            f" ({manifest.as_of or 'commission records were never scanned'}): later rows are not in it."
        )
    for number, what in (
        (manifest.rows_without_day, "row(s) of the snapshot have no day and are in no period"),
        (
            manifest.findings_without_day,
            "finding(s) speak of no booking or record, or of one without a day, and are in no period",
        ),
    ):
        if number:
            say(f"{number:,} {what}.")
    difference = Difference.read(manifest.difference or {})
    if difference is not None:
        say(f"{difference}.")
    for entry in manifest.files:
        totals = ", ".join(f"{column} {total:,}" for column, total in entry.totals.items())
        whole = " (its total line counted with the others)" if "_summary." in entry.name else ""
        say(f"  {entry.name}: {entry.rows:,} rows; {totals}{whole}")
        for sheet in entry.sheets or []:
            say(f"    sheet {sheet.name}: {sheet.rows:,} rows{f', in {sheet.file}' if sheet.file else ''}")
    say(f"Manifest {exported.folder / MANIFEST} (SHA-256 {exported.manifest_sha256})")
    if exported.already_there:
        say("This report was already there, byte for byte: no new entry was made in the ledger.")
    if exported.strangers:
        say(
            f"The folder also holds {', '.join(exported.strangers[:5])}"
            f"{' and others' if len(exported.strangers) > 5 else ''}:"
            " `bookwatch verify` will name what is not the report's."
        )
