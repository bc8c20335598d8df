"""The package's table of changes: figures of the period that are not what the report before this one said, figures of
its closed months that a run found changed, and what could not be compared. By ledger line: corrections.py.

The figures of a closed month are the whole marketplace's: a provider's package does not have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from marketplace.closed_months import closes_at
from pipelines.exports.commissions import in_period, of_period
from pipelines.exports.month.earlier import reported, reported_figures
from pipelines.exports.month.figures import figures_of
from pipelines.exports.month.rows import period_of
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable
from resources.instants import z_text_of

#: What a line tells of.
FIGURE: Final = "figure"
CLOSED_MONTH: Final = "closed_month"
NOT_COMPARED: Final = "not_compared"

COLUMNS: Final = (
    PackageColumn(
        "kind",
        "",
        "figure (of the period, against the report before this one), closed_month (of a month that was closed, against"
        " the snapshot before), or not_compared: whether something changed is unknown",
    ),
    PackageColumn("local_month", "", "of a closed month: its first day"),
    PackageColumn("figure", "", "which figure; of findings finding: and the code"),
    PackageColumn("reported_idr", "", "what it was, where it is rupiah"),
    PackageColumn("now_idr", "", "what it is now, where it is rupiah"),
    PackageColumn("change_idr", "", "now less before, where it is rupiah"),
    PackageColumn("reported_count", "", "what it was, where it is a number of rows"),
    PackageColumn("now_count", "", "what it is now, where it is a number of rows"),
    PackageColumn("change_count", "", "now less before, where it is a number of rows"),
    PackageColumn("compared_with", "", "the snapshot in which it was so"),
    PackageColumn(
        "seen_at_utc", "", "when a run found it, ISO 8601; empty: by making this report", "instant"
    ),
    PackageColumn(
        "after_report",
        "",
        "whether a run found it after the snapshot of the report before this one; empty without such a report",
    ),
    PackageColumn("finding_id", "", "what `bookwatch waive` takes"),
    PackageColumn("waived", "", "whether someone had acknowledged it when the snapshot was made"),
    PackageColumn("detail", "", "one sentence"),
)
_TYPES: Final[dict[str, Any]] = {"local_month": pl.Date, "after_report": pl.Boolean, "waived": pl.Boolean}
SCHEMA: Final[dict[str, Any]] = {
    column.name: _TYPES.get(column.name, pl.Int64 if column.name.endswith(("_idr", "_count")) else pl.String)
    for column in COLUMNS
}

_FINDING: Final = "finding:"
#: Figures of the whole marketplace alone, beside those of the package (figures.py).
OF_DAYS: Final = ("bookings", "booked_idr", "completed_idr", "collected_idr")
_REVENUE: Final = (
    "SELECT "
    + ", ".join(f"coalesce(sum({name}), 0)::BIGINT" for name in OF_DAYS)
    + " FROM marts.revenue_daily WHERE local_date >= CAST($first AS DATE) AND local_date < CAST($until AS DATE)"
)
_FINDINGS: Final = (
    f"SELECT finding, count(*)::BIGINT FROM temp.dated_findings WHERE {in_period()} GROUP BY finding"
)
_CLOSED: Final = (
    "SELECT local_month, figure, previous_value, current_value, previous_snapshot_id, seen_at, finding_id, waived,"
    " detail FROM marts.closed_month_changes WHERE local_month >= date_trunc('month', CAST($first AS DATE))"
    " AND local_month < CAST($until AS DATE) ORDER BY local_month, figure, seen_at, finding_id"
)
_GAPS: Final = (
    "SELECT previous_snapshot_id, compared_at, reason FROM marts.closed_month_gaps"
    " ORDER BY compared_at, snapshot_id"
)


def rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    """Figures of the period in the order above, then the closed months'; few, so in one batch."""
    made = [*_figures(con, asked), *_closed_months(con, asked)]
    if made:
        yield pl.DataFrame(made, schema=SCHEMA, orient="row")


