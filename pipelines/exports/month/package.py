"""The month's package: which tables and documents it has, how they come into one folder, and its manifest.

What a table holds stands in its module beside this one. How files get into a folder whole or not at all is folder.py's,
proving them again verify.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import duckdb
import orjson
import polars as pl

from marketplace.bridges import LineKind
from marketplace.closed_months import CLOSED_AFTER, month_after
from marketplace.commission import rupiah
from pipelines.exports import month
from pipelines.exports.commissions import check_period, facts_of, in_a_name, require_provider
from pipelines.exports.csv_writer import Locale
from pipelines.exports.digests import mart_digests
from pipelines.exports.folder import Exported, Order, Written, export
from pipelines.exports.maker import account
from pipelines.exports.manifest import (
    MANIFEST,
    MONTH_KIND,
    MONTH_VERSION,
    DamagedManifest,
    FileEntry,
    Manifest,
    MonthEntry,
    ledger_words,
    read_manifest,
)
from pipelines.exports.month.document import Contents, Document, Spool
from pipelines.exports.month.figures import figures_of
from pipelines.exports.month.files import ENDINGS, TableFiles
from pipelines.exports.month.findings import date_findings
from pipelines.exports.month.rows import period_of
from pipelines.exports.month.table import Asked, Earlier, PackageTable
from resources.clock import Clock
from resources.errors import BookwatchError, UsageError
from resources.home import Home
from resources.instants import z_text_of
from resources.ledger import ExportEntry, Ledger
from resources.ledger.sign_offs import standing
from resources.modules import modules_of
from resources.policy_file import policy_text
from resources.report_keys import public_key
from resources.seals import require_unchanged
from resources.snapshots import open_snapshot, require_snapshot, snapshot_path

KIND: Final = MONTH_KIND
#: The one form there is: every table as CSV, as CSV for spreadsheets and as JSON, and the documents.
FORM: Final = "package"
#: Tables and documents in the order in which they are made and listed: what comes first needs nothing of the others.
TABLE_ORDER: Final = (
    "commissions", "findings", "ledger", "statements", "ageing", "payments", "exclusions", "completeness", "bridges",
    "waivers", "changes", "corrections", "summary", "rules", "columns",
)  # fmt: skip
DOCUMENT_ORDER: Final = (".xlsx", "_rules.md", "_cover.pdf")
#: What DuckDB may hold before it spills into the temporary folder; a table that cannot be made so is made anew with
#: the next.
QUERY_MEMORY: Final = ("96MB", "384MB", "1500MB")
#: How it is known who made a package: only a login proves it.
SELF_DECLARED: Final = "self-declared"
#: The table whose lines the manifest repeats, and the scopes in it.
BRIDGES: Final = "bridges"
_WHOLE: Final = "whole"
_PROVIDER: Final = "provider"
#: Where tables that fit into a sheet are kept for the documents while a package is made.
SPOOL: Final = "spool"
T = TypeVar("T")


@cache
def tables() -> tuple[PackageTable, ...]:
    """Every table there is: each is the ``TABLE`` of the module beside this one that is called as it."""
    return tuple(import_module(f"{month.__name__}.{name}").TABLE for name in TABLE_ORDER)


@cache
def documents() -> tuple[Document, ...]:
    """Every document there is: each module beside this one with a ``DOCUMENT``. They load what draws pages, which the
    tables do without."""
    declared = (getattr(module, "DOCUMENT", None) for module in modules_of(month))
    found = {document.suffix: document for document in declared if isinstance(document, Document)}
    made = tuple(found.pop(suffix) for suffix in DOCUMENT_ORDER if suffix in found)
    if found:
        raise LookupError(f"{', '.join(found)} has no place in the order of a package")
    return made


def label(first: date, until: date, provider: str | None = None) -> str:
    """What a package's files begin with: ``2026-10`` of a whole month, else both days; then whose it is.

    >>> label(date(2026, 10, 1), date(2026, 11, 1))
    '2026-10'
    >>> label(date(2026, 10, 5), date(2026, 10, 12), "p1")
    '2026-10-05_2026-10-12_p1'
    """
    whole = first.day == 1 and until == month_after(first)
    days = f"{first:%Y-%m}" if whole else f"{first}_{until}"
    return days if provider is None else f"{days}_{in_a_name(provider)}"


def label_of(manifest: Manifest) -> str:
    """The same of a package that was made."""
    filters = manifest.filters
    return label(
        date.fromisoformat(filters["from"]), date.fromisoformat(filters["to"]), filters.get("provider")
    )


def export_month(
    home: Home,
    clock: Clock,
    *,
    first: date,
    until: date,
    out: Path,
    made_by: str,
    time_zone: str,
    snapshot_id: str | None = None,
    provider: str | None = None,
    locale: Locale = "en",
    ageing_at: date | None = None,
    made_by_how: str = SELF_DECLARED,
) -> Exported:
    """Write the package of the local days [first, until) from one kept snapshot into ``out``, whole or one provider's.

    Ages are as of the end of the local day ``ageing_at`` (default: of the period's last day), or of the instant the
    snapshot was judged at where that is earlier. From one snapshot, period, provider, locale, ageing date and earlier
    report the tables are the same bytes. Memory does not grow with the rows.

    Raises UsageError for an empty period or a provider nobody knows, BookwatchError for a snapshot or folder that
    cannot serve.
    """
    check_period(first, until)
    filters = {"from": first.isoformat(), "to": until.isoformat()}
    if provider is not None:
        filters["provider"] = provider
    if ageing_at is not None:
        filters["ageing_at"] = ageing_at.isoformat()
    chosen = require_snapshot(home, snapshot_id).stem
    supersedes, opening_from = _earlier(home, out, filters, locale, chosen)
    key = public_key(home)

    def asked_of(judged_at: datetime | None) -> Asked:
        ends = _midnight(until, time_zone)
        return Asked(
            first=first,
            until=until,
            provider=provider,
            as_of=ages_as_of(filters, time_zone, judged_at),
            ended=ends if judged_at is None else min(ends, judged_at),
            time_zone=time_zone,
            supersedes=_as_earlier(home, supersedes),
            opening_from=_as_earlier(home, opening_from),
            texts=_texts(locale),
        )

    def write(path: Path, workshop: Path) -> Written:
        stem = f"{label(first, until, provider)}_{path.stem}"
        made = _write_tables(path, workshop, stem, locale, asked_of)
        facts, asked = made.facts, made.asked
        seal = require_unchanged(path)
        told = told_of_snapshot(facts, until, time_zone)

        def manifest_after(previous: str | None, made_at: datetime) -> Manifest:
            return Manifest(
                report=KIND,
                format=FORM,
                locale=locale,
                snapshot=path.stem,
                published_at=told["published_at"],
                as_of=told["as_of"],
                period_over=told["period_over"],
                created_at=z_text_of(made_at),
                made_by=made_by,
                time_zone=time_zone,
                time_zones=told["time_zones"],
                rules_version=told["rules_version"],
                policy_versions=told["policy_versions"],
                source=told["source"],
                filters=filters,
                rows_without_day=told["rows_without_day"],
                findings_without_day=told["findings_without_day"],
                difference=told["difference"],
                files=made.files,
                previous_manifest_sha256=previous,
                manifest_version=MONTH_VERSION,
                month=MonthEntry(
                    open=told["open"],
                    ageing_at=z_text_of(asked.as_of),
                    clock_frozen=clock.frozen is not None,
                    made_by_how=made_by_how,
                    bookwatch_version=version("bookwatch"),
                    snapshot_sha256=seal.sha256 if seal else None,
                    mart_digests=made.digests,
                    figures=made.figures,
                    bridges=made.bridges,
                    supersedes=_named(supersedes),
                    opening_from=_named(opening_from),
                    signed_off=_signed_off(home, first, until),
                    made_under=account(),
                    signed_with=None if key is None else key.text,
                ),
            )

        def papers(manifest: Manifest) -> list[FileEntry]:
            if not documents():
                return []
            # As the tables came: what can be had again from the spool is not asked for twice.
            snapshot = _Snapshot(path, workshop / "spill", made.limits)
            try:
                return [_write_document(snapshot, document, manifest) for document in documents()]
            finally:
                snapshot.close()

        def _write_document(snapshot: _Snapshot, document: Document, manifest: Manifest) -> FileEntry:
            name = f"{stem}{document.suffix}"

            def written(con: duckdb.DuckDBPyConnection) -> FileEntry:
                (workshop / name).unlink(missing_ok=True)  # of an attempt that ran out of memory
                return document.write(
                    Contents(manifest, asked, tables(), con, workshop / SPOOL), workshop, name
                )

            return snapshot.do(written)

        return Written(made.files, manifest_after, papers)

    order = Order(KIND, FORM, locale, filters, made_by)
    return export(home, clock, order, out=out, write=write, snapshot_id=chosen)


def told_of_snapshot(facts: dict[str, Any], until: date, time_zone: str) -> dict[str, Any]:
    """What a manifest says of its snapshot and of a period up to ``until``, by the manifest's names. ``facts``: as of
    facts_of. A period is closed a day after it is over, by the instant the snapshot was judged at."""
    judged_at, end = facts["as_of"], _midnight(until, time_zone)
    return {
        "published_at": z_text_of(facts["published_at"]),
        "as_of": z_text_of(judged_at),
        "period_over": judged_at is not None and judged_at >= end,
        "open": judged_at is None or judged_at < end + CLOSED_AFTER,
        "time_zones": facts["zones"],
        "rules_version": facts["rules_version"],
        "policy_versions": facts["policies"],
        "source": facts["source"],
        "rows_without_day": facts["rows_without_day"],
        "findings_without_day": facts["findings_without_day"],
        "difference": facts["difference"],
    }


def ages_as_of(filters: dict[str, str], time_zone: str, judged_at: datetime | None) -> datetime:
    """The instant (naive UTC) ages are as of: the end of the local day asked for, else of the period's last, but never
    later than the snapshot was judged at."""
    day = filters.get("ageing_at")
    until = date.fromisoformat(filters["to"]) if day is None else date.fromisoformat(day) + timedelta(days=1)
    as_of = _midnight(until, time_zone)
    return as_of if judged_at is None else min(as_of, judged_at)


def _texts(locale: str) -> dict[str, str]:
    return {"bookwatch_version": version("bookwatch"), "locale": locale, "policy": policy_text()}


def asked_again(home: Home, manifest: Manifest, told: MonthEntry, now: Callable[[str], str | None]) -> Asked:
    """What a package was made of, for making its tables once more. ``now``: the hash that a manifest has since it was
    rewritten. Raises ValueError or KeyError where the manifest says no period."""

    def earlier(named: dict[str, str] | None) -> Earlier | None:
        if named is None:
            return None
        entries = Ledger(home.ledger).exports() if home.ledger.is_file() else []
        digest = now(named["manifest_sha256"])
        entry = next((one for one in entries if one.manifest_sha256 == digest), None)
        return _as_earlier(home, entry)

    def instant(text: str) -> datetime:
        return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)

    until = date.fromisoformat(manifest.filters["to"])
    ends = _midnight(until, manifest.time_zone)
    return Asked(
        first=date.fromisoformat(manifest.filters["from"]),
        until=until,
        provider=manifest.filters.get("provider"),
        as_of=instant(told.ageing_at),
        ended=ends if manifest.as_of is None else min(ends, instant(manifest.as_of)),
        time_zone=manifest.time_zone,
        supersedes=earlier(told.supersedes),
        opening_from=earlier(told.opening_from),
        texts=_texts(manifest.locale),
    )


def _midnight(day: date, time_zone: str) -> datetime:
    """The instant (naive UTC) at which a local day begins."""
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC).replace(tzinfo=None)


# -- earlier reports -----------------------------------------------------------------------------------------


def _earlier(
    home: Home, out: Path, filters: dict[str, str], locale: str, snapshot_id: str
) -> tuple[ExportEntry | None, ExportEntry | None]:
    """The report of the same period that this one supersedes (of an earlier snapshot), and the one its opening is held
    against: of the period that ends where this begins. Of each the one of the newest snapshot, of these the last made.

    Where this very report stands in ``out`` already they are those its manifest names, so that its bytes repeat.
    """
    if not home.ledger.is_file():
        return None, None
    entries = [entry for entry in Ledger(home.ledger).exports() if entry.kind == KIND]
    there = _standing(out, filters, locale, snapshot_id)
    if there is not None and there.month is not None:
        by_hash = {entry.manifest_sha256: entry for entry in entries}
        named = there.month.supersedes, there.month.opening_from
        before, opening = (None if name is None else by_hash.get(name["manifest_sha256"]) for name in named)
        return before, opening
    mine = filters["from"], filters["to"], filters.get("provider")
    before = opening = None
    for entry in entries:
        first, until, provider = _period_of(entry)
        # An older snapshot's, exported once more, says again what a later one has superseded.
        if entry.snapshot_id < snapshot_id and (first, until, provider) == mine:
            before = entry if before is None or entry.snapshot_id >= before.snapshot_id else before
        if entry.snapshot_id <= snapshot_id and (until, provider) == (mine[0], mine[2]):
            opening = entry if opening is None or entry.snapshot_id >= opening.snapshot_id else opening
    return before, opening


def _period_of(entry: ExportEntry) -> tuple[str | None, str | None, str | None]:
    said: dict[str, str] = orjson.loads(entry.filters)
    return said.get("from"), said.get("to"), said.get("provider")


def _standing(out: Path, filters: dict[str, str], locale: str, snapshot_id: str) -> Manifest | None:
    try:
        manifest = read_manifest((out / MANIFEST).read_bytes())
    except (OSError, DamagedManifest):
        return None  # none, or one that folder.export will refuse
    same = (
        manifest.report == KIND
        and manifest.snapshot == snapshot_id
        and ledger_words(manifest.filters, manifest.format, manifest.locale)
        == ledger_words(filters, FORM, locale)
    )
    return manifest if same else None


def _as_earlier(home: Home, entry: ExportEntry | None) -> Earlier | None:
    if entry is None:
        return None
    kept = snapshot_path(home, entry.snapshot_id)
    return Earlier(entry.manifest_sha256, Path(entry.folder), kept if kept.is_file() else None)


def _signed_off(home: Home, first: date, until: date) -> list[dict[str, str]]:
    """Who has signed off the months of the period by now, oldest first: of which figures is what they had before
    them."""
    signed = standing(Ledger(home.ledger).sign_off_log())
    return [
        {
            "month": f"{month:%Y-%m}",
            "by": entry.by,
            "at": z_text_of(entry.at),
            "snapshot": entry.snapshot_id or "",
            "manifest_sha256": entry.manifest_sha256 or "",
        }
        for month in sorted(signed)
        if first.replace(day=1) <= month < until
        for entry in signed[month]
    ]


def _named(entry: ExportEntry | None) -> dict[str, str] | None:
    if entry is None:
        return None
    return {
        "manifest_sha256": entry.manifest_sha256,
        "snapshot": entry.snapshot_id,
        "made_at": z_text_of(entry.made_at),
        "made_by": entry.made_by,
    }


# -- tables --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Made:
    asked: Asked
    facts: dict[str, Any]
    figures: dict[str, int | None]
    digests: dict[str, str]
    bridges: dict[str, dict[str, int]]
    files: list[FileEntry]
    limits: tuple[str, ...]


def _write_tables(
    path: Path,
    workshop: Path,
    stem: str,
    locale: Locale,
    asked_of: Callable[[datetime | None], Asked],
) -> _Made:
    """Write the files of every table into ``workshop``; with them what the snapshot says of itself and the period."""
    snapshot = _Snapshot(path, workshop / "spill")
    bridges: dict[str, dict[str, int]] = {}
    files: list[FileEntry] = []
    with ThreadPoolExecutor(5, "package") as pool:
        digests = pool.submit(mart_digests, path)
        try:
            judged_at = snapshot.do(_judged_at)
            asked = asked_of(judged_at)
            if asked.provider is not None:
                provider = asked.provider
                snapshot.do(lambda con: require_provider(con, provider))

            def told(con: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], dict[str, int | None]]:
                date_findings(con)
                return facts_of(con, period_of(asked)), figures_of(con, asked)

            facts, figures = snapshot.do(told)
            for table in tables():

                def write(
                    con: duckdb.DuckDBPyConnection, table: PackageTable = table
                ) -> tuple[list[FileEntry], dict[str, dict[str, int]]]:
                    return _write_table(con, asked, table, workshop, f"{stem}_{table.name}", locale, pool)

                entries, lines = snapshot.do(write)
                files.extend(entries)
                bridges |= lines
        finally:
            snapshot.close()
    return _Made(asked, facts, figures, digests.result(), bridges, files, snapshot.limits)


def _write_table(
    con: duckdb.DuckDBPyConnection,
    asked: Asked,
    table: PackageTable,
    folder: Path,
    stem: str,
    locale: Locale,
    pool: ThreadPoolExecutor,
) -> tuple[list[FileEntry], dict[str, dict[str, int]]]:
    for ending in ENDINGS:  # of an attempt that ran out of memory
        (folder / f"{stem}{ending}").unlink(missing_ok=True)
    lines: dict[str, dict[str, int]] = {}
    spool = Spool(folder / SPOOL / table.name)
    with _files(folder, stem, table, locale, pool) as files:
        for batch in table.rows(con, asked):
            if table.name == BRIDGES:
                _note_bridges(batch, asked, lines)
            files.add(batch)
            spool.add(batch)
        return files.close(), lines


def _note_bridges(batch: pl.DataFrame, asked: Asked, lines: dict[str, dict[str, int]]) -> None:
    """Keep the lines of bridges that are of all that was asked for, but for those of single days."""
    scope = _WHOLE if asked.provider is None else _PROVIDER
    of_all = batch.filter(pl.col("scope") == scope, pl.col("local_date").is_null())
    for bridge, line, amount in of_all.select("bridge", "line", "amount_idr").iter_rows():
        lines.setdefault(bridge, {})[line] = amount


@contextmanager
def _files(
    folder: Path, stem: str, table: PackageTable, locale: Locale, pool: ThreadPoolExecutor
) -> Generator[TableFiles]:
    files = TableFiles(folder, stem, table, locale, pool)
    try:
        yield files
    except BaseException:
        files.abandon()
        raise


class _Snapshot:
    """A snapshot that is asked with as little memory as it can be done in: a question that runs out of it is put once
    more with the next, and so are those after it."""

    def __init__(self, path: Path, spill: Path, limits: tuple[str, ...] = QUERY_MEMORY) -> None:
        self._path = path
        self._spill = spill
        self.limits = limits
        self._open()

    def _open(self) -> None:
        self._opened = open_snapshot(self._path, memory_limit=self.limits[0], spill_folder=self._spill)
        self._con = self._opened.__enter__()

    def do(self, question: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        while True:
            try:
                return question(self._con)
            except duckdb.OutOfMemoryException:
                if len(self.limits) == 1:
                    raise
                self.close()
                self.limits = self.limits[1:]
                self._open()

    def close(self) -> None:
        self._opened.__exit__(None, None, None)


def _judged_at(con: duckdb.DuckDBPyConnection) -> datetime | None:
    """The instant states were judged at; None where commission records were never scanned."""
    rows = con.execute("SELECT as_of FROM marts.commission_summary").fetchall()
    return rows[0][0] if rows else None


# -- telling -------------------------------------------------------------------------------------------------

_BRIDGES_SAID: Final = 10


def open_bridges(exported: Exported) -> list[str]:
    """Each bridge of the package that does not end in 0: which, whose, of which day, and by how much."""
    manifest = exported.manifest
    path = exported.folder / f"{label_of(manifest)}_{manifest.snapshot}_{BRIDGES}.csv"
    if not path.is_file():
        return []
    ends = (
        pl.scan_csv(path, infer_schema=False)
        .filter(pl.col("kind") == LineKind.DIFFERENCE.value, pl.col("amount_idr") != "0")
        .select("bridge", "provider_id", "local_date", "amount_idr")
        .collect()
    )
    return [
        f"{bridge}{f' of {provider}' if provider else ''}{f' on {day}' if day else ''}: {rupiah(int(amount))}"
        for bridge, provider, day, amount in ends.iter_rows()
    ]


def describe(exported: Exported, say: Callable[[str], None]) -> None:
    """Tell a person what was made: the period, whether it is closed, the files, their rows and sums."""
    manifest = exported.manifest
    told = manifest.month
    if told is None:
        raise BookwatchError("The manifest is not that of a month's package.", "Give the folder of one.")
    filters = manifest.filters
    whose = f" of the provider {filters['provider']}" if "provider" in filters else ""
    say(
        f"Package {label_of(manifest)}{whose}: local days from {filters['from']} up to, not including,"
        f" {filters['to']}, snapshot {manifest.snapshot}."
    )
    if told.open:
        say(
            "The period was OPEN when this snapshot was judged"
            f" ({manifest.as_of or 'commission records were never scanned'}): its figures may still change."
        )
    if lost := told.figures.get("rows_unaccounted"):
        say(f"NOT ACCOUNTED FOR: {lost:,} rows of the mirror are neither in nor out, or counted twice.")
    if unread := told.figures.get("collections_not_read"):
        say(
            f"{unread:,} of the collections that figures are made of were NOT READ to their end: rows of the period may"
            " be missing. The table completeness names them (read)."
        )
    if told.clock_frozen:
        say("The clock was stopped (BOOKWATCH_NOW): when it was made is what that says.")
    if told.supersedes:
        say(f"It supersedes the report {told.supersedes['manifest_sha256']} of {told.supersedes['made_at']}.")
    left_open = open_bridges(exported)
    for sentence in left_open[:_BRIDGES_SAID]:
        say(f"DOES NOT CLOSE: {sentence}")
    if len(left_open) > _BRIDGES_SAID:
        say(f"… and {len(left_open) - _BRIDGES_SAID:,} more bridges do not close.")
    for entry in manifest.files:
        if entry.name.endswith((".json", "_spreadsheet.csv")):
            continue
        sums = ", ".join(f"{column} {total:,}" for column, total in entry.totals.items())
        say(f"  {entry.name}: {entry.rows:,} rows{f'; {sums}' if sums else ''}")
    say(f"Manifest {exported.folder / MANIFEST} (SHA-256 {exported.manifest_sha256})")
    if exported.already_there:
        say("This package was already there, byte for byte: no new entry was made in the ledger.")
    if exported.strangers:
        say(
            f"The folder also holds {', '.join(exported.strangers[:5])}: `bookwatch verify` names what does not belong."
        )


def a_month(text: str) -> tuple[date, date]:
    """The first day of a month written YYYY-MM, and that of the next. Raises UsageError."""
    try:
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
        if f"{first:%Y-%m}" != text:
            raise ValueError
    except ValueError:
        raise UsageError(f"{text!r} is not a month.", "Write it as YYYY-MM, such as 2026-10.") from None
    return first, month_after(first)
