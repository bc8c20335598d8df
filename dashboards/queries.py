"""SQL on the published snapshot, small frames out. The only module here that opens a DuckDB file, and never
for writing; commission_queries.py and service_queries.py ask through it.

Not here: what the figures mean (marts), how they look (blocks, charts).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache, wraps
from pathlib import Path
from threading import Condition
from typing import Any, Concatenate, ParamSpec, TypeVar

import duckdb
import polars as pl

from marketplace.difference import AGGREGATES, COLUMNS
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


def cached(question: Callable[Concatenate[str, P], T]) -> Callable[Concatenate[str, P], T]:
    """Keep the answers of a question, by the snapshot's path and what else was asked.

    A replaced snapshot has another real path, and one that was written anew another stamp, so an answer that is kept is
    never out of date; one that was changed in its place is answered no more. A few snapshots' worth is kept. Not
    st.cache_data: it unpickles on each hit, and notebooks ask the same questions. Callers change no answer.
    """

    @lru_cache(maxsize=256)
    def kept(stamp: Stamp, path: str, *more: P.args, **named: P.kwargs) -> T:
        del stamp
        return question(path, *more, **named)

    @wraps(question)
    def asked(path: str, *more: P.args, **named: P.kwargs) -> T:
        return kept(_require_unchanged(path), path, *more, **named)

    return asked


def _require_unchanged(path: str) -> Stamp:
    """What tells this file from another under its name. Raises SnapshotUnreadable where it is not the one that was
    published, or is gone."""
    try:
        require_unchanged(Path(path))
        state = os.stat(path)
        return state.st_ino, state.st_mtime_ns
    except SnapshotChanged as changed:
        raise SnapshotUnreadable(changed.problem, changed.next_step) from None
    except OSError as gone:
        raise SnapshotUnreadable(
            f"The snapshot {Path(path).stem} cannot be read ({gone.strerror}).",
            "It was just replaced, or its file was taken away: `bookwatch run` publishes a new one.",
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
                raise SnapshotUnreadable(
                    f"The snapshot {Path(path).stem} was just written anew, and is still being read as it was.",
                    "Load the page again in a moment.",
                )
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
            raise NotInSnapshot(
                f"The snapshot {Path(path).stem} has not every table this is made of.",
                "`bookwatch run` publishes one that has.",
            ) from None
        raise SnapshotUnreadable(
            f"The snapshot {Path(path).stem} could not answer ({type(failure).__name__}).",
            "It may be older than this version of bookwatch, or was just replaced:"
            " `bookwatch run` publishes a new one.",
        ) from None


def ask(path: str, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
    """The rows of a question. Raises SnapshotUnreadable, NotInSnapshot where a table is not there."""
    with reading(path) as connection:
        return connection.sql(sql, params=parameters or []).pl()


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


@cached
def revenue_daily(path: str) -> pl.DataFrame:
    """local_date, bookings, booked_idr, completed_idr, collected_idr: all days, oldest first."""
    return ask(
        path,
        """SELECT local_date, bookings::BIGINT AS bookings, booked_idr::BIGINT AS booked_idr,
                  completed_idr::BIGINT AS completed_idr, collected_idr::BIGINT AS collected_idr
           FROM marts.revenue_daily WHERE local_date IS NOT NULL ORDER BY local_date""",
    )


@cached
def undated(path: str) -> dict[str, int]:
    """rows, booked_idr, completed_idr, collected_idr of what has no local day and so is in no figure of a day; rows 0
    in a snapshot older than that table."""
    try:
        return ask(
            path,
            """SELECT coalesce(sum(rows), 0)::BIGINT AS rows, coalesce(sum(booked_idr), 0)::BIGINT AS booked_idr,
                      coalesce(sum(completed_idr), 0)::BIGINT AS completed_idr,
                      coalesce(sum(collected_idr), 0)::BIGINT AS collected_idr
               FROM marts.undated_rows""",
        ).to_dicts()[0]
    except NotInSnapshot:
        return {"rows": 0}


@cached
def revenue_by_source(path: str, first: date, last: date) -> pl.DataFrame:
    """source, bookings, booked_idr, completed_idr of the days first to last, both included; the largest
    first."""
    return ask(
        path,
        """SELECT source, sum(bookings)::BIGINT AS bookings, sum(booked_idr)::BIGINT AS booked_idr,
                  sum(completed_idr)::BIGINT AS completed_idr
           FROM marts.revenue_by_source WHERE local_date BETWEEN ? AND ?
           GROUP BY source ORDER BY booked_idr DESC, source""",
        [first, last],
    )


@cached
def revenue_by_day_and_source(path: str, first: date, last: date) -> pl.DataFrame:
    """local_date, source, bookings, booked_idr, completed_idr of the days first to last, both included."""
    return ask(
        path,
        """SELECT local_date, source, bookings::BIGINT AS bookings, booked_idr::BIGINT AS booked_idr,
                  completed_idr::BIGINT AS completed_idr
           FROM marts.revenue_by_source WHERE local_date BETWEEN ? AND ? ORDER BY local_date, source""",
        [first, last],
    )


#: The difference of a group of rows, and what is not in it.
_DIFFERENCE = ", ".join(f"({sql})::BIGINT AS {name}" for name, sql in AGGREGATES.items())


@cached
def commission_summary(path: str) -> dict[str, Any] | None:
    """The one row of marts.commission_summary, or None where it is empty."""
    rows = ask(path, "SELECT * FROM marts.commission_summary LIMIT 1").to_dicts()
    return rows[0] if rows else None


@cached
def reconciliation_states(path: str) -> pl.DataFrame:
    """state, rows, expected_idr, actual_idr, the difference and what is not in it (marketplace/difference.py) over the
    whole history; sums of nothing known are null."""
    return ask(
        path,
        f"""SELECT state, count(*)::BIGINT AS rows, sum(expected_idr)::BIGINT AS expected_idr,
                   sum(actual_idr)::BIGINT AS actual_idr, {_DIFFERENCE}
            FROM marts.commission_reconciliation GROUP BY state ORDER BY rows DESC, state""",
    )


@cached
def missing_commissions(path: str, limit: int) -> pl.DataFrame:
    """Each booking that earns and has no commission record, the oldest first, with the rupiah owed; the first
    ``limit`` of them."""
    return _missing(path, limit)


def all_missing_commissions(path: str) -> pl.DataFrame:
    """The same, all of them: for a download, so not kept."""
    return _missing(path, None)


def _missing(path: str, limit: int | None) -> pl.DataFrame:
    return ask(
        path,
        # Ids are unique in a collection: the second of two missing bookings with one id has a longer finding id.
        """WITH missing AS (
             SELECT *, CASE WHEN row_number() OVER (PARTITION BY booking_id ORDER BY origin) = 1
                            THEN 'missing:' || booking_id
                            ELSE 'missing:' || booking_id || ':' || origin END AS finding_id
             FROM marts.commission_reconciliation WHERE state = 'missing')
           SELECT r.booking_id, r.provider_id, b.provider_name, r.source, r.booking_status,
                  r.booking_amount_idr, r.expected_idr, r.local_date, r.accrued_at, r.deadline_at,
                  coalesce(f.waived, false) AS waived
           FROM missing r
           LEFT JOIN core.bookings b ON b.booking_id = r.booking_id AND b.origin = r.origin
           LEFT JOIN marts.commission_findings f ON f.finding_id = r.finding_id
           ORDER BY r.accrued_at, r.booking_id, r.origin LIMIT ?""",
        [limit],
    )


@cached
def findings_by_code(path: str) -> pl.DataFrame:
    """finding, severity (the worst), open, waived, the difference of the open ones and what is not in it
    (marketplace/difference.py); the worst and most frequent first."""
    return ask(
        path,
        f"""WITH ranked AS (
              SELECT *,
                CASE severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3
                              WHEN 'medium' THEN 2 ELSE 1 END AS weight
              FROM marts.commission_findings),
            counted AS (
              SELECT finding, arg_max(severity, weight) AS severity, max(weight) AS weight,
                     count(*) FILTER (NOT coalesce(waived, false))::BIGINT AS open,
                     count(*) FILTER (coalesce(waived, false))::BIGINT AS waived
              FROM ranked GROUP BY finding),
            opened AS (
              SELECT finding, {_DIFFERENCE} FROM ranked WHERE NOT coalesce(waived, false) GROUP BY finding)
            SELECT finding, severity, open, waived, {", ".join(COLUMNS)}
            FROM counted LEFT JOIN opened USING (finding) ORDER BY weight DESC, open DESC, finding""",
    )


@cached
def findings(path: str, code: str | None, limit: int) -> pl.DataFrame:
    """The findings of one code (or all): open ones first, the largest difference first; ``limit`` of them."""
    return _findings(path, code, limit)


def all_findings(path: str, code: str | None) -> pl.DataFrame:
    """The same, all of them: for a download, so not kept."""
    return _findings(path, code, None)


@cached
def waivers(path: str) -> pl.DataFrame:
    """finding_id, waived_by, waived_at, waived_reason of each waiver in force; none in a snapshot older than that
    table, where findings are marked waived all the same."""
    try:
        return ask(path, "SELECT finding_id, waived_by, waived_at, reason AS waived_reason FROM ops.waivers")
    except NotInSnapshot:
        return pl.DataFrame(schema=_WAIVERS)


def waiver(path: str, finding_id: str) -> dict[str, Any] | None:
    """Who waived a finding, when and why; None where the snapshot does not say."""
    rows = waivers(path).filter(pl.col("finding_id") == finding_id).to_dicts()
    return rows[0] if rows else None


_WAIVERS: dict[str, Any] = {
    "finding_id": pl.String,
    "waived_by": pl.String,
    "waived_at": pl.Datetime("us"),
    "waived_reason": pl.String,
}


def _findings(path: str, code: str | None, limit: int | None) -> pl.DataFrame:
    found = ask(
        path,
        """SELECT finding_id, finding, severity, booking_id, booking_ref, commission_id, provider_id,
        expected_idr, actual_idr,
                  variance_idr, coalesce(waived, false) AS waived, detail
           FROM marts.commission_findings WHERE ? IS NULL OR finding = ?
           ORDER BY coalesce(waived, false), abs(coalesce(variance_idr, 0)) DESC, finding_id LIMIT ?""",
        [code, code, limit],
    )
    return found.join(waivers(path), on="finding_id", how="left", maintain_order="left")


@cached
def health_points(path: str) -> list[dict[str, Any]]:
    """The seven rows of marts.health_points by number."""
    return ask(
        path,
        """SELECT point, name, status, figure, limit_value, message, severity, evidence_at
           FROM marts.health_points ORDER BY point""",
    ).to_dicts()


@cached
def scans(path: str) -> list[dict[str, Any]]:
    """collection, required, outcome, watermark, completed_at, detail of each collection, required first."""
    return ask(
        path,
        """SELECT collection, required, outcome, watermark, completed_at, detail FROM ops.scans
           ORDER BY required DESC, collection""",
    ).to_dicts()


@cached
def newest_booking_at(path: str) -> datetime | None:
    """The instant (naive UTC) of the newest successful booking."""
    rows = ask(path, "SELECT newest_booking_at FROM marts.service_figures LIMIT 1").rows()
    return rows[0][0] if rows else None


@cached
def quarantine(path: str) -> dict[str, Any]:
    """count, oldest_first_seen_at and reasons (reason → rows): the rows that could not be taken."""
    frame = ask(path, "SELECT reasons::VARCHAR AS reasons, first_seen_at FROM ops.quarantine")
    reasons: dict[str, int] = {}
    for written in frame["reasons"].to_list():
        for reason in _reasons(written):
            reasons[reason] = reasons.get(reason, 0) + 1
    return {"count": frame.height, "oldest_first_seen_at": frame["first_seen_at"].min(), "reasons": reasons}


def _reasons(written: str | None) -> list[str]:
    """A JSON list, DuckDB's text of a list, or words parted by commas: the reasons alone."""
    return [part.strip(" \"'") for part in (written or "").strip("[]").split(",") if part.strip(" \"'")]


@cached
def failing_checks(path: str) -> list[dict[str, Any]]:
    """check_name, asset, severity, failed_rows of the checks that did not hold in this snapshot's run."""
    return ask(
        path,
        """SELECT check_name, asset, severity, failed_rows FROM ops.check_results
           WHERE NOT passed AND run_id = (SELECT run_id FROM ops.snapshot LIMIT 1)
           ORDER BY severity, check_name""",
    ).to_dicts()


@cached
def check_counts(path: str) -> tuple[int, int]:
    """How many checks held and how many did not, in the run of this snapshot."""
    rows = ask(
        path,
        """SELECT count(*) FILTER (passed), count(*) FILTER (NOT passed) FROM ops.check_results
           WHERE run_id = (SELECT run_id FROM ops.snapshot LIMIT 1)""",
    ).rows()
    return int(rows[0][0]), int(rows[0][1])