def _figures(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[dict[str, Any]]:
    earlier = asked.supersedes
    if earlier is None:
        return
    now = figures(con, asked)
    with reported(con, earlier) as (before, why):
        try:
            then = figures(before, asked) if before else {}
        except (duckdb.CatalogException, duckdb.BinderException):
            then, why = {}, "The snapshot that report rests on has not what figures are made of now."
    # What the report itself says, where the snapshot cannot be asked any more.
    then = then or reported_figures(earlier)
    if not then:
        yield {"kind": NOT_COMPARED, "detail": why}
        return
    snapshot = earlier.snapshot.stem if earlier.snapshot else None
    for name in {**now, **then}:
        was, is_now = then.get(name), now.get(name)
        if name.startswith(_FINDING) and not why:
            was, is_now = was or 0, is_now or 0
        line = {"figure": name, "compared_with": snapshot}
        if was is None or is_now is None:
            yield {
                **line,
                "kind": NOT_COMPARED,
                "detail": why or "One of the two reports has no such figure.",
            }
        elif was != is_now:
            yield {**line, "kind": FIGURE, **_values(name, was, is_now)}


def figures(con: duckdb.DuckDBPyConnection, asked: Asked) -> dict[str, int | None]:
    """The figures of the period as a snapshot has them. A finding that is not listed is 0. Raises duckdb's
    CatalogException or BinderException where the snapshot has not what one is made of."""
    found = figures_of(con, asked)
    period = period_of(asked)
    if asked.provider is None:
        row = con.execute(of_period(_REVENUE, period)).fetchone()
        found |= zip(OF_DAYS, row or (), strict=True)
    codes = con.execute(of_period(_FINDINGS, period)).fetchall()
    return found | {f"{_FINDING}{code}": count for code, count in sorted(codes)}


def _values(figure: str, was: int, is_now: int) -> dict[str, int]:
    unit = "idr" if figure.endswith("_idr") else "count"
    return {f"reported_{unit}": was, f"now_{unit}": is_now, f"change_{unit}": is_now - was}


def _closed_months(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[dict[str, Any]]:
    if asked.provider is not None:
        return
    reported_at = _published_at(con, asked)
    try:
        changes = con.execute(_CLOSED, {"first": asked.first, "until": asked.until}).fetchall()
        gaps = con.execute(_GAPS).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        yield {
            "kind": NOT_COMPARED,
            "detail": "This snapshot does not tell what became of closed months: another bookwatch made it.",
        }
        return
    snapshot = asked.supersedes.snapshot.stem if asked.supersedes and asked.supersedes.snapshot else None
    for month, figure, was, is_now, previous, seen_at, finding_id, waived, detail in changes:
        yield {
            "kind": CLOSED_MONTH,
            "local_month": month,
            "figure": figure,
            **_values(figure, was, is_now),
            "compared_with": previous,
            "seen_at_utc": z_text_of(seen_at),
            # A run that compares with the report's own snapshot, or a later one, is after it whatever the clock says.
            "after_report": None
            if snapshot is None
            else previous >= snapshot or (reported_at is not None and seen_at > reported_at),
            "finding_id": finding_id,
            "waived": waived,
            "detail": detail,
        }
    closed = _closed_from(asked)
    for previous, compared_at, reason in gaps:
        if compared_at >= closed:
            yield {
                "kind": NOT_COMPARED,
                "compared_with": previous,
                "seen_at_utc": z_text_of(compared_at),
                "after_report": None if reported_at is None else compared_at > reported_at,
                "detail": f"Closed months were compared with no snapshot: {reason}",
            }


def _closed_from(asked: Asked) -> datetime:
    """The instant (naive UTC) at which the first month that the period touches closed."""
    first = asked.first.replace(day=1)
    local = datetime(first.year, first.month, 1, tzinfo=ZoneInfo(asked.time_zone)) + timedelta(days=31)
    return closes_at(first, local.utcoffset() or timedelta(0))


def _published_at(con: duckdb.DuckDBPyConnection, asked: Asked) -> datetime | None:
    """When the snapshot of the report before this one was published (naive UTC); None where that cannot be told."""
    if asked.supersedes is None or asked.supersedes.snapshot is None:
        return None
    with reported(con, asked.supersedes) as (before, _):
        row = before.execute("SELECT published_at FROM ops.snapshot").fetchone() if before else None
    return row[0] if row else None


TABLE: Final = PackageTable(
    "changes",
    "A figure of the period that is not what an earlier report or snapshot said, or that could not be compared.",
    COLUMNS,
    rows,
)
